"""Causes against the truth: every edit of random pairs undone in the objects, and both maps made anew."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import pytest

from podwall.diff.causes import Caused, caused
from podwall.diff.comparison import Comparison
from podwall.diff.edits import Edit, EndpointEdit, NamespaceEdit, PolicyEdit
from podwall.engine.postings import bits
from podwall.engine.sets import NO_PORTS
from tests.diff.pairs import Ports, compared, difference, key, models, random_pair
from tests.diff.test_comparison import members
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


def by_pod(found: Comparison, piece: Caused, *, opened: bool) -> Ports:
    """A piece pod by pod."""
    out: Ports = {}
    for s, d in itertools.product(bits(piece.sources), bits(piece.destinations)):
        for family, ports in (piece.opened if opened else piece.closed).items():
            if ports:
                ends = itertools.product(members(found.places[s], family), members(found.places[d], family))
                out |= {(one, other, family): ports for one, other in ends if one != other}
    return out


class Truth:
    """What edits open and close: both maps made of objects with these edits undone."""

    def __init__(self, seed: int) -> None:
        self._old, self._new, self._cni = random_pair(seed)
        self.found = compared(self._old, self._new, self._cni)
        self._known: dict[frozenset[int], tuple[Ports, Ports]] = {}

    def effect(self, edits: Iterable[int]) -> tuple[Ports, Ports]:
        """Opened and closed by some edits, all others being done."""
        chosen = frozenset(edits)
        if chosen not in self._known:
            keys = set[Key]().union(*(touched(self.found.edits[n]) for n in chosen))
            without = undone(self._old, self._new, keys)
            self._known[chosen] = difference(*models(without, self._new, self._cni))
        return self._known[chosen]


@pytest.mark.parametrize("seed", range(150))
def test_causes_are_what_undoing_shows(seed: int) -> None:
    truth = Truth(seed)
    found = truth.found
    for piece in caused(found):
        named = frozenset(cause.edit for cause in piece.causes)
        for way, opened in enumerate((True, False)):
            for pair, ports in by_pod(found, piece, opened=opened).items():
                alone = {n for n in range(len(found.edits)) if truth.effect([n])[way].get(pair, NO_PORTS) & ports}
                assert alone <= named
                assert truth.effect(named)[way].get(pair, NO_PORTS) & ports == ports
                if not alone:  # only several together: the smallest set
                    fewer = [truth.effect(named - {n})[way].get(pair, NO_PORTS) & ports for n in named]
                    assert ports not in fewer
