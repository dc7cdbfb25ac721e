"""What a change of policies opens and closes: the map before and after it, over no more than the change concerns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.altered import Altered
from podwall.engine.concerned import Concerned, concerned, index_of
from podwall.engine.grants import EXTERNAL
from podwall.engine.index import Index
from podwall.engine.postings import bits
from podwall.engine.reach import Flow, Reach
from podwall.engine.rules import PolicyRules
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet

__all__ = ["Difference", "Party", "differences"]

Ports: TypeAlias = dict[int, PortSet]  # by family
_Rows: TypeAlias = dict[int, dict[int, Ports]]  # by source atom, by destination atom


class Party(Struct, frozen=True):
    """Endpoints that neither the rules before nor those after tell apart, or the external addresses of a cell."""

    members: tuple[Endpoint, ...]
    addresses: AddrSet | None = None


class Difference(Struct, frozen=True):
    """A pair of parties, the ports that are opened between them, and those that are closed; by family."""

    source: Party
    destination: Party
    opened: Ports
    closed: Ports


def differences(index: Index, changed: Sequence[PolicyRules], parts: Sequence[Altered]) -> Iterator[Difference]:
    """Every pair that differs once these policies replace those of the same name, or are added. In no order.

    `parts` is what `altered` says of them.
    """
    found = concerned(index, changed, parts)
    if found is None:
        return
    endpoints = [held[0] for held in found.members]
    after = {policy.policy: policy for policy in found.policies} | {policy.policy: policy for policy in changed}
    old = _Picture(index_of(index, found.policies, endpoints), endpoints)
    new = _Picture(index_of(index, after.values(), endpoints), endpoints)
    yield from _compared(old, new, found)


class _Picture:
    """One map: the atoms of the endpoints and of the external cells, and what is open between them."""

    def __init__(self, index: Index, endpoints: Sequence[Endpoint]) -> None:
        self._reach = Reach(index)
        self._unions: dict[tuple[PortSet, PortSet], PortSet] = {}
        atoms = {name: self._reach.layout.atom_of(name) for name in self._reach.layout.spans}
        self.atoms = [atoms[e.namespace][index.slot(e)] for e in endpoints]
        self.cells = [(atoms[EXTERNAL][slot], held) for slot, held in enumerate(self._reach.externals)]

    def open(self, subjects: int, others: int) -> _Rows:
        """For each source atom the ports by destination atom, of one of `subjects` and one of `others`, either way."""
        out: _Rows = {}
        for sources in self._reach.sources():
            # Atoms that are among both are here twice, which changes nothing.
            ways = [([a for a in sources.atoms if own >> a & 1], far) for own, far in _ways(subjects, others)]
            if any(atoms for atoms, _ in ways):
                for flow in self._reach.flows(sources):
                    for atoms, wanted in ways:
                        if atoms and flow.destinations & wanted:
                            self._add(out, atoms, flow.destinations & wanted, flow)
        return out

    def _add(self, out: _Rows, sources: Sequence[int], destinations: int, flow: Flow) -> None:
        reached = list(bits(destinations))
        for source in sources:
            row = out.setdefault(source, {})
            for destination in reached:
                ports = row.setdefault(destination, {})
                ports[flow.family] = self._union(ports.get(flow.family, NO_PORTS), flow.ports)

    def _union(self, one: PortSet, other: PortSet) -> PortSet:
        """Few sets of ports come again and again."""
        key = one, other
        if key not in self._unions:
            self._unions[key] = one | other
        return self._unions[key]


def _ways(subjects: int, others: int) -> tuple[tuple[int, int], tuple[int, int]]:
    return (subjects, others), (others, subjects)


class _Place(Struct, frozen=True):
    """The atoms before and after, and whether the change is about it as a subject, or as another end."""

    before: int
    after: int
    subject: bool
    other: bool


def _compared(old: _Picture, new: _Picture, found: Concerned) -> Iterator[Difference]:
    parties = _parties(old, new, found)
    ours, others = [p for p in parties if p.subject], [p for p in parties if p.other]
    was = old.open(_mask(p.before for p in ours), _mask(p.before for p in others))
    now = new.open(_mask(p.after for p in ours), _mask(p.after for p in others))
    ways = chain(_open_pairs(ours, others, (was, now)), _open_pairs(others, ours, (was, now)))
    for source, destination in dict.fromkeys(ways):
        before = was.get(source.before, {}).get(destination.before)
        after = now.get(source.after, {}).get(destination.after)
        if before != after:
            ends = parties[source], parties[destination]
            before, after = _between(ends, before or {}), _between(ends, after or {})
            if before != after:
                yield Difference(*ends, _minus(after, before), _minus(before, after))


def _open_pairs(
    sources: Iterable[_Place], destinations: Iterable[_Place], rows: tuple[_Rows, _Rows]
) -> Iterator[tuple[_Place, _Place]]:
    """Those between which something is open before or after; few are, of all that could be."""
    was, now = rows
    by_before: dict[int, list[_Place]] = {}
    by_after: dict[int, list[_Place]] = {}
    for place in destinations:
        by_before.setdefault(place.before, []).append(place)
        by_after.setdefault(place.after, []).append(place)
    for source in sources:
        for reached, places in ((was.get(source.before, {}), by_before), (now.get(source.after, {}), by_after)):
            yield from ((source, place) for atom in reached for place in places.get(atom, ()))


def _mask(atoms: Iterable[int]) -> int:
    return sum(1 << atom for atom in set(atoms))


def _between(ends: tuple[Party, Party], ports: Ports) -> Ports:
    """The part of a cell that is looked at may have no address of a family that the cell has."""
    outside = [party.addresses for party in ends if party.addresses is not None]
    return {f: found for f, found in ports.items() if all(held.family(f) for held in outside)}


def _parties(old: _Picture, new: _Picture, found: Concerned) -> Mapping[_Place, Party]:
    inside: dict[_Place, list[Endpoint]] = {}
    flags = zip(old.atoms, new.atoms, found.subjects, found.others, strict=True)
    for flag, held in zip(flags, found.members, strict=True):
        inside.setdefault(_Place(*flag), []).extend(held)
    outside: dict[_Place, AddrSet] = {}
    for a, one in old.cells:
        for b, other in new.cells:
            both = one & other
            if both:
                place = _Place(a, b, subject=False, other=True)
                outside[place] = outside.get(place, NO_ADDRESSES) | both
    out = {place: Party(tuple(sorted(held, key=_by_name))) for place, held in inside.items()}
    return out | {place: Party((), addresses) for place, addresses in outside.items()}


def _by_name(endpoint: Endpoint) -> tuple[str, str, str]:
    return endpoint.namespace, endpoint.name, endpoint.kind


def _minus(a: Ports, b: Ports) -> Ports:
    left = {family: ports - b.get(family, NO_PORTS) for family, ports in a.items()}
    return {family: ports for family, ports in sorted(left.items()) if ports}
