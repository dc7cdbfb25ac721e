"""The engine against the oracle on clusters that shrink: every pair of the map at every port, and single verdicts."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.truth.compare import Tally, Trial
from tests.truth.strategies import clusters, questions

ALL = None  # ports: every one at which anything can change


@settings(max_examples=200, deadline=None, derandomize=True)
@given(clusters(), st.sampled_from(["kubernetes", "cilium"]), st.integers(0, 9))
def test_map_is_the_oracles(objects: list[dict[str, object]], cni: str, seed: int) -> None:
    tally = Tally()
    Trial(objects, cni, random.Random(seed)).compare_map(tally, ALL)
    assert tally.failures == []


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(["kubernetes", "cilium"]))
def test_verdict_is_the_oracles(data: st.DataObject, cni: str) -> None:
    objects = data.draw(clusters())
    trial = Trial(objects, cni, random.Random(0))
    tally = Tally()
    for query in data.draw(st.lists(questions(objects), min_size=1, max_size=4)):
        trial.compare_verdict(query, tally)
    assert tally.failures == []
