"""Grants of one family and direction, merged by (destinations, ports), and the signatures of sources that they make."""

from __future__ import annotations

from collections.abc import Iterable

from podwall.engine.grants import Grant
from podwall.engine.index import Slots
from podwall.engine.layout import Layout
from podwall.engine.sets import PortSet

__all__ = ["Merged"]


class Merged:
    """Numbered merged grants: `destinations[i]` as atoms, `ports[i]`; sources by namespace."""

    def __init__(self, layout: Layout, grants: Iterable[Grant]) -> None:
        self._layout = layout
        self.destinations: list[int] = []
        self.ports: list[PortSet] = []
        self.sources: list[Slots | None] = []
        numbers: dict[tuple[int, PortSet], int] = {}
        for grant in grants:
            destinations = layout.dense(grant.destinations)
            number = numbers.setdefault((destinations, grant.ports), len(self.ports))
            if number == len(self.ports):
                self.destinations.append(destinations)
                self.ports.append(grant.ports)
                self.sources.append({})
            self._add(number, grant.sources)
        self.for_everyone: dict[PortSet, int] = {}  # ports → destinations, of the grants that everyone is a source of
        for number, sources in enumerate(self.sources):
            if sources is None:
                known = self.for_everyone.get(self.ports[number], 0)
                self.for_everyone[self.ports[number]] = known | self.destinations[number]

    def _add(self, number: int, sources: Slots | None) -> None:
        known = self.sources[number]
        if known is None:
            return
        if sources is None:
            self.sources[number] = None
            return
        for name, slots in sources.items():
            known[name] = known.get(name, 0) | self._layout.local(name, slots)

    def by_namespace(self) -> dict[str, dict[int, list[int]]]:
        """Namespace → atoms of its span → the grants that have just these as sources there; those of everyone apart."""
        out: dict[str, dict[int, list[int]]] = {}
        for number, sources in enumerate(self.sources):
            for name, atoms in (sources or {}).items():
                out.setdefault(name, {}).setdefault(atoms, []).append(number)
        return out

    def weight(self) -> int:
        """How many (grant, source) pairs there are, those of everyone apart."""
        return sum(atoms.bit_count() for sources in self.sources if sources for atoms in sources.values())
