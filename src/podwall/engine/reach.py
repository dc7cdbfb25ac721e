"""All pairs at once: who can open connections to whom, and on which ports.

Work is done per signature (the grants that let a source out, and those that let it in elsewhere), never per endpoint.
For every signature and egress port set: the destinations, and of them those whose ingress lets it in on an overlapping
port.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from msgspec import Struct

from podwall.engine.domains import symbolic
from podwall.engine.grants import EXTERNAL, Grant, Grants
from podwall.engine.index import Index, Slots
from podwall.engine.layout import Layout
from podwall.engine.merged import Merged, Numbered, Ordered
from podwall.engine.postings import bits
from podwall.engine.rules import Direction, Tier
from podwall.engine.sets import AddrSet, PortSet
from podwall.engine.tiers import Side, common

__all__ = ["Family", "Flow", "Reach", "Signature", "Sources", "assigned", "overlap"]


class Flow(Struct, frozen=True, gc=False):
    """Ports that are open, in one family, towards the destinations whose atoms are set."""

    family: int
    ports: PortSet
    destinations: int


class Signature(Struct, frozen=True, gc=False):
    """What lets a source out and in elsewhere, in one family: numbers of merged and of ordered grants, by side."""

    egress: tuple[int, ...]
    egress_tiers: tuple[int, ...]
    isolated: bool
    ingress: tuple[int, ...]
    ingress_tiers: tuple[int, ...]


class Sources(Struct, frozen=True, gc=False):
    """Atoms of one signature, for each family, which reach the same destinations; None where they have no address."""

    atoms: tuple[int, ...]
    signatures: tuple[Signature | None, ...]


class Family(Struct, frozen=True):
    """The two sides of one address family; `members` are the atoms that have an address of it."""

    number: int
    members: int
    egress: Side
    ingress: Side


@cache
def overlap(a: PortSet, b: PortSet) -> bool:
    """Whether the sets share a port; there are few sets and many pairs of them."""
    return a.overlaps(b)


class Reach:
    """The reachability of an index as it stands now, with external addresses, and with the names that have none known.

    Later events do not change it. In the pseudo-namespace of what is external, `externals` come before `domains`.
    """

    def __init__(self, index: Index) -> None:
        numbers = sorted({family for ns in index.namespaces.values() for _, c in ns.items() for family, _ in c.cells})
        cells = index.cells()[0].external(numbers)
        self.externals: tuple[AddrSet, ...] = tuple(addresses for _, addresses in cells)
        self.domains = symbolic(index.policies.values()) if numbers else ()
        everyone = {name: ns.everyone for name, ns in index.namespaces.items() if ns.everyone}
        if cells:
            everyone[EXTERNAL] = (1 << len(cells) + len(self.domains)) - 1
        isolated = {direction: _isolated(index, direction) for direction in Direction}
        grants = {n: list(Grants(index, n, cells, self.domains)) for n in numbers}
        members = {n: _members(index, n, self.externals) for n in numbers}
        for found in members.values() if self.domains else ():  # a name may have addresses of either family
            found[EXTERNAL] = found.get(EXTERNAL, 0) | everyone[EXTERNAL] ^ (1 << len(cells)) - 1
        self.layout = Layout(everyone, _sets(grants.values(), isolated.values(), members.values(), [_hosts(index)]))
        self.isolated = {direction: self.layout.dense(slots) for direction, slots in isolated.items()}
        self.families = tuple(
            Family(
                n,
                self.layout.dense(members[n]),
                _side(self.layout, grants[n], Direction.EGRESS),
                _side(self.layout, grants[n], Direction.INGRESS),
            )
            for n in numbers
        )

    @property
    def classes(self) -> int:
        """How many sorts of endpoints of the cluster the rules tell apart."""
        return self.layout.size - (self.layout.spans[EXTERNAL][1] if self.externals else 0)

    def weight(self) -> int:
        """How many (grant, source) pairs `sources` goes through: what it costs to go over all of them one by one."""
        sides = [side for family in self.families for side in (family.egress, family.ingress)]
        return sum(side.merged.weight() + side.ordered.weight() for side in sides)

    @property
    def tiered(self) -> bool:
        """Whether a rule of the Admin or the Baseline tier is there."""
        return any(side.ordered.actions for family in self.families for side in (family.egress, family.ingress))

    def sources(self, namespaces: Iterable[str] | None = None) -> Iterator[Sources]:
        """All atoms of these namespaces (None: of all), those of one signature together, in order of the first one."""
        tables = [[numbered.by_namespace() for numbered in _numbered(family)] for family in self.families]
        for name in self.layout.spans if namespaces is None else namespaces:
            start, size = self.layout.spans[name]
            found = [[assigned(table.get(name, {}), size) for table in family] for family in tables]
            same: dict[tuple[Signature | None, ...], list[int]] = {}
            for atom in range(size):
                isolated = bool(self.isolated[Direction.EGRESS] >> (start + atom) & 1)
                signature = tuple(
                    Signature(out[atom], out_tiers[atom], isolated, into[atom], in_tiers[atom])
                    if family.members >> (start + atom) & 1
                    else None
                    for family, (out, out_tiers, into, in_tiers) in zip(self.families, found, strict=True)
                )
                same.setdefault(signature, []).append(start + atom)
            for signature, atoms in same.items():
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

    def admitting(self, sources: Sources, ports: PortSet) -> int:
        """The atoms whose ingress lets these in on some of the ports, whatever the sources' own egress says."""
        found = 0
        for _, into, _ in self._ends(sources):
            for own, let_in in into.items():
                if overlap(own, ports):
                    found |= let_in
        return found

    def leaving(self, sources: Sources) -> dict[PortSet, int]:
        """The atoms that the sources' own egress lets them reach, by port set, whatever the ingress there says."""
        found: dict[PortSet, int] = {}
        for _, _, out in self._ends(sources):
            for ports, let_out in out.items():
                found[ports] = found.get(ports, 0) | let_out
        return found

    def flows(self, sources: Sources) -> Iterator[Flow]:
        """What is open, port by port. A destination may come more than once: its ports are the union."""
        for family, ingress, ports, destinations in self._ways(sources):
            for in_ports, subjects in ingress.items():
                hit = destinations & subjects & family.members
                if hit and overlap(ports, in_ports):
                    yield Flow(family.number, common(ports, in_ports), hit)

    def _ways(self, sources: Sources) -> Iterator[tuple[Family, Mapping[PortSet, int], PortSet, int]]:
        """For each family and egress port set: the destinations, and who lets this source in, by ingress port set."""
        for family, into, out in self._ends(sources):
            for ports, destinations in out.items():
                yield family, into, ports, destinations

    def _ends(self, sources: Sources) -> Iterator[tuple[Family, dict[PortSet, int], dict[PortSet, int]]]:
        """For each family who lets this source in, and whom it is let out to, by port set."""
        for family, signature in zip(self.families, sources.signatures, strict=True):
            if signature is not None:
                governed = self.layout.full if signature.isolated else 0
                out = family.egress.open(signature.egress, signature.egress_tiers, governed)
                governed = self.isolated[Direction.INGRESS]
                into = family.ingress.open(signature.ingress, signature.ingress_tiers, governed)
                yield family, into, out


def _side(layout: Layout, grants: Iterable[Grant], direction: Direction) -> Side:
    ours = [g for g in grants if g.direction is direction]
    merged = Merged(layout, (g for g in ours if g.rule.tier is Tier.NETWORK_POLICY))
    return Side(merged, Ordered(layout, (g for g in ours if g.rule.tier is not Tier.NETWORK_POLICY)), layout.full)


def _numbered(family: Family) -> tuple[Numbered, ...]:
    return family.egress.merged, family.egress.ordered, family.ingress.merged, family.ingress.ordered


def assigned(table: Mapping[int, list[int]], size: int) -> list[tuple[int, ...]]:
    """For each atom of a span the numbers of the grants that it is a source of."""
    out: list[list[int]] = [[] for _ in range(size)]
    for atoms, numbers in table.items():
        for atom in bits(atoms):
            out[atom].extend(numbers)
    return [tuple(numbers) for numbers in out]


def _isolated(index: Index, direction: Direction) -> Slots:
    """Everyone whom a NetworkPolicy isolates in this direction (N5)."""
    out: Slots = {}
    for policy in index.policies.values():
        for isolation in policy.isolations:
            if isolation.direction is direction:
                for name, slots in index.pods(isolation.subject).items():
                    out[name] = out.get(name, 0) | slots
    return out


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
    return {name: namespace.hosts for name, namespace in index.namespaces.items() if namespace.hosts}


def _sets(grants: Iterable[Iterable[Grant]], *others: Iterable[Slots]) -> Iterator[Slots]:
    for found in grants:
        for grant in found:
            for slots in (grant.sources, grant.destinations):
                if slots is not None:
                    yield slots
    for sets in others:
        yield from sets
