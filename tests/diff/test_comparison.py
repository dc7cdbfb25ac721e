"""The comparison is the set difference of two maps: on random pairs of clusters, pod by pod and address by address."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator

import pytest

from podwall.diff.comparison import Comparison, Place, compare
from podwall.diff.deltas import Ports as ByFamily
from podwall.diff.deltas import without
from podwall.engine.postings import bits
from podwall.engine.sets import NO_PORTS
from tests.diff.pairs import Ports, compared, difference, random_pair
from tests.truth.engine import assumed_addresses
from tests.truth.oracle import Oracle, OracleError, Undecided
from tests.truth.vocabulary import EXTERNAL, NUMBERS, PROTOCOLS


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


def test_most_pairs_differ() -> None:
    """Else the tests here would say little."""
    found = [compared(*random_pair(seed)) for seed in range(100)]
    assert sum(bool(one.deltas) for one in found) > 45
    assert sum(bool(one.outside) and any(d.sources & one.outside for d in one.deltas) for one in found) > 20
    assert sum(bool(one.came) for one in found) > 5


@pytest.mark.parametrize("seed", range(60))
def test_a_diff_is_what_two_oracles_say(seed: int) -> None:
    rng = random.Random(seed)
    old, new, cni = random_pair(seed)
    found = compared(old, new, cni)
    opened = expanded(found, ((d.sources, d.destinations, without(d.after, d.before)) for d in found.deltas))
    closed = expanded(found, ((d.sources, d.destinations, without(d.before, d.after)) for d in found.deltas))
    oracles = [
        Oracle(objects, profile=cni, addresses=assumed_addresses(model))
        for objects, model in zip((old, new), found.models, strict=True)
    ]
    names = [{f"{e.namespace}/{e.kind}/{e.name}" for e in model.endpoints} for model in found.models]
    inside = sorted(names[0] & names[1])
    hosts = {f"{e.namespace}/{e.kind}/{e.name}" for m in found.models for e in m.endpoints if e.host_network}
    for _ in range(80 if len(inside) > 1 else 0):
        src, dst = rng.choice([*inside, *EXTERNAL]), rng.choice(inside)
        protocol, port, family = rng.choice(PROTOCOLS), rng.choice(NUMBERS), rng.choice((4, 6))
        if src == dst or src in hosts:  # whom their own node lets in is no edge of a map (D4)
            continue
        try:
            was, now = (o.verdict(src, dst, protocol, port, family)["verdict"] == "allow" for o in oracles)
        except (OracleError, Undecided):
            continue
        asked, pair = (protocol, port), (src, dst, family)
        assert (asked in opened.get(pair, NO_PORTS), asked in closed.get(pair, NO_PORTS)) == (now > was, was > now)


@pytest.mark.parametrize("seed", range(20))
def test_a_namespace_has_its_part_of_the_whole(seed: int) -> None:
    old, new, cni = random_pair(seed)
    whole = compared(old, new, cni)
    part = compare(*whole.models, "alpha")

    def rows(found: Comparison) -> Ports:
        return expanded(found, ((d.sources, d.destinations, without(d.after, d.before)) for d in found.deltas))

    alpha = {pair: ports for pair, ports in rows(whole).items() if any(end.startswith("alpha/") for end in pair[:2])}
    assert rows(part) == alpha


def test_the_order_of_the_input_does_not_matter() -> None:
    old, new, cni = random_pair(8)
    rng = random.Random(0)
    found = []
    for _ in range(4):
        rng.shuffle(old)
        rng.shuffle(new)
        one = compared(old, new, cni)
        found.append(expanded(one, ((d.sources, d.destinations, d.after) for d in one.deltas)))
    assert all(one == found[0] for one in found)
