"""Whom a change cannot be about although its own rules say so: those whose end, which it leaves alone, lets nothing by.

Both ends of a connection decide (N1), and a NetworkPolicy speaks for its subjects' end only. What the other end says is
known from the reachability of the cluster as it is, so a change is cut to the others that let its subjects by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, reduce
from operator import or_

import msgspec

from podwall.engine.altered import Altered, everyone_in
from podwall.engine.grants import intersect, union
from podwall.engine.index import Index, Slots
from podwall.engine.postings import bits, number_of
from podwall.engine.reach import Reach, Sources, overlap
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet

__all__ = ["Unmoved"]


class Unmoved:
    """What each end of a cluster decides now. `reach` is that of the index, which stays as it is."""

    def __init__(self, index: Index, reach: Reach) -> None:
        self._index = index
        self._reach = reach
        self._known: dict[tuple[Direction, int, PortSet], Slots] = {}

    def cut(self, parts: Sequence[Altered]) -> list[Altered]:
        """The parts with no more others than those whose own end can let the subjects by, and none without any.

        An end that changes as well is not asked: a policy may be about its subjects among themselves, both ways.
        """
        found = (self._cut(part, parts) for part in parts)
        return [part for part in found if part.external or part.others is None or part.others]

    def _cut(self, part: Altered, parts: Iterable[Altered]) -> Altered:
        if part.direction is None:
            return part
        changing = (one.subjects for one in parts if one.direction is not part.direction)
        letting = self._letting(part.direction, self._reach.layout.dense(part.subjects), part.ports)
        others = everyone_in(self._index) if part.others is None else part.others
        return msgspec.structs.replace(part, others=intersect(others, reduce(union, changing, letting)))

    def _letting(self, direction: Direction, subjects: int, ports: PortSet) -> Slots:
        """Whose end lets some of these atoms in (egress is the subjects' end), or is let out to some of them."""
        key = direction, subjects, ports
        if key not in self._known:
            found = self._into(subjects, ports) if direction is Direction.EGRESS else self._out_to(subjects, ports)
            self._known[key] = self._reach.layout.sparse(found)
        return self._known[key]

    def _into(self, subjects: int, ports: PortSet) -> int:
        ways = {self._sources[atom].signatures: self._sources[atom] for atom in bits(subjects)}
        return reduce(or_, (self._reach.admitting(sources, ports) for sources in ways.values()), 0)

    def _out_to(self, subjects: int, ports: PortSet) -> int:
        found = 0
        for name, wanted in self._reach.layout.split(subjects):
            for own, destinations, atoms in self._leaving.get(name, ()):
                if destinations & wanted and overlap(own, ports):
                    found |= atoms
        return found

    @cached_property
    def _sources(self) -> dict[int, Sources]:
        return {atom: sources for sources in self._reach.sources() for atom in sources.atoms}

    @cached_property
    def _leaving(self) -> dict[str, list[tuple[PortSet, int, int]]]:
        """For each namespace: ports, atoms of its span, and the atoms whose own end lets them reach those."""
        rows: dict[tuple[PortSet, int], int] = {}
        for sources in self._reach.sources():
            atoms = number_of(sources.atoms)
            for row in self._reach.leaving(sources).items():
                rows[row] = rows.get(row, 0) | atoms
        out: dict[str, list[tuple[PortSet, int, int]]] = {}
        for (ports, reached), atoms in rows.items():
            for name, destinations in self._reach.layout.split(reached):
                out.setdefault(name, []).append((ports, destinations, atoms))
        return out
