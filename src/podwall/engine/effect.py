"""What a change of policies opens and closes: the map before and after it, over no more than the change can concern.

A change of a policy concerns its subjects, and of everyone else those that a changed peer names. Policies of other
namespaces count only in what they say about the subjects. What is left of the cluster is judged twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.grants import EXTERNAL, union
from podwall.engine.index import Index, Slots
from podwall.engine.postings import bits
from podwall.engine.reach import Reach
from podwall.engine.rules import AnyPeer, Block, Direction, Peer, Pods, PolicyRules, PortTerm, Rule
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet

__all__ = ["Difference", "Party", "differences", "index_of"]

Ports: TypeAlias = dict[int, PortSet]  # by family
_Clause: TypeAlias = tuple[Direction, Pods, tuple[PortTerm, ...] | None, Peer]


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


def differences(index: Index, changed: Sequence[PolicyRules]) -> Iterator[Difference]:
    """Every pair that differs once these policies replace those of the same name, or are added. In no order."""
    subjects, others = _concerned(index, changed)
    if not subjects:
        return
    members = _members(index, changed, subjects, others)
    endpoints = [held[0] for held in members]
    before = _policies(index, subjects, {endpoint.namespace for endpoint in endpoints})
    after = {policy.policy: policy for policy in before} | {policy.policy: policy for policy in changed}
    old = _Picture(index_of(index, before, endpoints), endpoints)
    new = _Picture(index_of(index, after.values(), endpoints), endpoints)
    about = [bool(subjects.get(e.namespace, 0) >> index.slot(e) & 1) for e in endpoints]
    yield from _compared(old, new, members, about)


def index_of(index: Index, policies: Iterable[PolicyRules], endpoints: Iterable[Endpoint]) -> Index:
    """An index of the same namespaces and profile with other policies and endpoints."""
    out = Index(index.profile)
    chosen = list(endpoints)
    for name in sorted({endpoint.namespace for endpoint in chosen}):
        out.put_namespace(name, index.labels_of(name))
    for policy in policies:
        out.put_policy(policy)
    for endpoint in chosen:
        out.put_endpoint(endpoint)
    return out


# What a change concerns


def _concerned(index: Index, changed: Sequence[PolicyRules]) -> tuple[Slots, Slots | None]:
    """The subjects of what changes, and the others that it is about; None is everyone."""
    subjects: Slots = {}
    others: Slots | None = {}
    for policy in changed:
        known = index.policies.get(policy.policy)
        old = set(_clauses(known)) if known else set()
        for _, subject, _, peer in old ^ set(_clauses(policy)):
            found = index.pods(subject)
            if found:
                subjects = union(subjects, found)
                named = _named(index, peer)
                others = None if named is None or others is None else union(others, named)
    return subjects, others


def _clauses(policy: PolicyRules) -> Iterator[_Clause]:
    """All that a policy says, in parts that do not depend on each other; an isolation is about everyone."""
    for isolation in policy.isolations:
        yield isolation.direction, isolation.subject, None, AnyPeer()
    for rule in policy.rules:
        for peer in rule.peers:
            yield rule.direction, rule.subject, rule.ports, peer


def _named(index: Index, peer: Peer) -> Slots | None:
    """The endpoints that a peer may match; external addresses are always looked at."""
    if isinstance(peer, Pods):
        return index.pods(peer)
    if not isinstance(peer, Block):
        return None
    out: Slots = {}
    for endpoint, slot in index.endpoints():
        if _has_address(endpoint, peer.addresses):
            out[endpoint.namespace] = out.get(endpoint.namespace, 0) | 1 << slot
    return out


def _has_address(endpoint: Endpoint, addresses: AddrSet) -> bool:
    return any(address in addresses for address in endpoint.addresses)


def _members(
    index: Index, changed: Sequence[PolicyRules], subjects: Slots, others: Slots | None
) -> list[tuple[Endpoint, ...]]:
    """Those who are concerned, together where nothing can tell them apart: the first of each stands for the rest."""
    new = {b for p in changed for r in p.rules for b in r.peers if isinstance(b, Block)}
    blocks = [block.addresses for block in new if block.addresses not in index.blocks]
    concerned = None if others is None else union(subjects, others)
    held: dict[object, list[Endpoint]] = {}
    for endpoint, slot in index.endpoints():
        if concerned is None or concerned.get(endpoint.namespace, 0) >> slot & 1:
            inside = tuple(_has_address(endpoint, block) for block in blocks)
            held.setdefault((endpoint.namespace, slot, inside), []).append(endpoint)
    return [tuple(found) for found in held.values()]


def _policies(index: Index, subjects: Slots, namespaces: AbstractSet[str]) -> list[PolicyRules]:
    """Those of the subjects' namespaces and of the whole cluster, and what the rest say about the subjects."""
    asked = [e for e, slot in index.endpoints() if subjects.get(e.namespace, 0) >> slot & 1]
    out = []
    for ref, policy in index.policies.items():
        if not ref.namespace or ref.namespace in subjects:
            out.append(policy)
        elif ref.namespace in namespaces:
            out.append(PolicyRules(ref, policy.isolations, tuple(_about(index, policy.rules, subjects, asked))))
    return out


def _about(index: Index, rules: Iterable[Rule], subjects: Slots, asked: Sequence[Endpoint]) -> Iterator[Rule]:
    for rule in rules:
        peers = tuple(peer for peer in rule.peers if _may_meet(index, peer, subjects, asked))
        if peers:
            yield rule if peers == rule.peers else msgspec.structs.replace(rule, peers=peers)


def _may_meet(index: Index, peer: Peer, subjects: Slots, asked: Sequence[Endpoint]) -> bool:
    if isinstance(peer, Pods):
        selected = index.pods(peer)
        return any(slots & selected.get(name, 0) for name, slots in subjects.items())
    if isinstance(peer, Block):
        return any(_has_address(endpoint, peer.addresses) for endpoint in asked)
    return True


# Before and after


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


def _compared(
    old: _Picture, new: _Picture, members: Sequence[tuple[Endpoint, ...]], about: Sequence[bool]
) -> Iterator[Difference]:
    parties = _parties(old, new, members, about)
    was = old.open(sum(1 << atom for atom in {before for before, _, ours in parties if ours}))
    now = new.open(sum(1 << atom for atom in {after for _, after, ours in parties if ours}))
    for (a, b, ours), source in parties.items():
        for (c, d, also), destination in parties.items():
            if ours or also:
                before, after = was.get((a, c), {}), now.get((b, d), {})
                if before != after:
                    yield Difference(source, destination, _minus(after, before), _minus(before, after))


def _parties(
    old: _Picture, new: _Picture, members: Sequence[tuple[Endpoint, ...]], about: Sequence[bool]
) -> Mapping[_Place, Party]:
    inside: dict[_Place, list[Endpoint]] = {}
    for place, held in zip(zip(old.atoms, new.atoms, about, strict=True), members, strict=True):
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
