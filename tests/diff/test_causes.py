"""A cause is what single edits do: every edit of random pairs undone in the objects themselves, and both maps made anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import cache

import pytest

from podwall.diff.causes import Caused, caused
from podwall.diff.comparison import Comparison
from podwall.diff.edits import Edit, EndpointEdit, NamespaceEdit, PolicyEdit
from podwall.engine.postings import bits
from podwall.engine.sets import NO_PORTS, PortSet
from tests.diff.pairs import Ports, compared, difference, key, models, random_pair
from tests.diff.test_comparison import members
from tests.truth.vocabulary import Object

Key = tuple[str, str, str]


def touched(edit: Edit, objects: Sequence[Object]) -> set[Key]:
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


def by_pod(found: Comparison, piece: Caused, *, opened: bool) -> Ports:
    """A piece pod by pod."""
    out: Ports = {}
    for s, d in itertools.product(bits(piece.sources), bits(piece.destinations)):
        for family, ports in (piece.opened if opened else piece.closed).items():
            if ports:
                ends = itertools.product(members(found.places[s], family), members(found.places[d], family))
                out |= {(one, other, family): ports for one, other in ends if one != other}
    return out


@pytest.mark.parametrize("seed", range(150))
def test_causes_are_what_undoing_shows(seed: int) -> None:
    old, new, cni = random_pair(seed)
    found = compared(old, new, cni)

    @cache
    def effect(edits: frozenset[int]) -> tuple[Ports, Ports]:
        """What these edits open and close."""
        keys = set().union(*(touched(found.edits[n], new) for n in edits))
        return difference(*models(undone(old, new, keys), new, cni))

    for piece in caused(found):
        named = frozenset(cause.edit for cause in piece.causes)
        for opened in (True, False):
            for pair, ports in by_pod(found, piece, opened=opened).items():
                def made(edits: Iterable[int]) -> PortSet:
                    return effect(frozenset(edits))[not opened].get(pair, NO_PORTS) & ports

                alone = {n for n in range(len(found.edits)) if made([n])}
                assert alone <= named
                assert made(named) == ports
                if not alone and len(named) > 1:
                    assert [n for n in named if made(named - {n}) == ports] == []
