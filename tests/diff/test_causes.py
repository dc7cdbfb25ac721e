"""Causes against the truth: every edit of random pairs undone in the objects, and both maps made anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, reduce
from operator import or_
from typing import Any

import pytest

from podwall.diff.causes import Caused, caused
from podwall.diff.comparison import Comparison, Place, compare
from podwall.diff.edits import Edit, EndpointEdit, NamespaceEdit, PolicyEdit
from podwall.engine.postings import bits
from podwall.engine.sets import NO_PORTS, PortSet
from tests.diff.pairs import FAMILIES, Ports, difference, key, models, random_pair
from tests.truth.vocabulary import Object

Key = tuple[str, str, str]


def touched(edit: Edit) -> set[Key]:
    """The objects that an edit is about."""
    match edit:
        case PolicyEdit(ref):
            return {(ref.kind, ref.namespace, ref.name)}
        case NamespaceEdit(name):
            return {("Namespace", "", name)}
        case EndpointEdit(unit, old, new, parts):
            found = {(e.kind, e.namespace, e.name) for e in (*unit.old, *unit.new)}
            nodes = {("Node", "", e.node) for e in (old, new) if e.node}
            return found | (nodes if any(part.path == "spec.nodeName" for part in parts) else set())


def undone(old: Sequence[Object], new: Sequence[Object], keys: Iterable[Key]) -> list[Object]:
    """The new objects with some of them as they were."""
    chosen = set(keys)
    return [o for o in new if key(o) not in chosen] + [o for o in old if key(o) in chosen]


def first(place: Place, family: int) -> Iterator[str]:
    """What stands for a place where causes are looked for, if both sides have it by name."""
    if place.addresses is not None:
        yield from (cidr.partition("/")[0] for cidr in place.addresses.family(family).cidrs()[:1])
    elif place.units[0].old[0].name == place.units[0].new[0].name:
        one = place.units[0].new[0]
        yield f"{one.namespace}/{one.kind}/{one.name}"


def by_pod(found: Comparison, piece: Caused, *, opened: bool) -> Ports:
    """A piece by the Pods and addresses that stand for its places."""
    out: Ports = {}
    for s, d in itertools.product(bits(piece.sources), bits(piece.destinations)):
        for family, ports in (piece.opened if opened else piece.closed).items():
            if ports:
                ends = itertools.product(first(found.places[s], family), first(found.places[d], family))
                out |= {(one, other, family): ports for one, other in ends if one != other}
    return out


def outside(found: Comparison) -> list[str]:
    """The addresses that stand for the external places."""
    return [a for place in found.places if place.addresses is not None for f in (4, 6) for a in first(place, f)]


class Truth:
    """What edits open and close: both maps made of objects with these edits undone."""

    def __init__(self, seed: int) -> None:
        self._old, self._new, self._cni = random_pair(seed)
        self.found = compare(*models(self._old, self._new, self._cni, FAMILIES))
        self._outside = outside(self.found)
        self._known: dict[frozenset[int], tuple[Ports, Ports]] = {}

    def effect(self, edits: Iterable[int]) -> tuple[Ports, Ports]:
        """Opened and closed by some edits, all others being done."""
        chosen = frozenset(edits)
        if chosen not in self._known:
            keys = set[Key]().union(*(touched(self.found.edits[n]) for n in chosen))
            without = undone(self._old, self._new, keys)
            self._known[chosen] = difference(*models(without, self._new, self._cni, FAMILIES), self._outside)
        return self._known[chosen]


@pytest.mark.parametrize("seed", range(150))
def test_causes_are_what_undoing_shows(seed: int) -> None:
    truth = Truth(seed)
    for piece in caused(truth.found):
        named = frozenset(cause.edit for cause in piece.causes)
        for way, opened in enumerate((True, False)):
            rows = by_pod(truth.found, piece, opened=opened)
            for ends in {row[:2] for row in rows}:
                ports = {row: found for row, found in rows.items() if row[:2] == ends}
                single = {n: reverted(truth.effect([n])[way], ports) for n in range(len(truth.found.edits))}
                alone = {n for n, found in single.items() if any(found.values())}
                assert alone <= named
                together = reverted(truth.effect(named)[way], ports)
                assert all(ports[row] <= union([together[row], *(single[n][row] for n in alone)]) for row in ports)
                if not alone:  # only several together: the smallest set
                    assert ports not in [reverted(truth.effect(named - {n})[way], ports) for n in named]


def reverted(effect: Ports, ports: Ports) -> Ports:
    """What an effect makes of some ports."""
    return {row: effect.get(row, NO_PORTS) & found for row, found in ports.items()}


def union(sets: Iterable[PortSet]) -> PortSet:
    return reduce(or_, sets, NO_PORTS)


@pytest.mark.parametrize("seed", range(80))
def test_parts_are_what_undoing_them_shows(seed: int) -> None:
    old, new, cni = random_pair(seed)
    found = compare(*models(old, new, cni, FAMILIES))

    @cache
    def effect(number: int, parts: frozenset[int]) -> tuple[Ports, Ports]:
        without, now = models(new, new, cni, FAMILIES)
        found.edits[number].put(without.index, parts)
        return difference(without, now, outside(found))

    for piece in caused(found):
        for cause in piece.causes:
            edit = found.edits[cause.edit]
            if not isinstance(edit, PolicyEdit) or len(edit.parts) == 1:
                continue
            for way, opened in enumerate((True, False)):
                for row, ports in by_pod(found, piece, opened=opened).items():

                    def made(parts: Iterable[int], ports: PortSet = ports, way: int = way, row: Any = row) -> PortSet:
                        return effect(cause.edit, frozenset(parts))[way].get(row, NO_PORTS) & ports  # noqa: B023

                    whole = made(range(len(edit.parts)))
                    alone = {n for n in range(len(edit.parts)) if made([n]) & whole}
                    assert not whole or alone <= set(cause.parts)
                    assert whole <= union([made(cause.parts), *map(made, ([n] for n in alone))])
