"""A lockdown put to the engine: what would be open that nobody is known to need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.connections import Edge, External, edges, externals_of
from podwall.engine.focus import Focus
from podwall.engine.grouping import Group
from podwall.engine.index import key_of
from podwall.engine.rules import Rule
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.engine.verdict import is_selectable
from podwall.needs.need import Grant, Need
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["Surplus", "Tightness", "open_pairs", "tightness"]


class Surplus(Struct, frozen=True):
    """A pair that is open beyond the needs: those ports by family, and the policies that open it."""

    src: str
    dst: str
    ports: dict[int, PortSet]
    by: tuple[str, ...]


class Tightness(Struct, frozen=True):
    """`needed` and `open` count pairs with an end in scope, those of DNS left out."""

    needed: int
    open: int
    surplus: tuple[Surplus, ...]


def tightness(site: Site, within: Iterable[Endpoint], needs: Iterable[Need], dns: Iterable[Grant]) -> Tightness:
    """What is open with an end among some endpoints, held against the needs; whoever it is may ask for names."""
    return _Weighing(site, within, needs, dns).weigh()


class _Weighing:
    """One comparison of a map with needs."""

    def __init__(self, site: Site, within: Iterable[Endpoint], needs: Iterable[Need], dns: Iterable[Grant]) -> None:
        self._model = site.model
        keys = {key_of(e) for e in within}
        self._scope = frozenset(g.name for g in self._groups if any(key_of(m) in keys for m in g.members))
        self._needs = _by_destination(self, needs)
        asking = Party("whoever asks", endpoints=tuple(m for g in self._groups for m in g.members))
        self._dns = _by_destination(self, (Need(asking, grant.peers, grant.ports) for grant in dns))

    @cached_property
    def _groups(self) -> list[Group]:
        return self._model.groups(self._model.reach)

    @cached_property
    def _names(self) -> dict[tuple[str, str, str], str]:
        return {key_of(member): group.name for group in self._groups for member in group.members}

    @cached_property
    def _cells(self) -> list[External]:
        return [cell for cell in externals_of(self._model.reach) if cell.addresses]

    def names_of(self, party: Party) -> frozenset[str] | None:
        """What the map calls a party's members; None for everyone."""
        if party.anyone:
            return None
        members: Iterable[Endpoint] = party.endpoints
        if party.everywhere or party.whole:
            members = (m for g in self._groups for m in g.members if party.has_pod(m))
        cells = (cell.name for cell in self._cells if party.addresses and cell.addresses <= party.addresses)
        hosts = (
            self._names[key_of(m)]
            for g in self._groups
            for m in g.members
            if party.addresses and not is_selectable(m) and any(a in party.addresses for a in m.addresses)
        )
        found = (self._names[key] for m in members if (key := key_of(m)) in self._names)
        return frozenset((*found, *cells, *hosts))

    def weigh(self) -> Tightness:
        """The comparison."""
        focus = Focus(touching=(self._scope,))
        needed, total, out = 0, 0, []
        for edge in edges(self._model.reach, self._groups, self._model.judge, focus):
            wanted, asked = _ports(self._needs, edge), _ports(self._dns, edge)
            if all(ports <= asked for ports in edge.ports.values()) and not wanted:
                continue
            total += 1
            needed += bool(wanted)
            left = {family: ports - wanted - asked for family, ports in edge.ports.items()}
            if any(left.values()):
                out.append(Surplus(edge.src, edge.dst, left, _by(edge)))
        return Tightness(needed, total, tuple(out))


_Wanted = dict[str | None, list[tuple[frozenset[str] | None, PortSet]]]


def _by_destination(weighing: _Weighing, needs: Iterable[Need]) -> _Wanted:
    out: _Wanted = {}
    for need in needs:
        sources, destinations = weighing.names_of(need.sources), weighing.names_of(need.destinations)
        for name in [None] if destinations is None else sorted(destinations):
            out.setdefault(name, []).append((sources, need.ports))
    return out


def _ports(wanted: _Wanted, edge: Edge) -> PortSet:
    out = NO_PORTS
    for sources, ports in (*wanted.get(edge.dst, ()), *wanted.get(None, ())):
        if sources is None or edge.src in sources:
            out |= ports
    return out


def _by(edge: Edge) -> tuple[str, ...]:
    rules: Sequence[Rule] = (*(edge.egress_by or ()), *(edge.ingress_by or ()))
    return tuple(sorted({f"{r.policy.namespace}/{r.policy.name}".removeprefix("/") for r in rules}))


def open_pairs(site: Site, within: Iterable[Endpoint]) -> tuple[int, int]:
    """How many pairs of workloads have an end among some endpoints, and how many of them are open on some port."""
    keys = {key_of(e) for e in within}
    counts = site.model.counts_about(lambda group: any(key_of(m) in keys for m in group.members))
    return counts.pairs, counts.open_pairs
