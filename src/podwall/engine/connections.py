"""The map: every open connection between endpoints and with external addresses, with its ports and its reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.grants import EXTERNAL
from podwall.engine.grouping import Group
from podwall.engine.judge import Judge
from podwall.engine.postings import bits
from podwall.engine.reach import Flow, Reach, Sources
from podwall.engine.rules import Direction, PolicyRef
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet
from podwall.engine.verdict import End

__all__ = ["Edge", "External", "Parts", "edges", "externals_of", "opened"]


class External(Struct, frozen=True):
    """A set of external addresses that no rule tells apart; its name is its first CIDR."""

    name: str
    atom: int
    addresses: AddrSet


class Edge(Struct, frozen=True):
    """An open connection: ports by family (those that both ends have an address of), and what permits it.

    `egress_by` and `ingress_by` are the policies that do, None where that end is not isolated; both empty unless asked.
    """

    src: str
    dst: str
    ports: dict[int, PortSet]
    egress_by: tuple[PolicyRef, ...] | None = ()
    ingress_by: tuple[PolicyRef, ...] | None = ()


class _Party(Struct, frozen=True):
    """What an atom stands for on a map."""

    end: End
    atom: int
    addresses: AddrSet | None


def externals_of(reach: Reach) -> list[External]:
    """The external sets, in order of address. Cells that differ only by rules without effect are one set."""
    atoms = reach.layout.atom_of(EXTERNAL) if reach.externals else {}
    held: dict[int, AddrSet] = {}
    for slot, addresses in enumerate(reach.externals):
        held[atoms[slot]] = held.get(atoms[slot], NO_ADDRESSES) | addresses
    ordered = sorted(held.items(), key=lambda cell: cell[1].spans)
    return [External(addresses.cidrs()[0], atom, addresses) for atom, addresses in ordered]


def edges(reach: Reach, groups: list[Group], judge: Judge | None = None) -> Iterator[Edge]:
    """Every open pair, by source and destination in no order; with `judge`, each with what permits it."""
    parties: dict[int, list[_Party]] = {}
    for group in groups:
        end = End(group.name, group.members[0], group.slot, group.many, group.node)
        parties.setdefault(group.atom, []).append(_Party(end, group.atom, None))
    for cell in externals_of(reach):
        end = End(cell.name, _standing_for(cell))
        parties.setdefault(cell.atom, []).append(_Party(end, cell.atom, cell.addresses))
    for sources in reach.sources():
        rows = [(ports, list(bits(atoms))) for ports, atoms in _by_ports(reach, sources)]
        for atom in sources.atoms:
            for source in parties.get(atom, ()):
                for ports, atoms in rows:
                    for destination in (p for a in atoms for p in parties.get(a, ())):
                        if _is_pair(source, destination):
                            yield _edge(source, destination, ports, judge)


def _standing_for(cell: External) -> Endpoint:
    """One address of each family stands for all of a cell, as no rule tells them apart."""
    firsts = [part.cidrs()[0].partition("/")[0] for part in map(cell.addresses.family, (4, 6)) if part]
    return Endpoint("External", "", cell.name, {}, tuple(firsts))


def _is_pair(source: _Party, destination: _Party) -> bool:
    if source.addresses is not None and destination.addresses is not None:
        return False  # nobody here decides about two external ends
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


def _edge(source: _Party, destination: _Party, ports: dict[int, PortSet], judge: Judge | None) -> Edge:
    if judge is None:
        return Edge(source.end.name, destination.end.name, ports)
    out = judge.permits(Direction.EGRESS, source.end, destination.end, ports)
    into = judge.permits(Direction.INGRESS, source.end, destination.end, ports)
    return Edge(source.end.name, destination.end.name, ports, out, into)
