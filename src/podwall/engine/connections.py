"""The map: every open connection between endpoints and with external addresses, with its ports and its reasons."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.hosts import domain
from podwall.engine.focus import EVERYTHING, Focus
from podwall.engine.grants import EXTERNAL
from podwall.engine.grouping import Group
from podwall.engine.judge import Judge
from podwall.engine.postings import bits
from podwall.engine.reach import Flow, Reach, Sources
from podwall.engine.rules import Direction, Rule
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet
from podwall.engine.verdict import End

__all__ = ["Edge", "External", "Parts", "edges", "ends_of", "externals_of", "opened"]

_ROWS = 16  # of sources that are alike, kept while their namespace is gone through


class External(Struct, frozen=True):
    """A set of external addresses that no rule tells apart, by its first CIDR; or a domain name that has none known.

    Of such a name `addresses` is empty and `domains` holds it; it is a destination only (C12).
    """

    name: str
    atom: int
    addresses: AddrSet
    domains: tuple[str, ...] = ()


_By = tuple[Rule, ...] | None


class Edge(Struct, frozen=True):
    """An open connection: ports by family (those that both ends have an address of), and what permits it.

    `egress_by` and `ingress_by` are the rules that do, None where that end is not isolated; both empty unless asked.
    """

    src: str
    dst: str
    ports: dict[int, PortSet]
    egress_by: _By = ()
    ingress_by: _By = ()


class _Party(Struct, frozen=True):
    """What an atom stands for on a map."""

    end: End
    atom: int
    addresses: AddrSet | None


def externals_of(reach: Reach) -> list[External]:
    """The external sets, in order of address, then domain names. Cells that no rule with effect tells apart are one."""
    atoms = reach.layout.atom_of(EXTERNAL) if reach.externals else {}
    held: dict[int, list[AddrSet]] = {}
    for slot, addresses in enumerate(reach.externals):
        held.setdefault(atoms[slot], []).append(addresses)
    found = ((atom, AddrSet.union(parts)) for atom, parts in held.items())
    ordered = sorted(found, key=lambda cell: cell[1].spans)
    sets = [External(addresses.cidrs()[0], atom, addresses) for atom, addresses in ordered]
    behind = enumerate(reach.domains, len(reach.externals))
    return [*sets, *(External(name, atoms[slot], NO_ADDRESSES, (name,)) for slot, name in behind)]


def edges(reach: Reach, groups: list[Group], judge: Judge | None = None, focus: Focus = EVERYTHING) -> Iterator[Edge]:
    """Every open pair in focus, in order of source and destination; with `judge`, each with what permits it.

    Edges are made one source at a time: a map of millions of them takes no more memory than its ends.
    """
    reasons = None if judge is None else _Reasons(judge, focus)
    for source, found in _Pairs(reach, groups, focus).by_source():
        for destination, ports in found:
            by = ((), ()) if reasons is None else reasons.of(source, destination, ports)
            yield Edge(source.end.name, destination.end.name, ports, *by)


def ends_of(reach: Reach, groups: list[Group], focus: Focus) -> set[str]:
    """The names of both ends of every edge in focus."""
    ends: set[str] = set()
    for source, found in _Pairs(reach, groups, focus).by_source():
        if found:
            ends.add(source.end.name)
            ends.update(destination.end.name for destination, _ in found)
    return ends


_Ports = dict[int, PortSet]
_Row = list[tuple[_Party, _Ports]]


class _Pairs:
    """All pairs in focus, source by source."""

    def __init__(self, reach: Reach, groups: list[Group], focus: Focus) -> None:
        self._reach = reach
        self._focus = focus
        self._parties: dict[int, list[_Party]] = {}
        for group in groups:
            end = End(group.name, group.members[0], group.slot, group.many, group.node, group.members)
            self._parties.setdefault(group.atom, []).append(_Party(end, group.atom, None))
        for cell in externals_of(reach):
            end = End(cell.name, _standing_for(cell))
            self._parties.setdefault(cell.atom, []).append(_Party(end, cell.atom, cell.addresses))
        ordered = sorted(party.end.name for parties in self._parties.values() for party in parties)
        self._rank = {name: rank for rank, name in enumerate(ordered)}

    def by_source(self) -> Iterator[tuple[_Party, _Row]]:
        """Each source in order of name with its destinations in order of name."""
        homes = self._homes()
        # The names of external sets lie anywhere among those of endpoints.
        walks = (self._walk(names) for names in (sorted(homes - {EXTERNAL}, key=lambda n: f"{n}/"), homes & {EXTERNAL}))
        return heapq.merge(*walks, key=lambda found: self._rank[found[0].end.name])

    def _homes(self) -> set[str]:
        """The namespaces that have a source in focus."""
        spans = self._reach.layout.spans
        sources = self._focus.sources
        if sources is None:
            return set(spans)
        parties = (party for parties in self._parties.values() for party in parties)
        return {party.end.member.namespace for party in parties if party.end.name in sources}

    def _walk(self, namespaces: Collection[str]) -> Iterator[tuple[_Party, _Row]]:
        """The sources of one namespace after the other, whose names all begin with it."""
        stream = self._reach.sources(namespaces)
        for namespace in namespaces:
            left = self._reach.layout.spans[namespace][1]
            alike: list[Sources] = []
            while left:
                alike.append(next(stream))
                left -= len(alike[-1].atoms)
            yield from self._namespace(alike)

    def _namespace(self, alike: list[Sources]) -> Iterator[tuple[_Party, _Row]]:
        number_of = {atom: number for number, sources in enumerate(alike) for atom in sources.atoms}
        # Sources of one signature have one row, unless the focus says of them different things.
        row = lru_cache(maxsize=_ROWS)(lambda number, wanted: self._row(alike[number], wanted))
        parties = [party for atom in number_of for party in self._parties.get(atom, ())]
        for party in sorted(parties, key=lambda party: self._rank[party.end.name]):
            wanted = self._focus.reached_from(party.end.name)
            if wanted is None or wanted:
                found = row(number_of[party.atom], wanted)
                yield party, [way for way in found if _is_pair(party, way[0])]

    def _row(self, sources: Sources, wanted: frozenset[str] | None) -> _Row:
        """Whom sources of one signature reach, in order of name; one of them may be the source itself."""
        found: _Row = []
        for ports, atoms in _by_ports(self._reach, sources):
            for atom in bits(atoms):
                for party in self._parties.get(atom, ()):
                    if wanted is None or party.end.name in wanted:
                        shown = self._shown(party, ports)
                        if any(shown.values()):
                            found.append((party, shown))
        return sorted(found, key=lambda way: self._rank[way[0].end.name])

    def _shown(self, destination: _Party, ports: _Ports) -> _Ports:
        if not self._focus.some_ports:
            return ports
        shown = self._focus.ports_of(destination.end.members)
        return {family: opened & shown for family, opened in ports.items()}


class _Reasons:
    """What permits connections. The ends of one atom are the same to every rule, and so is what opens their ports.

    Sources come by namespace: what one has needed, most others of it need again, and those of the next one do not.
    """

    def __init__(self, judge: Judge, focus: Focus) -> None:
        self._judge = judge
        self._alike = not focus.named  # else two destinations of one atom may be shown with different ports
        self._namespace = ""
        self._memo: dict[tuple[int, int], tuple[_By, _By]] = {}

    def of(self, source: _Party, destination: _Party, ports: _Ports) -> tuple[_By, _By]:
        """Egress and ingress."""
        if source.end.member.namespace != self._namespace or not self._alike:
            self._namespace = source.end.member.namespace
            self._memo.clear()
        key = source.atom, destination.atom
        found = self._memo.get(key)
        if found is None:
            out, into = (self._judge.permits(d, source.end, destination.end, ports) for d in Direction)
            found = self._memo[key] = out, into
        return found


def _standing_for(cell: External) -> Endpoint:
    """One address of each family stands for all of a cell, as no rule tells them apart."""
    if cell.domains:
        return domain(cell.name)
    firsts = [part.cidrs()[0].partition("/")[0] for part in map(cell.addresses.family, (4, 6)) if part]
    return Endpoint("External", "", cell.name, {}, tuple(firsts))


def _is_pair(source: _Party, destination: _Party) -> bool:
    if source.addresses is not None and (destination.addresses is not None or source.end.member.kind == "Domain"):
        return False  # nobody here decides about two external ends; names are destinations only (C12)
    return source.end.name != destination.end.name or source.end.many  # D5


Parts: TypeAlias = list[tuple[dict[int, PortSet], int]]
"""Disjoint sets of destinations, each with its ports by family."""


def _by_ports(reach: Reach, sources: Sources) -> Parts:
    """Disjoint sets of destinations, each with its ports in every family that both ends have."""
    parts: Parts = []
    for family, signature in zip(reach.families, sources.signatures, strict=True):
        if signature is not None:
            parts = opened(parts, Flow(family.number, NO_PORTS, family.members))
    for flow in reach.flows(sources):
        parts = opened(parts, flow)
    return [(ports, atoms) for ports, atoms in parts if any(ports.values())]


def opened(parts: Parts, flow: Flow) -> Parts:
    """The parts cut by a flow's destinations, with its ports added inside."""
    out: Parts = []
    left = flow.destinations
    for ports, atoms in parts:
        inside = atoms & left
        if inside:
            known = ports.get(flow.family, NO_PORTS)
            out.append(({**ports, flow.family: known | flow.ports}, inside))
        if atoms != inside:
            out.append((ports, atoms ^ inside))
        left ^= inside
    if left:
        out.append(({flow.family: flow.ports}, left))
    return out
