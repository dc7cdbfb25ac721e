"""All pairs at once: who can open connections to whom, and on which ports.

Work is done per signature (the grants that let a source out, and those that let it in elsewhere), never per endpoint.
For every signature and egress port set: the destinations, and of them those whose ingress lets it in on an overlapping
port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from msgspec import Struct

from podwall.engine.grants import EXTERNAL, Grant, Grants
from podwall.engine.index import Index, Slots
from podwall.engine.layout import Layout
from podwall.engine.merged import Merged
from podwall.engine.postings import bits
from podwall.engine.rules import Direction
from podwall.engine.sets import ALL_PORTS, AddrSet, PortSet

__all__ = ["Family", "Flow", "Reach", "Sources", "overlap"]


class Flow(Struct, frozen=True, gc=False):
    """Ports that are open, in one family, towards the destinations whose atoms are set."""

    family: int
    ports: PortSet
    destinations: int


class Sources(Struct, frozen=True, gc=False):
    """Atoms that reach the same destinations. `grants[i]` are the numbers of family i's egress and ingress grants."""

    atoms: tuple[int, ...]
    grants: tuple[tuple[tuple[int, ...], tuple[int, ...]] | None, ...]


class Family(Struct, frozen=True):
    """The merged grants of one address family; `members` are the atoms that have an address of it."""

    number: int
    members: int
    egress: Merged
    ingress: Merged


@cache
def overlap(a: PortSet, b: PortSet) -> bool:
    """Whether the sets share a port; there are few sets and many pairs of them."""
    return a.overlaps(b)


@cache
def _common(a: PortSet, b: PortSet) -> PortSet:
    return a & b


class Reach:
    """The reachability of an index as it stands now, with external addresses. Later events do not change it."""

    def __init__(self, index: Index) -> None:
        numbers = sorted({family for ns in index.namespaces.values() for _, c in ns.items() for family, _ in c.cells})
        cells = index.cells()[0].external(numbers)
        self.externals: tuple[AddrSet, ...] = tuple(addresses for _, addresses in cells)
        everyone = {name: ns.everyone for name, ns in index.namespaces.items() if ns.everyone}
        if cells:
            everyone[EXTERNAL] = (1 << len(cells)) - 1
        isolated = {direction: _isolated(index, direction) for direction in Direction}
        grants = {n: [*Grants(index, n, cells), *_free(everyone, isolated)] for n in numbers}
        members = {n: _members(index, n, self.externals) for n in numbers}
        self.layout = Layout(everyone, _sets(grants.values(), isolated.values(), members.values(), [_hosts(index)]))
        self.isolated = {direction: self.layout.dense(slots) for direction, slots in isolated.items()}
        self.families = tuple(
            Family(
                n,
                self.layout.dense(members[n]),
                Merged(self.layout, (g for g in grants[n] if g.direction is Direction.EGRESS)),
                Merged(self.layout, (g for g in grants[n] if g.direction is Direction.INGRESS)),
            )
            for n in numbers
        )

    @property
    def classes(self) -> int:
        """How many sorts of endpoints of the cluster the rules tell apart."""
        return self.layout.size - (self.layout.spans[EXTERNAL][1] if self.externals else 0)

    def weight(self) -> int:
        """How many (grant, source) pairs `sources` goes through: what it costs to go over all of them one by one."""
        return sum(family.egress.weight() + family.ingress.weight() for family in self.families)

    def sources(self) -> Iterator[Sources]:
        """All atoms, those of one signature together, in order of their first one."""
        tables = [(f.egress.by_namespace(), f.ingress.by_namespace()) for f in self.families]
        for name, (start, size) in self.layout.spans.items():
            found = [(_lists(size), _lists(size)) for _ in self.families]
            for sides, both in zip(found, tables, strict=True):
                for side, table in zip(sides, both, strict=True):
                    _assign(side, table.get(name, {}))
            signatures: dict[tuple[tuple[tuple[int, ...], tuple[int, ...]] | None, ...], list[int]] = {}
            for atom in range(size):
                signature = tuple(
                    (tuple(out[atom]), tuple(into[atom])) if family.members >> (start + atom) & 1 else None
                    for family, (out, into) in zip(self.families, found, strict=True)
                )
                signatures.setdefault(signature, []).append(start + atom)
            for signature, atoms in signatures.items():
                yield Sources(tuple(atoms), signature)

    def reached(self, sources: Sources) -> int:
        """The atoms that some port is open to, in any family."""
        found = 0
        for family, ingress, ports, destinations in self._ways(sources):
            let_in = 0
            for in_ports, subjects in ingress.items():
                if overlap(ports, in_ports):
                    let_in |= subjects
            found |= destinations & let_in & family.members
        return found

    def flows(self, sources: Sources) -> Iterator[Flow]:
        """What is open, port by port. A destination may come more than once: its ports are the union."""
        for family, ingress, ports, destinations in self._ways(sources):
            for in_ports, subjects in ingress.items():
                hit = destinations & subjects & family.members
                if hit and overlap(ports, in_ports):
                    yield Flow(family.number, _common(ports, in_ports), hit)

    def _ways(self, sources: Sources) -> Iterator[tuple[Family, Mapping[PortSet, int], PortSet, int]]:
        for family, grants in zip(self.families, sources.grants, strict=True):
            if grants is not None:
                ingress = _by_ports(family.ingress, grants[1])
                for ports, destinations in _by_ports(family.egress, grants[0]).items():
                    yield family, ingress, ports, destinations


def _by_ports(merged: Merged, numbers: Sequence[int]) -> dict[PortSet, int]:
    out = dict(merged.for_everyone)
    for n in numbers:
        ports = merged.ports[n]
        out[ports] = out.get(ports, 0) | merged.destinations[n]
    return out


def _lists(size: int) -> list[list[int]]:
    return [[] for _ in range(size)]


def _assign(side: list[list[int]], table: Mapping[int, list[int]]) -> None:
    for atoms, numbers in table.items():
        for atom in bits(atoms):
            side[atom].extend(numbers)


def _isolated(index: Index, direction: Direction) -> Slots:
    """Everyone whom a NetworkPolicy isolates in this direction (N5)."""
    out: Slots = {}
    for policy in index.policies.values():
        for isolation in policy.isolations:
            if isolation.direction is direction:
                for name, slots in index.pods(isolation.subject).items():
                    out[name] = out.get(name, 0) | slots
    return out


def _free(everyone: Mapping[str, int], isolated: Mapping[Direction, Slots]) -> Iterator[Grant]:
    """Whoever is not isolated may send to everyone, or receive from everyone (N5)."""
    free = {d: {n: s & ~isolated[d].get(n, 0) for n, s in everyone.items()} for d in Direction}
    yield Grant(Direction.EGRESS, free[Direction.EGRESS], None, ALL_PORTS)
    yield Grant(Direction.INGRESS, None, free[Direction.INGRESS], ALL_PORTS)


def _members(index: Index, family: int, externals: Sequence[AddrSet]) -> Slots:
    out: Slots = {}
    for name, namespace in index.namespaces.items():
        for slot, cls in namespace.items():
            if any(f == family for f, _ in cls.cells):
                out[name] = out.get(name, 0) | 1 << slot
    for slot, addresses in enumerate(externals):
        if addresses.family(family):
            out[EXTERNAL] = out.get(EXTERNAL, 0) | 1 << slot
    return out


def _hosts(index: Index) -> Slots:
    """Host-network pods: their own node's traffic tells them from others, so they are atoms of their own (D4, D19)."""
    out: Slots = {}
    for name, namespace in index.namespaces.items():
        for slot, cls in namespace.items():
            if cls.host_network:
                out[name] = out.get(name, 0) | 1 << slot
    return out


def _sets(grants: Iterable[Iterable[Grant]], *others: Iterable[Slots]) -> Iterator[Slots]:
    for found in grants:
        for grant in found:
            for slots in (grant.sources, grant.destinations):
                if slots is not None:
                    yield slots
    for sets in others:
        yield from sets
