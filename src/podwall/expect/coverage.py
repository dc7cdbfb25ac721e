"""What the assertions would notice: each policy is edited, and whoever it concerns is judged again.

The engine says which pairs an edit opens and closes (`engine.effect`); an assertion that holds notices it where one of
them is among its own and turns it. An edit that changes nothing between the endpoints that there are is no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_

from msgspec import Struct

from podwall.engine.altered import altered
from podwall.engine.effect import Difference, Party, differences
from podwall.engine.index import key_of
from podwall.engine.postings import bits
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet
from podwall.expect.judge import Outcome
from podwall.expect.mutants import Mutant
from podwall.expect.sides import Part, Side, Unit, alone
from podwall.expect.world import World

__all__ = ["Checked", "Coverage", "Witness"]


class Witness(Struct, frozen=True):
    """One pair that an edit opens, or else closes, by name, and its ports in one family.

    An end outside of the cluster has its addresses, and the first CIDR of them for a name. `number` is the
    destination's, -1 outside.
    """

    source: str
    destination: str
    ports: PortSet
    opened: bool
    number: int
    outside: tuple[AddrSet, AddrSet]


class Checked(Struct, frozen=True):
    """An edit and what came of it: `changes` says whether it opens or closes anything between the ends that there are.

    `witness` is a pair that it opens or closes and nobody notices.
    """

    mutant: Mutant
    changes: bool
    noticed: bool
    witness: Witness | None = None


class _Ends(Struct, frozen=True):
    """A party as a set: endpoints as bits, and addresses."""

    members: int
    addresses: AddrSet


class _Change(Struct, frozen=True):
    """A difference between two sets of ends."""

    source: _Ends
    destination: _Ends
    opened: dict[int, PortSet]
    closed: dict[int, PortSet]


class _Pair(Struct, frozen=True):
    """Two ends by atom, and by number; -1 for an end outside of the cluster."""

    atoms: tuple[int, int]
    source: int
    destination: int


class _Watch:
    """An assertion that holds, and the pairs that it looks at."""

    def __init__(self, world: World, outcome: Outcome, source: Side, destination: Side) -> None:
        self._world = world
        self._some = outcome.expectation.some
        self._allow = outcome.expectation.allow
        self._source = source
        self._parts = [_Target(part) for part in destination.parts]
        self._hairpin = alone(source, destination) and destination.service
        many = any(unit.many for part in (*source.parts, *destination.parts) for unit in part.units)
        # A pod never loses itself (N19), whatever its controller has of replicas.
        same = source.members.values() and set(source.members.values()) == set(destination.members.values())
        self._loopback = alone(source, destination) and same and not destination.service and not many

    def notices(self, changes: Iterable[_Change]) -> bool:
        """Whether it would fail."""
        turned = (change for change in changes if self._is_turned(change))
        if self._some:
            closed = list(turned)
            return bool(closed) and not any(self._stands(closed))
        return next(turned, None) is not None

    def _is_turned(self, change: _Change) -> bool:
        for family, ports in (change.closed if self._allow else change.opened).items():
            for target in self._parts:
                if family in target.part.families and ports.overlaps(target.part.ports):
                    pair = self._pair(change, target, family)
                    if pair is not None and (not self._allow or self._is_closed(change, target, pair, family)):
                        return True
        return False

    def _pair(self, change: _Change, target: _Target, family: int) -> _Pair | None:
        """A pair of the change that is one of the assertion's, if there is any."""
        sources = change.source.members & self._source.members.get(family, 0)
        destinations = change.destination.members & target.members
        if self._hairpin and sources & destinations:  # a pod by its own Service
            number = next(bits(sources & destinations))
            return _Pair((self._world.atom(number), self._world.atom(number)), number, number)
        for source, destination in () if self._loopback else _pairs(self._world, sources, destinations):
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

    def _is_closed(self, change: _Change, target: _Target, pair: _Pair, family: int) -> bool:
        """Whether no family of the pair is left in which all ports are open (D20)."""
        both = pair.source >= 0 and pair.destination >= 0
        for one in target.part.families if both else (family,):
            if not both or self._source.members.get(one, 0) >> pair.source & 1:
                was = self._world.ports(*pair.atoms, one) | change.opened.get(one, NO_PORTS)
                if target.part.ports <= was - change.closed.get(one, NO_PORTS):
                    return False
        return True

    def _stands(self, closed: Sequence[_Change]) -> Iterator[bool]:
        """True for each pair that is still as asserted; that one is left is all that counts."""
        for out in self._source.parts:
            for target in self._parts:
                families = out.families & target.part.families
                for unit in out.units:
                    full = self._world.open(self._world.row(unit.atom), target.part.ports).full
                    open_ = reduce(or_, (full.get(family, 0) for family in families), 0)
                    for twin in target.part.units:
                        yield self._has_left(unit, twin, closed, is_open=bool(open_ >> twin.atom & 1))

    def _has_left(self, unit: Unit, twin: Unit, closed: Sequence[_Change], *, is_open: bool) -> bool:
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
        self.members = _bits(number for unit in part.units for number in unit.numbers)
        self.addresses = reduce(or_, (unit.addresses for unit in part.units), NO_ADDRESSES)


def _holds(change: _Change, source: int, destination: int) -> bool:
    return bool(change.source.members >> source & 1 and change.destination.members >> destination & 1)


def _meets(change: _Change, unit: Unit, twin: Unit) -> bool:
    """Whether a pair with an external end is among those of a change."""
    return _is_in(unit, change.source) and _is_in(twin, change.destination)


def _is_in(unit: Unit, ends: _Ends) -> bool:
    if unit.numbers:
        return _bits(unit.numbers) & ends.members == _bits(unit.numbers)
    return unit.addresses <= ends.addresses


def _bits(numbers: Iterable[int]) -> int:
    return reduce(or_, (1 << number for number in numbers), 0)


def _pairs(world: World, sources: int, destinations: int) -> Iterator[tuple[int, int]]:
    """The pairs that policies decide about: no pod with itself (D5), none on the source's own node (D4)."""
    found = list(bits(destinations)) if sources else []
    for source in bits(sources):
        for destination in found:
            itself = source == destination and not world.endpoints[source].many
            if not itself and not world.own_node(source, destination):
                yield source, destination


class Coverage:
    """All assertions that hold, against one edit after the other."""

    def __init__(self, world: World, outcomes: Iterable[Outcome]) -> None:
        self._world = world
        self._watches = [
            _Watch(world, outcome, outcome.source, outcome.destination)
            for outcome in outcomes
            if outcome.holds and outcome.source is not None and outcome.destination is not None
        ]

    def check(self, mutant: Mutant) -> Checked:
        """One edit: whether it changes anything, and whether some assertion would fail."""
        found = [self._change(one) for one in self._differences(mutant)]
        changes = [change for change in found if self._is_real(change)]
        noticed = any(watch.notices(found) for watch in self._watches)
        witness = self._witness(changes) if changes and not noticed else None
        return Checked(mutant, bool(changes) or noticed, noticed, witness)

    def _differences(self, mutant: Mutant) -> Iterator[Difference]:
        index = self._world.index
        return differences(index, [mutant.rules], altered(index, [mutant.rules]))

    def _change(self, one: Difference) -> _Change:
        return _Change(self._ends(one.source), self._ends(one.destination), one.opened, one.closed)

    def _ends(self, party: Party) -> _Ends:
        return _Ends(_bits(self._world.numbers[key_of(m)] for m in party.members), party.addresses or NO_ADDRESSES)

    def _is_real(self, change: _Change) -> bool:
        """Whether it is about a pair that policies decide about."""
        if change.source.addresses or change.destination.addresses:
            return True
        return next(_pairs(self._world, change.source.members, change.destination.members), None) is not None

    def _witness(self, changes: Sequence[_Change]) -> Witness:
        """The first pair by name, one within the cluster if there is any."""
        return min((self._pair_of(change) for change in changes), key=_order)

    def _pair_of(self, change: _Change) -> Witness:
        opened = bool(change.opened)
        by_family = change.opened or change.closed
        ports = by_family[min(by_family)]
        outside = change.source.addresses, change.destination.addresses
        if any(outside):
            names = [self._name(ends) for ends in (change.source, change.destination)]
            number = -1 if outside[1] else next(bits(change.destination.members))
            return Witness(names[0], names[1], ports, opened, number, outside)
        pairs = _pairs(self._world, change.source.members, change.destination.members)
        named = ((self._world.name(m), self._world.name(n), n) for m, n in pairs)
        source, destination, number = min(named)
        return Witness(source, destination, ports, opened, number, outside)

    def _name(self, ends: _Ends) -> str:
        if ends.addresses:
            return ends.addresses.cidrs()[0]
        return min(self._world.name(number) for number in bits(ends.members))


def _order(witness: Witness) -> tuple[object, ...]:
    return any(witness.outside), witness.source, witness.destination, witness.ports.spans
