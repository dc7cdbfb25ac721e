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
from podwall.engine.cells import Cells
from podwall.engine.grants import union
from podwall.engine.index import Index, Slots
from podwall.engine.layout import Layout
from podwall.engine.rules import (
    Block,
    Direction,
    Domains,
    NamedPort,
    Peer,
    Pods,
    PolicyRules,
    PortTerm,
    Rule,
    Tier,
    rank,
)
from podwall.engine.sets import AddrSet

__all__ = ["Concerned", "concerned", "index_of"]

_Clause = tuple[Direction, Pods, tuple[PortTerm, ...], Peer, tuple[object, ...]]


class Concerned(Struct, frozen=True):
    """Endpoints in sets that nothing tells apart, which of them the change is about, and the policies for all."""

    members: tuple[tuple[Endpoint, ...], ...]
    subjects: tuple[bool, ...]
    policies: tuple[PolicyRules, ...]


def concerned(index: Index, changed: Sequence[PolicyRules]) -> Concerned | None:
    """Whom it concerns that these policies replace those of the same name, or are added; None: nobody."""
    subjects, others = _ends(index, changed)
    if not subjects:
        return None
    everyone = None if others is None else union(subjects, others)
    policies = list(_policies(index, subjects, everyone))
    members = _alike(index, [*policies, *changed], subjects, everyone)
    about = (bool(subjects.get(held[0].namespace, 0) >> index.slot(held[0]) & 1) for held in members)
    return Concerned(tuple(members), tuple(about), tuple(policies))


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


# Subjects and others


def _ends(index: Index, changed: Sequence[PolicyRules]) -> tuple[Slots, Slots | None]:
    """The subjects of what changes, and the others that it is about; None is everyone."""
    subjects = reduce(union, (_newly_isolated(index, changed, direction) for direction in Direction))
    others: Slots | None = None if subjects else {}
    for policy in changed:
        known = index.policies.get(policy.policy)
        old = set(_clauses(known)) if known else set()
        for _, subject, _, peer, _ in old ^ set(_clauses(policy)):
            found = index.pods(subject)
            if found:
                subjects = union(subjects, found)
                named = None if others is None else _named(index, peer)
                others = None if named is None or others is None else union(others, named)
    return subjects, others


def _newly_isolated(index: Index, changed: Sequence[PolicyRules], direction: Direction) -> Slots:
    """Those whose isolation in a direction begins or ends: that is about everyone."""
    namespaces = {policy.policy.namespace for policy in changed}
    known = [policy for ref, policy in index.policies.items() if ref.namespace in namespaces]
    names = {policy.policy for policy in changed}
    before = _isolated(index, known, direction)
    after = _isolated(index, [*(p for p in known if p.policy not in names), *changed], direction)
    return {name: slots for name in namespaces if (slots := before.get(name, 0) ^ after.get(name, 0))}


def _isolated(index: Index, policies: Iterable[PolicyRules], direction: Direction) -> Slots:
    found = (i.subject for policy in policies for i in policy.isolations if i.direction is direction)
    return reduce(union, map(index.pods, found), {})


def _clauses(policy: PolicyRules) -> Iterator[_Clause]:
    """All that its rules say, in parts that do not depend on each other."""
    for rule in policy.rules:
        # In the NetworkPolicy tier rules only add up (N7); in another, what a rule does and its place count (C3, C4).
        standing = () if rule.tier is Tier.NETWORK_POLICY else (rule.action, rank(rule))
        for peer in rule.peers:
            yield rule.direction, rule.subject, rule.ports, peer, standing


def _named(index: Index, peer: Peer) -> Slots | None:
    """The endpoints that a peer may match; external addresses are always looked at."""
    if isinstance(peer, Pods):
        return index.pods(peer)
    return index.having(peer.addresses) if isinstance(peer, Block) else None


def _has_address(endpoint: Endpoint, addresses: AddrSet) -> bool:
    return any(address in addresses for address in endpoint.addresses)


# Policies


def _policies(index: Index, subjects: Slots, everyone: Slots | None) -> Iterator[PolicyRules]:
    """Those of the subjects' namespaces and of the whole cluster, and what the rest say about the subjects."""
    asked = [e for e, slot in index.endpoints_in(subjects) if subjects[e.namespace] >> slot & 1]
    isolated: dict[tuple[str, Direction], int] = {}
    for ref, policy in index.policies.items():
        if not ref.namespace or ref.namespace in subjects:
            yield policy
        elif everyone is None or ref.namespace in everyone:
            rules = tuple(_about(index, policy.rules, subjects, asked))
            new = tuple(
                i for i in policy.isolations if _adds(isolated, (ref.namespace, i.direction), index.pods(i.subject))
            )
            if rules or new:
                yield PolicyRules(ref, new, rules)


def _adds(isolated: dict[tuple[str, Direction], int], key: tuple[str, Direction], slots: Slots) -> bool:
    """Whether an isolation is of somebody who was not isolated before."""
    known, found = isolated.get(key, 0), slots.get(key[0], 0)
    isolated[key] = known | found
    return isolated[key] != known


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


# Endpoints


def _alike(
    index: Index, policies: Sequence[PolicyRules], subjects: Slots, everyone: Slots | None
) -> list[tuple[Endpoint, ...]]:
    """Those who are concerned; subjects together where they are one class, others where no policy tells them apart."""
    if everyone is None:
        everyone = {name: namespace.everyone for name, namespace in index.namespaces.items() if namespace.everyone}
    sight = _Sight(index, policies, everyone)
    held: dict[object, list[Endpoint]] = {}
    for endpoint, slot in index.endpoints_in(everyone):
        if everyone[endpoint.namespace] >> slot & 1:
            exact = endpoint.host_network or subjects.get(endpoint.namespace, 0) >> slot & 1
            held.setdefault((slot if exact else -1, *sight.of(endpoint, slot)), []).append(endpoint)
    return [tuple(found) for found in held.values()]


class _Sight:
    """What some policies can see of an endpoint."""

    def __init__(self, index: Index, policies: Sequence[PolicyRules], everyone: Slots) -> None:
        rules = [rule for policy in policies for rule in policy.rules]
        pods = {isolation.subject for policy in policies for isolation in policy.isolations}
        pods |= {rule.subject for rule in rules} | {p for rule in rules for p in rule.peers if isinstance(p, Pods)}
        found = ({n: s for n, s in index.pods(p).items() if n in everyone} for p in pods)
        layout = Layout(everyone, found)
        self._atoms = {name: layout.atom_of(name) for name in layout.spans}
        self._names = {term.name for rule in rules for term in rule.ports if isinstance(term, NamedPort)}
        self._cells = Cells(list({p.addresses for r in rules for p in r.peers if isinstance(p, Block | Domains)}))

    def of(self, endpoint: Endpoint, slot: int) -> tuple[object, ...]:
        """Equal for endpoints that they cannot tell apart; those of the host network aside."""
        cells = tuple((":" in address, self._cells.at(address)) for address in endpoint.addresses)
        ports = tuple(port for port in endpoint.ports if port.name in self._names)
        return endpoint.namespace, self._atoms[endpoint.namespace][slot], cells, ports
