"""The assertions that hold, asked whether they would fail once some pairs open or close.

An assertion is about few of a cluster's pairs and an edit opens or closes few, so those that have an end in common with
a change are looked up by its endpoints, and no others are asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_

from msgspec import Struct

from podwall.engine.postings import bits, number_of
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet
from podwall.expect.judge import Outcome
from podwall.expect.sides import Part, Side, Unit, alone
from podwall.expect.world import World

__all__ = ["Change", "Ends", "Watches", "pairs_of"]


class Ends(Struct, frozen=True):
    """A party as a set: endpoints as bits, and addresses."""

    members: int
    addresses: AddrSet


class Change(Struct, frozen=True):
    """A difference between two sets of ends."""

    source: Ends
    destination: Ends
    opened: dict[int, PortSet]
    closed: dict[int, PortSet]


class Watches:
    """All assertions that hold, by the endpoints that they are about."""

    def __init__(self, world: World, outcomes: Iterable[Outcome]) -> None:
        self._by_source: dict[int, list[_Watch]] = {}
        self._by_destination: dict[int, list[_Watch]] = {}
        for outcome in outcomes:
            if outcome.holds and outcome.source is not None and outcome.destination is not None:
                watch = _Watch(world, outcome, outcome.source, outcome.destination)
                for number in watch.sources:
                    self._by_source.setdefault(number, []).append(watch)
                for number in watch.destinations:
                    self._by_destination.setdefault(number, []).append(watch)

    def notice(self, changes: Iterable[Change]) -> bool:
        """Whether some assertion would fail; the first that does is the last to be asked."""
        held: dict[int, tuple[_Watch, list[Change]]] = {}
        for change in changes:
            for watch in self._near(change):
                if watch.some:
                    held.setdefault(id(watch), (watch, []))[1].append(change)
                elif watch.is_turned(change):
                    return True
        return any(watch.fails(found) for watch, found in held.values())

    def _near(self, change: Change) -> Iterable[_Watch]:
        """Those that have the change's source, or else its destination, among theirs: whichever are fewer."""
        sides = (self._by_source, change.source.members), (self._by_destination, change.destination.members)
        found = ([table[n] for n in bits(members) if n in table] for table, members in sides if members)
        fewest = min(found, key=lambda lists: sum(map(len, lists)))
        return fewest[0] if len(fewest) == 1 else {id(watch): watch for some in fewest for watch in some}.values()


class _Pair(Struct, frozen=True):
    """Two ends by atom, and by number; -1 for an end outside of the cluster."""

    atoms: tuple[int, int]
    source: int
    destination: int


class _Watch:
    """An assertion that holds, and the pairs that it looks at."""

    def __init__(self, world: World, outcome: Outcome, source: Side, destination: Side) -> None:
        self._world = world
        self.some = outcome.expectation.some
        self._allow = outcome.expectation.allow
        self._source = source
        self._parts = [_Target(part) for part in destination.parts]
        self._hairpin = alone(source, destination) and destination.service
        many = any(unit.many for part in (*source.parts, *destination.parts) for unit in part.units)
        # A pod never loses itself (N19), whatever its controller has of replicas.
        same = source.members.values() and set(source.members.values()) == set(destination.members.values())
        self._loopback = alone(source, destination) and same and not destination.service and not many

    @property
    def sources(self) -> Iterator[int]:
        """Its endpoints by number, those of the source."""
        return (number for part in self._source.parts for unit in part.units for number in unit.numbers)

    @property
    def destinations(self) -> Iterator[int]:
        """Those of the destination."""
        return (number for target in self._parts for unit in target.part.units for number in unit.numbers)

    def fails(self, changes: Iterable[Change]) -> bool:
        """Whether no pair is left, for an assertion that asks for one."""
        turned = [change for change in changes if self.is_turned(change)]
        return bool(turned) and not any(self._stands(turned))

    def is_turned(self, change: Change) -> bool:
        """Whether a pair of the change is no more as asserted."""
        for family, ports in (change.closed if self._allow else change.opened).items():
            for target in self._parts:
                if family in target.part.families and ports.overlaps(target.part.ports):
                    pair = self._pair(change, target, family)
                    if pair is not None and (not self._allow or self._is_closed(change, target, pair, family)):
                        return True
        return False

    def _pair(self, change: Change, target: _Target, family: int) -> _Pair | None:
        """A pair of the change that is one of the assertion's, if there is any."""
        sources = change.source.members & self._source.members.get(family, 0)
        destinations = change.destination.members & target.members
        if self._hairpin and sources & destinations:  # a pod by its own Service
            number = next(bits(sources & destinations))
            return _Pair((self._world.atom(number), self._world.atom(number)), number, number)
        for source, destination in () if self._loopback else pairs_of(self._world, sources, destinations):
            return _Pair((self._world.atom(source), self._world.atom(destination)), source, destination)
        from_ = self._cell((change.source.addresses & self._source.addresses).family(family))
        to = self._cell((change.destination.addresses & target.addresses).family(family))
        if from_ is not None:
            return next((_Pair((from_, self._world.atom(n)), -1, n) for n in bits(destinations)), None)
        if to is not None:
            return next((_Pair((self._world.atom(m), to), m, -1) for m in bits(sources)), None)
        return None

    def _cell(self, addresses: AddrSet) -> int | None:
        """The atom of some of the addresses."""
        return next((atom for atom, cell in self._world.cells if cell.overlaps(addresses)), None) if addresses else None

    def _is_closed(self, change: Change, target: _Target, pair: _Pair, family: int) -> bool:
        """Whether no family of the pair is left in which all ports are open (D20)."""
        both = pair.source >= 0 and pair.destination >= 0
        for one in target.part.families if both else (family,):
            if not both or self._source.members.get(one, 0) >> pair.source & 1:
                was = self._world.ports(*pair.atoms, one) | change.opened.get(one, NO_PORTS)
                if target.part.ports <= was - change.closed.get(one, NO_PORTS):
                    return False
        return True

    def _stands(self, closed: Sequence[Change]) -> Iterator[bool]:
        """True for each pair that is still as asserted; that one is left is all that counts."""
        for out in self._source.parts:
            for target in self._parts:
                families = out.families & target.part.families
                for unit in out.units:
                    full = self._world.open(self._world.row(unit.atom), target.part.ports).full
                    open_ = reduce(or_, (full.get(family, 0) for family in families), 0)
                    for twin in target.part.units:
                        yield self._has_left(unit, twin, closed, is_open=bool(open_ >> twin.atom & 1))

    def _has_left(self, unit: Unit, twin: Unit, closed: Sequence[Change], *, is_open: bool) -> bool:
        if not unit.numbers or not twin.numbers:
            return is_open and not any(_meets(change, unit, twin) for change in closed)
        for source in unit.numbers:
            for destination in twin.numbers:
                if self._world.own_node(source, destination):
                    return True
                real = source != destination or unit.many or twin.many
                if is_open and real and not any(_holds(change, source, destination) for change in closed):
                    return True
        return False


class _Target:
    """A part of a destination as a set."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.members = number_of(number for unit in part.units for number in unit.numbers)
        self.addresses = reduce(or_, (unit.addresses for unit in part.units), NO_ADDRESSES)


def _holds(change: Change, source: int, destination: int) -> bool:
    return bool(change.source.members >> source & 1 and change.destination.members >> destination & 1)


def _meets(change: Change, unit: Unit, twin: Unit) -> bool:
    """Whether a pair with an external end is among those of a change."""
    return _is_in(unit, change.source) and _is_in(twin, change.destination)


def _is_in(unit: Unit, ends: Ends) -> bool:
    if unit.numbers:
        return number_of(unit.numbers) & ends.members == number_of(unit.numbers)
    return unit.addresses <= ends.addresses


def pairs_of(world: World, sources: int, destinations: int) -> Iterator[tuple[int, int]]:
    """The pairs that policies decide about: no pod with itself (D5), none on the source's own node (D4)."""
    found = list(bits(destinations)) if sources else []
    for source in bits(sources):
        for destination in found:
            itself = source == destination and not world.endpoints[source].many
            if not itself and not world.own_node(source, destination):
                yield source, destination
