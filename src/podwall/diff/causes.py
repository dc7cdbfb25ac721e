"""Which edits opened or closed a pair: found by judging again with single edits undone.

Pairs that the same edits may have to do with are looked at together (`bench`). An edit is a cause of ports that are as
they were once it alone is undone. Where no single one is, because two edits do the same, a smallest set is named: with
one edit less undone, nothing reverts. Within an edit its parts are told apart in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from podwall.diff.bench import Bench, Piece, Undone
from podwall.diff.comparison import Comparison, own_pairs
from podwall.diff.deltas import Delta, Ports, without
from podwall.diff.edits import Edit, EndpointEdit, NamespaceEdit, PolicyEdit
from podwall.engine.postings import bits
from podwall.engine.rules import Direction, Pods, PolicyRules

__all__ = ["Cause", "Caused", "apart", "caused"]

# Endpoints that are judged, each once for every edit that is undone; a minute's work, and far more than people review.
_MOST_JUDGED = 300_000


# Parts of an edit that are looked at one by one, where it takes another edit to undo what they did.
_MOST_SPARED = 16


class Cause(Struct, frozen=True, order=True):
    """An edit by its number, and the numbers of those parts of it that did it."""

    edit: int
    parts: tuple[int, ...]


class Caused(Struct, frozen=True, gc=False):
    """Places as bits: between each source and each destination the same edits opened and closed these ports.

    Families without any are in `opened` and `closed` where both ends have an address of them. Where it is not `told`
    which edits did it, for there are too many, `causes` are all that the pairs may have to do with.
    """

    sources: int
    destinations: int
    opened: Ports
    closed: Ports
    causes: tuple[Cause, ...] = ()
    told: bool = True


def caused(found: Comparison) -> list[Caused]:
    """Every pair of places of both sides whose ports differ, with what did it; in no order.

    What is opened and what is closed comes apart, because other edits may have done it.
    """
    out = [_turned(found, delta) for delta in own_pairs(found)]
    touched = _Touched(found)
    together: dict[tuple[int, ...], list[Piece]] = {}
    for delta in found.deltas:
        sources, destinations = delta.sources & found.staying, delta.destinations & found.staying
        opened, closed = without(delta.after, delta.before), without(delta.before, delta.after)
        for edits, one, other in touched.split(sources, destinations):
            pieces = together.setdefault(edits, [])
            if any(opened.values()):
                pieces.append(Piece(one, other, opened, {}))
            if any(closed.values()):
                pieces.append(Piece(one, other, {}, closed))
    left = _MOST_JUDGED
    for edits, alike in sorted(together.items(), key=lambda item: item[0]):
        if len(edits) > 1 or len(found.edits[edits[0]].parts) > 1:
            left -= _cost(alike) * (len(edits) + 1)
        out += _explained(found, edits, alike) if left >= 0 else _untold(found, edits, alike)
    return out


def _cost(pieces: Iterable[Piece]) -> int:
    used = 0
    for piece in pieces:
        used |= piece.sources | piece.destinations
    return used.bit_count()


def _untold(found: Comparison, edits: tuple[int, ...], pieces: Iterable[Piece]) -> Iterator[Caused]:
    """All edits that the pairs may have to do with."""
    whole = tuple(Cause(number, tuple(range(len(found.edits[number].parts)))) for number in edits)
    for piece in pieces:
        yield Caused(piece.sources, piece.destinations, piece.opened, piece.closed, whole, told=False)


def apart(found: Comparison) -> tuple[list[Caused], list[Caused]]:
    """What added endpoints have opened, and what removed ones have taken with them."""
    came: list[Caused] = []
    gone: list[Caused] = []
    for delta in found.deltas:
        for out, mask, ports in ((came, found.came, delta.after), (gone, found.gone, delta.before)):
            for sources, destinations in (
                (delta.sources & mask, delta.destinations),
                (delta.sources & ~mask, delta.destinations & mask),
            ):
                if sources and destinations and any(ports.values()):
                    opened, closed = (ports, {}) if out is came else ({}, ports)
                    out.append(Caused(sources, destinations, opened, closed))
    return came, gone


def _explained(found: Comparison, edits: tuple[int, ...], pieces: Sequence[Piece]) -> Iterator[Caused]:
    """The pieces with their causes among some edits; where there is one only, and all of it, it is the cause."""
    chosen = [found.edits[number] for number in edits]
    if len(edits) == 1 and len(chosen[0].parts) == 1:
        for piece in pieces:
            yield Caused(piece.sources, piece.destinations, piece.opened, piece.closed, (Cause(edits[0], (0,)),))
        return
    bench = Bench(found, edits, pieces)
    wholes = [frozenset((number, part) for part in range(len(found.edits[number].parts))) for number in edits]
    told = bench.explained(wholes) if len(edits) > 1 else [piece.found(0) for piece in bench.pieces]
    for piece in told:
        parts: list[tuple[Piece, tuple[Cause, ...]]] = [(piece, ())]
        for at in piece.by:
            others: Undone = frozenset().union(*(wholes[other] for other in piece.by if other != at))
            parts = [(one, (*known, cause)) for p, known in parts for one, cause in _told(bench, p, wholes[at], others)]
        for one, causes in parts:
            yield Caused(bench.places(one.sources), bench.places(one.destinations), piece.opened, piece.closed, causes)


def _told(bench: Bench, piece: Piece, whole: Undone, others: Undone) -> Iterator[tuple[Piece, Cause]]:
    """A piece cut by the parts of one of its causes that did it; `others` are all parts of its other causes."""
    edit = min(whole)[0]
    everything = Cause(edit, tuple(range(len(whole))))
    if len(whole) == 1:
        yield piece, everything
        return
    single = [frozenset((atom,)) for atom in sorted(whole)]
    done, rest = bench.cut(piece, whole)
    for share in done:
        for one in bench.told_apart([share], single):
            yield one, Cause(edit, one.by)
    for one in rest:  # it did this together with another edit only
        if len(whole) > _MOST_SPARED:
            yield one, everything
        else:
            for share, left in bench.spared(one, whole, others):
                yield share, Cause(edit, tuple(sorted(part for _, part in left)))


def _turned(found: Comparison, delta: Delta) -> Caused:
    """A pair of a unit with itself, which is there on one side only: its replicas are the cause."""
    (place,) = bits(delta.sources)
    edit = found.places[place].edit
    number = next(n for n, known in enumerate(found.edits) if known is edit)
    last = len(found.edits[number].parts) - 1
    opened, closed = without(delta.after, delta.before), without(delta.before, delta.after)
    return Caused(delta.sources, delta.destinations, opened, closed, (Cause(number, (last,)),))


# Which edits a pair may have to do with


class _Touched:
    """For each place the edits that may matter to it as a source, and as a destination."""

    def __init__(self, found: Comparison) -> None:
        self._out: dict[int, list[int]] = {}
        self._into: dict[int, list[int]] = {}
        spaces: dict[str, int] = {}
        for number, place in enumerate(found.places):
            if place.units:
                spaces[place.units[0].namespace] = spaces.get(place.units[0].namespace, 0) | 1 << number
        relabeled = _relabeled(found, spaces)
        for number, edit in enumerate(found.edits):
            out, into = _touches(found, edit, spaces)
            if isinstance(edit, PolicyEdit):  # with other labels it might select what it selects on neither side
                home = spaces.get(edit.ref.namespace, 0) if edit.ref.namespace else relabeled
                out, into = out | home & relabeled, into | home & relabeled
            for places, known in ((out, self._out), (into, self._into)):
                for at in bits(places):
                    known.setdefault(at, []).append(number)

    def split(self, sources: int, destinations: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """Pairs in blocks that the same edits may have to do with, in order of number."""
        into = _sorted_out(destinations, self._into)
        for a, one in _sorted_out(sources, self._out).items():
            for b, other in into.items():
                yield tuple(sorted({*a, *b})), one, other


def _sorted_out(places: int, known: Mapping[int, list[int]]) -> dict[tuple[int, ...], int]:
    out: dict[tuple[int, ...], int] = {}
    for place in bits(places):
        edits = tuple(known.get(place, ()))
        out[edits] = out.get(edits, 0) | 1 << place
    return out


def _relabeled(found: Comparison, spaces: Mapping[str, int]) -> int:
    out = 0
    for edit in found.edits:
        if not isinstance(edit, PolicyEdit):
            out |= _touches(found, edit, spaces)[0]
    return out


def _touches(found: Comparison, edit: Edit, spaces: Mapping[str, int]) -> tuple[int, int]:
    """The places that an edit may matter to as sources, and as destinations."""
    if isinstance(edit, NamespaceEdit):
        return spaces.get(edit.name, 0), spaces.get(edit.name, 0)
    if isinstance(edit, EndpointEdit):
        own = next(1 << n for n, place in enumerate(found.places) if place.edit is edit)
        return own, own
    sides = zip((edit.old, edit.new), found.models, (found.old, found.new), strict=True)
    out = into = 0
    for policy, model, half in sides:
        for direction, selection in _subjects(policy):
            places = half.places_of(model.reach.layout.dense(model.index.pods(selection)))
            if direction is Direction.EGRESS:
                out |= places
            else:
                into |= places
    return out, into


def _subjects(policy: PolicyRules | None) -> set[tuple[Direction, Pods]]:
    if policy is None:
        return set()
    return {(i.direction, i.subject) for i in policy.isolations} | {(r.direction, r.subject) for r in policy.rules}
