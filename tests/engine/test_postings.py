"""Postings against a scan: slots that come and go, in any order, and what selectors say of those that are in."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.engine.labels import EVERYTHING, Selector, Term
from podwall.engine.postings import Postings, bits, number_of

KEYS = ("app", "tier", "role")
VALUES = ("x", "y", "")


def random_labels(rng: random.Random) -> dict[str, str]:
    return {key: rng.choice(VALUES) for key in KEYS if rng.random() < 0.6}


def random_selector(rng: random.Random) -> Selector:
    terms = [
        Term(key, frozenset(rng.sample((*VALUES, None), rng.randint(0, 3))), complement=rng.random() < 0.5)
        for key in sorted(rng.sample((*KEYS, "absent"), rng.randint(0, 3)))
    ]
    return Selector(tuple(terms))


@pytest.mark.parametrize("seed", range(40))
def test_select_is_a_scan(seed: int) -> None:
    rng = random.Random(seed)
    postings, held = Postings(), dict[int, dict[str, str]]()
    for _ in range(60):
        if held and rng.random() < 0.4:
            slot = rng.choice(sorted(held))
            postings.remove(slot, held.pop(slot))
        else:
            slot = min(set(range(len(held) + 1)) - held.keys()) if rng.random() < 0.7 else max(held, default=-1) + 70
            held[slot] = random_labels(rng)
            postings.add(slot, held[slot])
        chosen = random_selector(rng)
        assert list(bits(postings.select(chosen))) == [s for s in sorted(held) if chosen.matches(held[s])]
        assert list(bits(postings.all)) == sorted(held)


def test_all_gone_is_like_new() -> None:
    postings = Postings()
    for slot, labels in enumerate(({"app": "x"}, {}, {"app": "x", "tier": ""})):
        postings.add(slot, labels)
    for slot, labels in enumerate(({"app": "x"}, {}, {"app": "x", "tier": ""})):
        postings.remove(slot, labels)
    assert postings.select(EVERYTHING) == 0
    assert postings.select(Selector((Term("app", frozenset((None,))),))) == 0
    assert vars(postings) == vars(Postings())  # nothing is kept of labels that nobody has any more


@given(st.sets(st.integers(0, 300)))
@settings(deadline=None, derandomize=True)
def test_bits_are_positions_lowest_first(positions: set[int]) -> None:
    number = sum(1 << p for p in positions)
    assert list(bits(number)) == sorted(positions)
    assert number_of(positions) == number
