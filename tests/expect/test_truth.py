"""Assertions on random clusters: what the rows say of sets is what the oracle says of every pair in them."""

from __future__ import annotations

import random

import pytest

from podwall.expect.judge import Outcome
from tests.expect.reading import expectations, judged
from tests.truth.compare import trial
from tests.truth.expectations import Drawn, Naive, OracleError, Verdict, draw

BLOCK = 10
SEEDS = range(0, 300, BLOCK)
ASSERTIONS = 12


def wrong(asked: Drawn, want: Verdict | None, got: Outcome) -> str | None:
    """What differs, None where nothing does; a reference that stands for nothing makes no pair."""
    if want is None:
        return f"{asked.value()} is about {got.pairs} pairs, to the oracle about nothing" if got.pairs else None
    if (want.pairs > 0) != (got.pairs > 0):
        return f"{asked.value()}: {want.pairs} pairs, not {got.pairs} ({got.problem})"
    if want.holds(asked) is not got.holds:
        return f"{asked.value()} holds: {want.holds(asked)}, not {got.holds}: {want.wrong[:4]} {got.breaches}"
    if bool(want.wrong) != bool(got.breaches) and not asked.some:
        return f"{asked.value()}: {want.wrong[:4]} {got.breaches}"
    return None


@pytest.mark.parametrize("first", SEEDS)
def test_assertions_hold_as_the_oracle_has_it(first: int) -> None:
    failures = []
    decided = held = 0
    for seed in range(first, first + BLOCK):
        one = trial(seed, (6, 3, 0, 0))
        rng = random.Random(f"expectations {seed}")
        naive = Naive(one.objects, one.oracle)
        if naive.is_open_question:
            continue
        drawn = [draw(rng, one.objects, one.oracle) for _ in range(ASSERTIONS)]
        for asked, got in zip(drawn, judged(one.model, expectations([d.value() for d in drawn])), strict=True):
            try:
                want = naive.judge(asked)
            except OracleError:
                want = None
            difference = wrong(asked, want, got)
            if difference:
                failures.append(f"seed {seed}: {difference}")
            decided += want is not None
            held += got.holds
    assert failures == []
    assert decided > BLOCK * ASSERTIONS / 3
    assert 0 < held < decided
