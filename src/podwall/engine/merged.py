"""The grants of one family and direction, numbered, with the signatures of sources that they make.

Those of the NetworkPolicy tier only add up, so equal ones are merged by (destinations, ports). Those of the tiers
around it are read in order (C3), so they are kept one by one.
"""

from __future__ import annotations

from collections.abc import Iterable

from podwall.engine.grants import Grant
from podwall.engine.index import Slots
from podwall.engine.layout import Layout
from podwall.engine.rules import Action, Tier, rank
from podwall.engine.sets import PortSet

__all__ = ["Merged", "Numbered", "Ordered"]


class Numbered:
    """Numbered grants: `destinations[i]` as atoms, `ports[i]`; sources by namespace, None for everyone."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.destinations: list[int] = []
        self.ports: list[PortSet] = []
        self.sources: list[Slots | None] = []

    def _append(self, destinations: int, ports: PortSet) -> None:
        self.destinations.append(destinations)
        self.ports.append(ports)
        self.sources.append({})

    def _add_sources(self, number: int, sources: Slots | None) -> None:
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


class Merged(Numbered):
    """The NetworkPolicy tier, equal grants merged. `for_everyone`: destinations, by ports, of grants to everyone."""

    def __init__(self, layout: Layout, grants: Iterable[Grant]) -> None:
        super().__init__(layout)
        numbers: dict[tuple[int, PortSet], int] = {}
        for grant in grants:
            destinations = layout.dense(grant.destinations)
            number = numbers.setdefault((destinations, grant.ports), len(self.ports))
            if number == len(self.ports):
                self._append(destinations, grant.ports)
            self._add_sources(number, grant.sources)
        self.for_everyone: dict[PortSet, int] = {}
        for number, sources in enumerate(self.sources):
            if sources is None:
                known = self.for_everyone.get(self.ports[number], 0)
                self.for_everyone[self.ports[number]] = known | self.destinations[number]


class Ordered(Numbered):
    """The Admin and the Baseline tier, in the order in which rules are read (C3, D9); number i comes before i + 1."""

    def __init__(self, layout: Layout, grants: Iterable[Grant]) -> None:
        super().__init__(layout)
        self.actions: list[Action] = []
        self.admin = 0  # the first so many are the Admin tier's
        for grant in sorted(grants, key=lambda grant: rank(grant.rule)):
            self._append(layout.dense(grant.destinations), grant.ports)
            self._add_sources(len(self.ports) - 1, grant.sources)
            self.actions.append(grant.rule.action)
            self.admin += grant.rule.tier is Tier.ADMIN
        self.everyone = [n for n, sources in enumerate(self.sources) if sources is None]
