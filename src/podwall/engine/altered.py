"""Whom a change of policies can be about at most: told from the subjects' own rules, without those of the others.

A rule that gains or loses a little is about that little, and an isolation that begins with its own rules is about those
whom these leave out. It is an upper bound: what the tiers, or the others' rules, deny anyway is in it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

from msgspec import Struct

from podwall.engine.classes import NamespaceIndex
from podwall.engine.grants import intersect, union
from podwall.engine.index import Index, Slots
from podwall.engine.postings import bits
from podwall.engine.rules import (
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Domains,
    Isolation,
    NamedPort,
    Nobody,
    Nodes,
    Peer,
    Pods,
    PolicyRules,
    PortRange,
    PortTerm,
    Rule,
    Tier,
)
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, NO_PORTS, AddrSet, PortSet, cut

__all__ = ["Altered", "altered", "everyone_in", "most_pairs"]


class Altered(Struct, frozen=True):
    """Subjects, and the other ends that a change may open or close to them; None is everyone.

    `direction` is the one of the subjects' two that changes (None: both), on no more than these `ports`. Where
    `external` is not set, it is not about external ends.
    """

    subjects: Slots
    others: Slots | None
    direction: Direction | None = None
    ports: PortSet = ALL_PORTS
    external: bool = True


class _Clause(Struct, frozen=True):
    """A peer and the ports for it: numbers, and names that stand for some."""

    ports: PortSet
    names: frozenset[NamedPort]
    peer: Peer


class _Cover(Struct, frozen=True):
    """Whom some peers mean: everyone, or pods, and ends by address."""

    everyone: bool
    pods: Slots
    addresses: AddrSet


def altered(index: Index, changed: Sequence[PolicyRules]) -> list[Altered]:
    """What it can be about that these policies replace those of the same name, or are added."""
    own = [policy for policy in changed if policy.policy.namespace]
    parts = [part for direction in Direction for part in _Looking(index, own, direction).parts()]
    return [*parts, *(part for policy in changed if not policy.policy.namespace for part in _of_tiers(index, policy))]


def _of_tiers(index: Index, policy: PolicyRules) -> Iterator[Altered]:
    """A policy of the whole cluster: a rule that is new, gone or elsewhere in the order is about whom it names.

    Its order is part of a rule (C3). A connection that no such rule matches is decided by the same ones as before.
    """
    known = index.policies.get(policy.policy)
    alike: dict[tuple[Direction, Pods], list[Rule]] = {}
    for rule in set(known.rules if known else ()) ^ set(policy.rules):
        alike.setdefault((rule.direction, rule.subject), []).append(rule)
    for (direction, subject), rules in alike.items():
        peers = {peer for rule in rules for peer in rule.peers}
        external = not all(isinstance(peer, Pods | Nodes | Nobody) for peer in peers)
        others: Slots = reduce(union, (_named(index, peer) for peer in peers), {})
        ports = reduce(PortSet.__or__, (_most_ports(term) for rule in rules for term in rule.ports), NO_PORTS)
        if index.pods(subject):
            yield Altered(index.pods(subject), others, direction, ports, external)


def _named(index: Index, peer: Peer) -> Slots:
    """The endpoints that a peer of a policy of the whole cluster can mean."""
    match peer:
        case Pods():
            return index.pods(peer)
        case Nodes():
            return index.nodes(peer)
        case Block(addresses) | Domains(_, addresses):
            return index.at(addresses)
        case AnyPeer():
            return everyone_in(index)
        case Nobody():
            return {}


def _most_ports(term: PortTerm) -> PortSet:
    return ALL_PORTS if isinstance(term, NamedPort) else _numbers(term)


def most_pairs(index: Index, parts: Iterable[Altered]) -> int:
    """How many pairs these are at most: of the cluster's endpoints, and of one with all that is external."""
    others = ((part, everyone_in(index) if part.others is None else part.others) for part in parts)
    return sum(_weight(index, part.subjects) * (_weight(index, whom) + 1) for part, whom in others)


def everyone_in(index: Index) -> Slots:
    """All endpoints."""
    return {name: namespace.everyone for name, namespace in index.namespaces.items() if namespace.everyone}


def _weight(index: Index, slots: Slots) -> int:
    namespaces = index.namespaces
    return sum(_members(namespaces[name], held) for name, held in slots.items())


def _members(namespace: NamespaceIndex, slots: int) -> int:
    if slots == namespace.everyone:
        return sum(namespace.members)
    if sum(namespace.members) == namespace.everyone.bit_count():  # no class has two
        return slots.bit_count()
    return sum(namespace.members[slot] for slot in bits(slots))


class _Looking:
    """One direction of some changed policies."""

    def __init__(self, index: Index, changed: Sequence[PolicyRules], direction: Direction) -> None:
        self._index = index
        self._changed = changed
        self._direction = direction

    def parts(self) -> Iterator[Altered]:
        turned = self._turned()
        for policy in self._changed:
            known = self._index.policies.get(policy.policy)
            for subjects, before, after in self._pieces([known] if known else [], [policy]):
                stay, turn = _minus(subjects, turned), intersect(turned, subjects)
                if stay:
                    yield from self._differing(stay, before, after)
                if turn:
                    yield Altered(turn, self._left_out([*before, *after]), self._direction)

    def _turned(self) -> Slots:
        """Those whose isolation begins or ends."""
        known_before = ((self._index.policies.get(policy.policy), policy) for policy in self._changed)
        if all(known and known.isolations == policy.isolations for known, policy in known_before):
            return {}
        names = {policy.policy for policy in self._changed}
        homes = {policy.policy.namespace for policy in self._changed}
        known = [policy for home in homes for policy in self._index.policies_in(home)]
        before = self._isolated(known)
        after = self._isolated([*(policy for policy in known if policy.policy not in names), *self._changed])
        return _xor(before, after)

    def _isolated(self, policies: Iterable[PolicyRules]) -> Slots:
        found = {i.subject for p in policies for i in p.isolations if i.direction is self._direction}
        return reduce(union, map(self._index.pods, found), {})

    def _pieces(
        self, old: Sequence[PolicyRules], new: Sequence[PolicyRules]
    ) -> Iterator[tuple[Slots, list[Rule], list[Rule]]]:
        """Subjects with the rules about them, before and after."""
        selections = {s for policy in (*old, *new) for s in self._subjects(policy)}
        pieces: list[tuple[Slots, frozenset[Pods]]] = [
            (reduce(union, map(self._index.pods, selections), {}), frozenset())
        ]
        for selection in selections:
            held = self._index.pods(selection)
            inside = [(intersect(slots, held), known | {selection}) for slots, known in pieces]
            pieces = [*inside, *((_minus(slots, held), known) for slots, known in pieces)]
        for slots, selecting in pieces:
            if slots:
                before, after = (self._rules(policies, selecting) for policies in (old, new))
                yield slots, before, after

    def _subjects(self, policy: PolicyRules) -> Iterator[Pods]:
        parts: tuple[Isolation | Rule, ...] = (*policy.isolations, *policy.rules)
        return (part.subject for part in parts if part.direction is self._direction)

    def _rules(self, policies: Iterable[PolicyRules], selecting: frozenset[Pods]) -> list[Rule]:
        rules = (rule for policy in policies for rule in policy.rules)
        return [rule for rule in rules if rule.direction is self._direction and rule.subject in selecting]

    def _left_out(self, rules: Sequence[Rule]) -> Slots | None:
        """Whom rules leave out on some port, where everyone is allowed without them."""
        if self._has_baseline():
            return None  # which decides without them: not for everyone alike
        clauses = list(_clauses(rules))
        out: Slots = {}
        for piece in cut(clause.ports for clause in clauses):
            cover = self._cover(clause for clause in clauses if piece <= clause.ports)
            if not (cover.everyone or cover.pods):
                return None
            out = out if cover.everyone else union(out, _minus(everyone_in(self._index), cover.pods))
        return out

    def _has_baseline(self) -> bool:
        return any(rule.tier is Tier.BASELINE for policy in self._index.policies_in("") for rule in policy.rules)

    def _differing(self, subjects: Slots, before: Sequence[Rule], after: Sequence[Rule]) -> Iterator[Altered]:
        """Whom the one rules allow on some port and the others do not, for subjects that stay isolated."""
        old, new = set(_clauses(before)), set(_clauses(after))
        differing = old ^ new
        if not differing:
            return
        out: Slots = {}
        ports = NO_PORTS
        for clause in differing:
            if clause.names:  # stand for other ports with other ends
                cover = self._cover([clause])
                out, ports = union(out, self._of(cover)), ALL_PORTS
        touched = reduce(PortSet.__or__, (clause.ports for clause in differing), NO_PORTS)
        for piece in cut(clause.ports for clause in old | new):
            if piece.overlaps(touched):
                covers = [self._cover(clause for clause in side if piece <= clause.ports) for side in (old, new)]
                between = self._between(*covers)
                if between:
                    out, ports = union(out, between), ports | piece
        external = not all(isinstance(clause.peer, Pods) for clause in differing)
        yield Altered(subjects, out, self._direction, ports, external)

    def _cover(self, clauses: Iterable[_Clause]) -> _Cover:
        everyone, pods, addresses = False, dict[str, int](), NO_ADDRESSES
        for peer in {clause.peer for clause in clauses}:
            match peer:
                case Pods():
                    pods = union(pods, self._index.pods(peer))
                case Block():
                    # External ends are looked at in any case.
                    if peer.everywhere or self._index.profile.blocks_match_cluster:
                        addresses |= peer.addresses
                case AnyPeer():
                    everyone = True
                case _:
                    raise TypeError(f"{type(peer).__name__} in a NetworkPolicy")
        return _Cover(everyone, pods, addresses)

    def _between(self, one: _Cover, other: _Cover) -> Slots:
        """Who is in one of the two only."""
        if one.everyone and other.everyone:
            return {}
        if one.everyone or other.everyone:
            return _minus(everyone_in(self._index), other.pods if one.everyone else one.pods)
        off = (one.addresses | other.addresses) - (one.addresses & other.addresses)
        return union(_xor(one.pods, other.pods), self._index.at(off))

    def _of(self, cover: _Cover) -> Slots:
        if cover.everyone:
            return everyone_in(self._index)
        return union(cover.pods, self._index.at(cover.addresses))


def _clauses(rules: Iterable[Rule]) -> Iterator[_Clause]:
    """All that rules allow, in parts that do not depend on each other."""
    for rule in rules:
        names = frozenset(term for term in rule.ports if isinstance(term, NamedPort))
        ports = reduce(PortSet.__or__, map(_numbers, rule.ports), NO_PORTS)
        yield from (_Clause(ports, names, peer) for peer in rule.peers)


def _numbers(term: PortTerm) -> PortSet:
    match term:
        case AnyPort():
            return ALL_PORTS
        case PortRange(protocol, first, last):
            return PortSet.of(protocol, first, last)
        case _:
            return NO_PORTS


def _minus(a: Slots, b: Slots) -> Slots:
    return {name: left for name, slots in a.items() if (left := slots & ~b.get(name, 0))}


def _xor(a: Slots, b: Slots) -> Slots:
    return {name: off for name in a.keys() | b.keys() if (off := a.get(name, 0) ^ b.get(name, 0))}
