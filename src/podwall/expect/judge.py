"""Judging one assertion: how many pairs it is about, and those that are not as it says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import islice
from operator import or_

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.postings import bits
from podwall.engine.sets import PortSet
from podwall.errors import UnknownReference
from podwall.expect.ends import Ends, Found
from podwall.expect.expectation import Expectation, end_text
from podwall.expect.sides import Part, Side, Unit, alone, is_pair, side
from podwall.expect.world import World

__all__ = ["Breach", "Outcome", "Prepared", "judge", "prepared"]

MOST_NAMED = 5


class Breach(Struct, frozen=True):
    """A pair that is not as asserted, in one family: the ports that are open and should not be, or the other way."""

    source: Unit
    destination: Unit
    family: int
    ports: PortSet


class Outcome(Struct, frozen=True):
    """What came of an assertion: the pairs that it is about, how many of them are open as far as it asks, and breaches.

    `open` counts pairs with some of the ports (deny) or all of them (allow). `breaches` are the first ones, by name.
    `problem` says why there is no pair at all.
    """

    expectation: Expectation
    source: Side | None
    destination: Side | None
    pairs: int
    open: int
    breaches: tuple[Breach, ...]
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is as asserted; an assertion about no pair never is."""
        if not self.pairs:
            return False
        if self.expectation.some:
            return self.open > 0
        return self.open == self.pairs if self.expectation.allow else not self.open


class Prepared(Struct, frozen=True):
    """An assertion with what its ends stand for, or why they stand for nothing."""

    expectation: Expectation
    source: Found | None
    destination: Found | None
    problem: str = ""

    @property
    def nodes(self) -> Iterator[Endpoint]:
        """The nodes that it names, for the world that it is judged in."""
        for found in (self.source, self.destination):
            yield from (p.endpoint for p in (found.picks if found else ()) if p.endpoint.kind == "Node")


def prepared(ends: Ends, expectation: Expectation) -> Prepared:
    """The ends looked up."""
    try:
        source = ends.source(expectation.source)
        return Prepared(expectation, source, ends.destination(expectation.destination, expectation.ports))
    except UnknownReference as error:
        return Prepared(expectation, None, None, str(error))


def judge(world: World, asked: Prepared) -> Outcome:
    """One assertion."""
    if asked.source is None or asked.destination is None:
        return Outcome(asked.expectation, None, None, 0, 0, (), asked.problem)
    source, destination = side(world, asked.source, as_source=True), side(world, asked.destination, as_source=False)
    counted = _Count(world, asked.expectation, source, destination)
    problem = "" if counted.pairs else _nothing(asked)
    found = Outcome(asked.expectation, source, destination, counted.pairs, counted.open, (), problem)
    if found.holds or not counted.pairs:
        return found
    return msgspec.structs.replace(found, breaches=tuple(counted.breaches()))


def _nothing(asked: Prepared) -> str:
    """Why two ends make no pair."""
    source, destination = asked.source, asked.destination
    names = end_text(asked.expectation.source), end_text(asked.expectation.destination)
    for found, name in ((source, names[0]), (destination, names[1])):
        if found is not None and not found.picks and not found.outside:
            return f"{name} is nobody in this cluster"
    if destination is not None and not _ports(destination):
        return f"{names[1]} has no port of that name"
    if source is not None and destination is not None and not source.picks and not destination.picks:
        return "both ends are outside of the cluster: policies say nothing about them"
    return f"{names[0]} and {names[1]} make no pair: one and the same pod, or no address family in common"


def _ports(found: Found) -> bool:
    """Whether some port is meant at all."""
    return any(pick.ports for pick in found.picks) or any(outside.ports for outside in found.outside)


class _Entry(Struct, frozen=True):
    """A source with some of a part's destinations that are not as asserted."""

    unit: Unit
    into: Part
    common: frozenset[int]
    open: int


class _Count:
    """The pairs of two sides, and how many of them are open. Rows are asked, and not pairs.

    What a row cannot know is put right pair by pair: a pod and itself, and pods on the source's own node.
    """

    def __init__(self, world: World, expectation: Expectation, source: Side, destination: Side) -> None:
        self._world = world
        self._allow = expectation.allow
        self._every = expectation.allow and not expectation.some
        self._direct = alone(source, destination)
        self._hairpin = destination.service
        self._on_node: dict[tuple[int, str | None], list[Unit]] = {}
        self._wrong: list[_Entry] = []
        self.pairs = 0
        self.open = 0
        for into in destination.parts:
            self._note_nodes(into)
        for out in source.parts:
            for into in destination.parts:
                # Nobody here decides about two ends outside of the cluster.
                if out.families & into.families and not (out.is_outside and into.is_outside):
                    self._count(out, into)

    def _note_nodes(self, into: Part) -> None:
        for unit in into.units:
            for node in {self._world.endpoints[number].node for number in unit.numbers}:
                self._on_node.setdefault((id(into), node), []).append(unit)

    def _count(self, out: Part, into: Part) -> None:
        common = out.families & into.families
        rows: dict[int, list[Unit]] = {}
        for unit in out.units:
            rows.setdefault(self._world.row(unit.atom), []).append(unit)
        for row, units in rows.items():
            reached = self._world.open(row, into.ports)
            wanted = reached.full if self._allow else reached.some
            open_ = reduce(or_, (wanted.get(family, 0) for family in common), 0) & into.mask
            number = sum(len(into.by_atom[atom]) for atom in bits(open_))
            for unit in units:
                pairs, opened = self._put_right(_Entry(unit, into, common, open_), len(into.units), number)
                self.pairs += pairs
                self.open += opened

    def _put_right(self, entry: _Entry, pairs: int, opened: int) -> tuple[int, int]:
        for twin in self._special(entry):
            if not self._counts(entry.unit, twin):
                pairs -= 1
                opened -= entry.open >> twin.atom & 1
            else:
                opened += self._is_open(entry, twin) - (entry.open >> twin.atom & 1)
        if pairs - opened if self._allow else opened:
            self._wrong.append(entry)
        return pairs, opened

    def _special(self, entry: _Entry) -> list[Unit]:
        """The destinations that a row says nothing certain of."""
        found = {id(unit): unit for unit in entry.into.by_name.get(entry.unit.name, ())}
        for number in entry.unit.numbers[:1]:
            if self._world.is_host(number):
                on_node = self._on_node.get((id(entry.into), self._world.endpoints[number].node), ())
                found |= {id(unit): unit for unit in on_node}
        return list(found.values())

    def _counts(self, unit: Unit, twin: Unit) -> bool:
        """Whether it is a pair: a pod and itself are left out of sets (D5)."""
        return self._direct or is_pair(unit, twin)

    def _is_open(self, entry: _Entry, twin: Unit) -> bool:
        if not is_pair(entry.unit, twin) and not self._hairpin:
            return True  # never leaves its network namespace (N19)
        if entry.open >> twin.atom & 1:
            return True
        own = [self._world.own_node(source, n) for source in entry.unit.numbers[:1] for n in twin.numbers]
        return bool(own) and (all(own) if self._every else any(own))

    # Breaches

    def breaches(self) -> Iterator[Breach]:
        """The first pairs that are not as asserted, by name."""
        entries = sorted(self._wrong, key=lambda entry: (entry.unit.name, entry.unit.addresses.spans))
        found = (breach for entry in entries for breach in self._of(entry))
        yield from islice(found, MOST_NAMED)

    def _of(self, entry: _Entry) -> Iterator[Breach]:
        special = {id(unit) for unit in self._special(entry)}
        for twin in entry.into.units:
            known = self._is_open(entry, twin) if id(twin) in special else bool(entry.open >> twin.atom & 1)
            if known is not self._allow and (id(twin) not in special or self._counts(entry.unit, twin)):
                yield self._breach(entry, twin)

    def _breach(self, entry: _Entry, twin: Unit) -> Breach:
        wanted = entry.into.ports
        for family in sorted(entry.common):
            ports = self._world.ports(entry.unit.atom, twin.atom, family)
            wrong = wanted - ports if self._allow else wanted & ports
            if wrong:
                return Breach(entry.unit, twin, family, wrong)
        return Breach(entry.unit, twin, min(entry.common), wanted)
