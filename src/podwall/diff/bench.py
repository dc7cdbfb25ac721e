"""A test bench for edits: the places of some pairs, one endpoint for each, where any edits can be undone and judged.

It holds the policies of the namespaces that were edited. The side of a pair that no edit has to do with lets the ports
through that are asked about, before and after, so it can do without policies; unless there are tiers, whose Baseline
rules hold where no NetworkPolicy does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.diff.comparison import Comparison, Place
from podwall.diff.deltas import Delta, Ports, deltas, within, without
from podwall.diff.edits import Edit, EndpointEdit, NamespaceEdit, PolicyEdit
from podwall.diff.halves import Half, Home
from podwall.engine.grants import EXTERNAL
from podwall.engine.index import Index, key_of
from podwall.engine.postings import bits
from podwall.engine.reach import Reach
from podwall.engine.sets import AddrSet

__all__ = ["Bench", "Piece", "Undone"]

Undone: TypeAlias = frozenset[tuple[int, int]]
"""Parts of edits: the number of the edit, and that of the part."""


class Piece(Struct, frozen=True):
    """Pairs of places, as bits, with ports to be explained; `by` are the numbers of the groups that were found for all.

    `left` are the ports, opened and closed, that nothing explains yet.
    """

    sources: int
    destinations: int
    opened: Ports
    closed: Ports
    by: tuple[int, ...] = ()
    left: tuple[Ports, Ports] | None = None

    def found(self, group: int, *made: Ports) -> Piece:
        """The same with one group more, and what that made explained."""
        opened, closed = self.remaining
        left = (without(opened, made[0]), without(closed, made[1])) if made else ({}, {})
        return msgspec.structs.replace(self, by=(*self.by, group), left=left)

    @property
    def remaining(self) -> tuple[Ports, Ports]:
        """Opened and closed ports that are not explained yet."""
        return self.left if self.left is not None else (self.opened, self.closed)

    def at(self, sources: int, destinations: int) -> Piece:
        """The same for fewer pairs."""
        return msgspec.structs.replace(self, sources=sources, destinations=destinations)


class Bench:
    """Judges with edits undone. Places are numbered anew, in the order of the comparison."""

    def __init__(self, found: Comparison, edits: Sequence[int], pieces: Sequence[Piece]) -> None:
        used = 0
        for piece in pieces:
            used |= piece.sources | piece.destinations
        self._numbers = list(bits(used))
        self._places = [found.places[number] for number in self._numbers]
        self._outside = self._own(found.outside)
        self.pieces = [p.at(self._own(p.sources), self._own(p.destinations)) for p in pieces]
        self._members = [_member(place, number) for number, place in enumerate(self._places)]
        self._edits = {number: self._standing(found.edits[number]) for number in edits}
        members = [member for member in self._members if member is not None]
        self._index = _index(found, members, [found.edits[number] for number in edits])
        self._now = self._half()
        self._effects: dict[Undone, list[Delta]] = {}

    def places(self, own: int) -> int:
        """Places in the numbers of the comparison."""
        found = 0
        for number in bits(own):
            found |= 1 << self._numbers[number]
        return found

    def explained(self, groups: Sequence[Undone]) -> list[Piece]:
        """The pieces cut by what explains them."""
        return self.told_apart(self.pieces, groups)

    def told_apart(self, pieces: Sequence[Piece], groups: Sequence[Undone]) -> list[Piece]:
        """The pieces cut by the groups that explain them, each alone or, for what is left then, a smallest set."""
        for number, group in enumerate(groups):
            pieces = [part for piece in pieces for part in self._marked(piece, number, group)]
        out: list[Piece] = []
        for piece in pieces:
            if any(map(_some, piece.remaining)):
                out += self._smallest(piece, frozenset(range(len(groups))), groups)
            else:
                out.append(piece)
        return out

    def cut(self, piece: Piece, undone: Undone) -> tuple[list[Piece], list[Piece]]:
        """The piece where undoing makes a difference, with just these ports, and where it makes none."""
        done, rest = [], [piece]
        for effect in self._effect(undone):
            opened, closed = _made(piece.opened, piece.closed, effect)
            if _some(opened) or _some(closed):
                hit, rest = _split(rest, effect)
                done += [Piece(p.sources, p.destinations, opened, closed) for p in hit]
        return done, rest

    def spared(self, piece: Piece, parts: Undone, kept: Undone) -> list[tuple[Piece, Undone]]:
        """The piece cut by those of the parts that it takes, besides what is kept, to undo all of it."""
        pieces = [(msgspec.structs.replace(piece, left=None), parts)]
        for part in sorted(parts):
            fewer: list[tuple[Piece, Undone]] = []
            for one, chosen in pieces:
                hit, rest = self._reverted(one, kept | (chosen - {part}))
                fewer += [*((p, chosen - {part}) for p in hit), *((p, chosen) for p in rest)]
            pieces = fewer
        return pieces

    def _marked(self, piece: Piece, number: int, group: Undone) -> Iterator[Piece]:
        rest = [piece]
        for effect in self._effect(group):
            opened, closed = _made(piece.opened, piece.closed, effect)
            if _some(opened) or _some(closed):
                hit, rest = _split(rest, effect)
                yield from (part.found(number, opened, closed) for part in hit)
        yield from rest

    def _smallest(self, piece: Piece, chosen: frozenset[int], groups: Sequence[Undone]) -> Iterator[Piece]:
        """What is left is undone by no group alone: groups are spared while it is undone all the same."""
        pieces = [piece]
        for number in sorted(chosen):
            fewer, kept = chosen - {number}, []
            undone: Undone = frozenset().union(*(groups[n] for n in fewer))
            for part in pieces:
                hit, rest = self._reverted(part, undone)
                for one in hit:
                    yield from self._smallest(one, fewer, groups)
                kept += rest
            pieces = kept
        for part in pieces:
            yield msgspec.structs.replace(part, by=tuple(sorted({*part.by, *chosen})), left=({}, {}))

    def _reverted(self, piece: Piece, undone: Undone) -> tuple[list[Piece], list[Piece]]:
        """The piece where undoing takes back all that is left, and where it does not."""
        done, rest = [], [piece]
        opened, closed = piece.remaining
        for effect in self._effect(undone):
            made = _made(opened, closed, effect)
            if not _some(without(opened, made[0])) and not _some(without(closed, made[1])):
                hit, rest = _split(rest, effect)
                done += hit
        return done, rest

    def _effect(self, undone: Undone) -> list[Delta]:
        """What the undone parts do: without them, and with them."""
        found = self._effects.get(undone)
        if found is None:
            parts: dict[int, set[int]] = {}
            for edit, part in undone:
                parts.setdefault(edit, set()).add(part)
            for edit, chosen in parts.items():
                self._edits[edit].put(self._index, frozenset(chosen))
            found = self._effects[undone] = list(deltas(self._half(), self._now, self._outside))
            for edit in parts:
                self._edits[edit].put(self._index, frozenset())
        return found

    def _half(self) -> Half:
        reach = Reach(self._index)
        return Half(reach, list(_homes(self._index, reach, self._places, self._members)))

    def _own(self, places: int) -> int:
        found = 0
        for own, number in enumerate(self._numbers):
            found |= (places >> number & 1) << own
        return found

    def _standing(self, edit: Edit) -> Edit:
        if not isinstance(edit, EndpointEdit):
            return edit
        member = next(m for place, m in zip(self._places, self._members, strict=True) if place.edit is edit)
        return edit if member is None else edit.standing_for(key_of(member))


def _member(place: Place, number: int) -> Endpoint | None:
    """The endpoint that stands for a place, by a name of its own; None for external addresses."""
    if not place.units:
        return None
    return msgspec.structs.replace(place.units[0].new[0], kind="Pod", name=str(number))


def _index(found: Comparison, members: Iterable[Endpoint], edits: Sequence[Edit]) -> Index:
    """These endpoints as they are now, with the policies that are needed."""
    known = found.models[1].index
    index = Index(known.profile)
    spaces = set()
    for member in members:
        index.put_endpoint(member)
        spaces.add(member.namespace)
    for name in sorted(spaces):
        index.put_namespace(name, known.labels_of(name))
    tiered = "" in found.policies or any(isinstance(e, PolicyEdit) and not e.ref.namespace for e in edits)
    for name in ("", *sorted(spaces if tiered else {_namespace(edit) for edit in edits})):
        for policy in found.policies.get(name, ()):
            index.put_policy(policy)
    return index


def _namespace(edit: Edit) -> str:
    match edit:
        case PolicyEdit(ref):
            return ref.namespace
        case NamespaceEdit(name):
            return name
        case EndpointEdit(unit):
            return unit.namespace


def _homes(index: Index, reach: Reach, places: Iterable[Place], members: Iterable[Endpoint | None]) -> Iterator[Home]:
    atoms = {name: reach.layout.atom_of(name) for name in reach.layout.spans}
    for place, member in zip(places, members, strict=True):
        if member is not None:
            atom = atoms[member.namespace][index.slot(member)]
            yield {family.number: atom for family in reach.families if family.members >> atom & 1}
        elif place.addresses is not None:
            yield dict(_outside(reach, atoms.get(EXTERNAL, {}), place.addresses))


def _outside(reach: Reach, atoms: dict[int, int], addresses: AddrSet) -> Iterator[tuple[int, int]]:
    """The first address of each family stands for all."""
    for family in reach.families:
        part = addresses.family(family.number)
        if part:
            first = part.spans[0][0]
            yield family.number, next(atoms[slot] for slot, held in enumerate(reach.externals) if held.has(first))


def _split(pieces: Iterable[Piece], effect: Delta) -> tuple[list[Piece], list[Piece]]:
    """The pairs that an effect is about, and the others."""
    hit, rest = [], []
    for piece in pieces:
        sources, destinations = piece.sources & effect.sources, piece.destinations & effect.destinations
        if not sources or not destinations:
            rest.append(piece)
            continue
        hit.append(piece.at(sources, destinations))
        if piece.sources != sources:
            rest.append(piece.at(piece.sources & ~sources, piece.destinations))
        if piece.destinations != destinations:
            rest.append(piece.at(sources, piece.destinations & ~destinations))
    return hit, rest


def _made(opened: Ports, closed: Ports, effect: Delta) -> tuple[Ports, Ports]:
    """What of these ports an effect opens and closes."""
    gained, lost = without(effect.after, effect.before), without(effect.before, effect.after)
    return within(opened, gained), within(closed, lost)


def _some(ports: Ports) -> bool:
    return any(ports.values())
