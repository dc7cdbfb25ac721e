"""The comparison is the set difference of two maps: on random pairs of clusters, pod by pod and address by address."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pytest

from podwall.diff.comparison import Comparison, Place
from podwall.diff.deltas import Ports as ByFamily
from podwall.diff.deltas import without
from podwall.engine.postings import bits
from tests.diff.pairs import Ports, compared, difference, random_pair
from tests.truth.vocabulary import EXTERNAL


def members(place: Place, family: int) -> Iterator[str]:
    """The Pods and addresses of a place that both sides have by name."""
    if place.addresses is not None:
        yield from (a for a in EXTERNAL if a in place.addresses and (":" in a) == (family == 6))
    for unit in place.units:
        names = [{f"{e.namespace}/{e.kind}/{e.name}" for e in found} for found in (unit.old, unit.new)]
        yield from names[0] & names[1]


def expanded(found: Comparison, rows: Iterable[tuple[int, int, ByFamily]]) -> Ports:
    """Places → Pods and addresses."""
    out: Ports = {}
    for sources, destinations, ports in rows:
        for s, d in itertools.product(bits(sources), bits(destinations)):
            for family, opened in ports.items():
                for one in members(found.places[s], family) if opened else ():
                    for other in members(found.places[d], family):
                        if one != other:
                            assert (one, other, family) not in out
                            out[one, other, family] = opened
    return out


@pytest.mark.parametrize("seed", range(300))
def test_a_diff_is_the_difference_of_two_maps(seed: int) -> None:
    found = compared(*random_pair(seed, "medium" if seed % 5 == 0 else "small"))
    opened, closed = difference(*found.models)
    assert expanded(found, ((d.sources, d.destinations, without(d.after, d.before)) for d in found.deltas)) == opened
    assert expanded(found, ((d.sources, d.destinations, without(d.before, d.after)) for d in found.deltas)) == closed
