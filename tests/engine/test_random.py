"""The engine against the oracle on seeded random clusters: single verdicts on 2,000, the whole map on 320 of them.

Half of the clusters have cluster-wide policies. `python tests/truth/fresh.py --seed S --clusters 1` repeats one
seed's cluster at more questions.
"""

from __future__ import annotations

import pytest

from tests.truth.compare import Tally, trial

BLOCK = 50
VERDICTS = range(0, 2000, BLOCK)
QUERIES = 20
MAPS = 8  # of each block
MAP_SIZES = (4, 4, 1, 0)  # tiny, small, medium, large


@pytest.mark.parametrize("first", VERDICTS)
def test_verdicts_are_the_oracles(first: int) -> None:
    failures = []
    skipped = asked = 0
    for seed in range(first, first + BLOCK):
        tally = Tally()
        trial(seed).compare_verdicts(QUERIES, tally)
        failures += [f"seed {seed}: {failure}" for failure in tally.failures]
        skipped, asked = skipped + tally.skipped, asked + tally.queries
    assert failures == []
    assert skipped < asked / 5  # else nothing is compared


@pytest.mark.parametrize("first", VERDICTS)
def test_maps_are_the_oracles(first: int) -> None:
    failures = []
    pairs = 0
    for seed in range(first, first + MAPS):
        tally = Tally()
        trial(seed, MAP_SIZES).compare_map(tally)
        failures += [f"seed {seed}: {failure}" for failure in tally.failures]
        pairs += tally.pairs
    assert failures == []
    assert pairs > MAPS
