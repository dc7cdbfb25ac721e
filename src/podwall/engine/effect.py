"""What a change of policies opens and closes: the map before and after it, over no more than the change concerns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.altered import Altered
from podwall.engine.concerned import Concerned, concerned, index_of
from podwall.engine.grants import EXTERNAL
from podwall.engine.index import Index
from podwall.engine.postings import bits
from podwall.engine.reach import Reach
from podwall.engine.rules import PolicyRules
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet

__all__ = ["Difference", "Party", "differences"]

Ports: TypeAlias = dict[int, PortSet]  # by family


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
        atoms = {name: self._reach.layout.atom_of(name) for name in self._reach.layout.spans}
        self.atoms = [atoms[e.namespace][index.slot(e)] for e in endpoints]
        self.cells = [(atoms[EXTERNAL][slot], held) for slot, held in enumerate(self._reach.externals)]

    def open(self, about: int) -> dict[tuple[int, int], Ports]:
        """(source atom, destination atom) → ports, for the pairs with some of the atoms in `about`."""
        out: dict[tuple[int, int], Ports] = {}
        full = self._reach.layout.full
        for sources in self._reach.sources():
            ours = [atom for atom in sources.atoms if about >> atom & 1]
            rest = [atom for atom in sources.atoms if not about >> atom & 1]
            for flow in self._reach.flows(sources):
                for atoms, wanted in ((ours, full), (rest, about)):
                    for destination in bits(flow.destinations & wanted):
                        for source in atoms:
                            ports = out.setdefault((source, destination), {})
                            ports[flow.family] = ports.get(flow.family, NO_PORTS) | flow.ports
        return out


_Place: TypeAlias = tuple[int, int, bool]  # the atoms before and after, and whether it is a subject of the change


def _compared(old: _Picture, new: _Picture, found: Concerned) -> Iterator[Difference]:
    parties = _parties(old, new, found)
    ours = [place for place in parties if place[2]]
    was, now = (
        picture.open(sum(1 << atom for atom in {place[n] for place in ours})) for n, picture in enumerate((old, new))
    )
    rest = [place for place in parties if not place[2]]
    for source, destination in chain(product(ours, parties), product(rest, ours)):
        ends = parties[source], parties[destination]
        before = _between(ends, was.get((source[0], destination[0]), {}))
        after = _between(ends, now.get((source[1], destination[1]), {}))
        if before != after:
            yield Difference(*ends, _minus(after, before), _minus(before, after))


def _between(ends: tuple[Party, Party], ports: Ports) -> Ports:
    """The part of a cell that is looked at may have no address of a family that the cell has."""
    outside = [party.addresses for party in ends if party.addresses is not None]
    return {f: found for f, found in ports.items() if all(held.family(f) for held in outside)}


def _parties(old: _Picture, new: _Picture, found: Concerned) -> Mapping[_Place, Party]:
    inside: dict[_Place, list[Endpoint]] = {}
    for place, held in zip(zip(old.atoms, new.atoms, found.subjects, strict=True), found.members, strict=True):
        inside.setdefault(place, []).extend(held)
    outside: dict[_Place, AddrSet] = {}
    for a, one in old.cells:
        for b, other in new.cells:
            both = one & other
            if both:
                outside[a, b, False] = outside.get((a, b, False), NO_ADDRESSES) | both
    out = {place: Party(tuple(sorted(held, key=_by_name))) for place, held in inside.items()}
    return out | {place: Party((), addresses) for place, addresses in outside.items()}


def _by_name(endpoint: Endpoint) -> tuple[str, str, str]:
    return endpoint.namespace, endpoint.name, endpoint.kind


def _minus(a: Ports, b: Ports) -> Ports:
    left = {family: ports - b.get(family, NO_PORTS) for family, ports in a.items()}
    return {family: ports for family, ports in sorted(left.items()) if ports}
