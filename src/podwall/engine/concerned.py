"""Whom a change of policies concerns: the part of a cluster that has to be judged twice, and no more.

A change is about its subjects, and of everyone else about those that a changed peer names. Policies of other namespaces
count only in what they say about the subjects; endpoints that nothing of all this tells apart are judged once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.altered import Altered, everyone_in
from podwall.engine.cells import Cells
from podwall.engine.grants import union
from podwall.engine.index import Index, Slots
from podwall.engine.layout import Layout
from podwall.engine.rules import Block, Direction, Domains, InNamespace, NamedPort, Peer, Pods, PolicyRules, Rule
from podwall.engine.sets import AddrSet

__all__ = ["Concerned", "concerned", "index_of"]


class Concerned(Struct, frozen=True):
    """Endpoints in sets that nothing tells apart, and the policies for all.

    Pairs of one that is among the subjects and one that is among the others have to be looked at; one may be both.
    """

    members: tuple[tuple[Endpoint, ...], ...]
    subjects: tuple[bool, ...]
    others: tuple[bool, ...]
    policies: tuple[PolicyRules, ...]


def concerned(index: Index, changed: Sequence[PolicyRules], parts: Sequence[Altered]) -> Concerned | None:
    """Whom it concerns that these policies replace those of the same name, or are added; None: nobody.

    `parts` is what `altered` says of them.
    """
    subjects: Slots = reduce(union, (part.subjects for part in parts), {})
    if not subjects:
        return None
    others: Slots = reduce(union, (everyone_in(index) if p.others is None else p.others for p in parts), {})
    everyone = union(subjects, others)
    policies = list(_policies(index, subjects, everyone))
    members = _alike(index, [*policies, *changed], (subjects, others))
    return Concerned(
        tuple(members),
        tuple(_has(subjects, index, held[0]) for held in members),
        tuple(_has(others, index, held[0]) for held in members),
        tuple(policies),
    )


def _has(slots: Slots, index: Index, endpoint: Endpoint) -> bool:
    return bool(slots.get(endpoint.namespace, 0) >> index.slot(endpoint) & 1)


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


# Policies


def _policies(index: Index, subjects: Slots, everyone: Slots) -> Iterator[PolicyRules]:
    """Those of the subjects' namespaces and of the whole cluster, and what the rest say about the subjects."""
    view = _View(index, subjects)
    isolated: dict[tuple[str, Direction], int] = {}
    for name in sorted(everyone.keys() | {""}):
        for policy in index.policies_in(name):
            if not name or name in subjects:
                yield policy
                continue
            rules = tuple(view.rules(policy.rules))
            new = tuple(i for i in policy.isolations if _adds(isolated, (name, i.direction), index.pods(i.subject)))
            if rules or new:
                yield PolicyRules(policy.policy, new, rules)


def _adds(isolated: dict[tuple[str, Direction], int], key: tuple[str, Direction], slots: Slots) -> bool:
    """Whether an isolation is of somebody who was not isolated before."""
    known, found = isolated.get(key, 0), slots.get(key[0], 0)
    isolated[key] = known | found
    return isolated[key] != known


class _View:
    """What the rules of other namespaces say about the subjects: their peers, as far as some subject is meant."""

    def __init__(self, index: Index, subjects: Slots) -> None:
        self._index = index
        self._subjects = subjects
        members = (e for name, slots in subjects.items() for e, slot in index.members(name) if slots >> slot & 1)
        self._asked = list(members)
        self._known: dict[Peer, tuple[Peer, ...]] = {}

    def rules(self, rules: Iterable[Rule]) -> Iterator[Rule]:
        for rule in rules:
            peers = tuple(own for peer in rule.peers for own in self._of(peer))
            if peers:
                yield msgspec.structs.replace(rule, peers=peers)

    def _of(self, peer: Peer) -> tuple[Peer, ...]:
        if peer not in self._known:
            self._known[peer] = tuple(self._narrowed(peer))
        return self._known[peer]

    def _narrowed(self, peer: Peer) -> Iterator[Peer]:
        """The peer, without the namespaces in which it means no subject: to look into all of them would take long."""
        if isinstance(peer, Pods):
            for name, slots in self._subjects.items():
                if self._index.pods_in(name, peer) & slots:
                    yield Pods(InNamespace(name), peer.selector)
        elif not isinstance(peer, Block) or any(_has_address(endpoint, peer.addresses) for endpoint in self._asked):
            yield peer


def _has_address(endpoint: Endpoint, addresses: AddrSet) -> bool:
    return any(address in addresses for address in endpoint.addresses)


# Endpoints


def _alike(index: Index, policies: Sequence[PolicyRules], sides: tuple[Slots, Slots]) -> list[tuple[Endpoint, ...]]:
    """Subjects and others; subjects together where they are one class, others where no policy tells them apart."""
    subjects, others = sides
    everyone = union(subjects, others)
    sight = _Sight(index, policies, everyone)
    held: dict[object, list[Endpoint]] = {}
    for name, slots in everyone.items():
        for endpoint, slot in index.members(name):
            if slots >> slot & 1:
                exact = endpoint.host_network or subjects.get(name, 0) >> slot & 1
                key = slot if exact else -1, others.get(name, 0) >> slot & 1, *sight.of(endpoint, slot)
                held.setdefault(key, []).append(endpoint)
    return [tuple(found) for found in held.values()]


class _Sight:
    """What some policies can see of an endpoint."""

    def __init__(self, index: Index, policies: Sequence[PolicyRules], everyone: Slots) -> None:
        rules = [rule for policy in policies for rule in policy.rules]
        pods = {isolation.subject for policy in policies for isolation in policy.isolations}
        pods |= {rule.subject for rule in rules} | {p for rule in rules for p in rule.peers if isinstance(p, Pods)}
        layout = Layout(everyone, (index.pods_among(everyone, selection) for selection in pods))
        self._atoms = {name: layout.atom_of(name) for name in layout.spans}
        self._names = {term.name for rule in rules for term in rule.ports if isinstance(term, NamedPort)}
        self._cells = Cells(list({p.addresses for r in rules for p in r.peers if isinstance(p, Block | Domains)}))

    def of(self, endpoint: Endpoint, slot: int) -> tuple[object, ...]:
        """Equal for endpoints that they cannot tell apart; those of the host network aside."""
        cells = tuple((":" in address, self._cells.at(address)) for address in endpoint.addresses)
        ports = tuple(port for port in endpoint.ports if port.name in self._names)
        return endpoint.namespace, self._atoms[endpoint.namespace][slot], cells, ports
