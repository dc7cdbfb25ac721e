"""Near misses: the rules that would have allowed a denied connection, but for one or two of their terms.

What is found here is exact: a rule with its failed terms mended allows that side. What to do about it, `change` says.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from podwall.engine.domains import meets_name
from podwall.engine.index import Index
from podwall.engine.judge import first_port
from podwall.engine.labels import Selector, Term
from podwall.engine.rules import (
    Action,
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Domains,
    InNamespace,
    NamedPort,
    Nodes,
    Peer,
    Pods,
    PolicyRef,
    PolicyRules,
    PortRange,
    PortTerm,
    Rule,
    Tier,
    rank,
)
from podwall.engine.sets import AddrSet
from podwall.engine.verdict import Connection, End, Reason, Side, is_selectable
from podwall.text.where import near

__all__ = [
    "FailedTerm",
    "NamespaceLabel",
    "NearMiss",
    "NearMisses",
    "NodeLabel",
    "OtherNamespace",
    "OtherNumber",
    "OtherPort",
    "OutsideBlock",
    "PodLabel",
    "Role",
    "near_misses",
    "nearest_port",
    "peer_failures",
]

MOST_TERMS = 2
MOST_LISTED = 20
_FAR = 1 << 16  # farther than any port


class Role(enum.Enum):
    """Which end a term is about: the one that the rule governs, or the other one."""

    SUBJECT = "subject"
    PEER = "peer"


class PodLabel(Struct, frozen=True, gc=False, tag=True):
    """A pod's label has not a value that is wanted; `actual` is None where it is absent (N9)."""

    role: Role
    pod: str
    wanted: Term
    actual: str | None


class NamespaceLabel(Struct, frozen=True, gc=False, tag=True):
    """The same for the labels of an end's namespace (N21)."""

    role: Role
    namespace: str
    wanted: Term
    actual: str | None


class NodeLabel(Struct, frozen=True, gc=False, tag=True):
    """The same for the labels of the peer's node (C9)."""

    node: str
    wanted: Term
    actual: str | None


class OtherNamespace(Struct, frozen=True, gc=False, tag=True):
    """The peer is not in the policy's own namespace (N8)."""

    wanted: str
    actual: str


class OutsideBlock(Struct, frozen=True, gc=False, tag=True):
    """The peer's address is not in a block, or is among what is excepted from it (N10)."""

    address: str
    wanted: AddrSet


class OtherPort(Struct, frozen=True, gc=False, tag=True):
    """The port that is asked for is not in a range, or is of another protocol (N12)."""

    protocol: str
    port: int
    wanted: PortRange


class OtherNumber(Struct, frozen=True, gc=False, tag=True):
    """A named port is not the one that is asked for: it stands for `numbers` on the destination (N13)."""

    protocol: str
    port: int
    wanted: NamedPort
    destination: str
    numbers: tuple[int, ...]


FailedTerm: TypeAlias = PodLabel | NamespaceLabel | NodeLabel | OtherNamespace | OutsideBlock | OtherPort | OtherNumber

_Nearest: TypeAlias = tuple[int, tuple[FailedTerm, ...]]  # the number of an entry, and how it fails


class NearMiss(Struct, frozen=True, gc=False):
    """A rule, the numbers of the peer and of the port that fail (None where one matches), and all terms that do.

    `matched` counts the terms of the peer and of the port that are met; `slip` says that the peer selects nobody in the
    cluster, and that what it wants is spelled much like what there is.
    """

    rule: Rule
    peer: int | None
    port: int | None
    terms: tuple[FailedTerm, ...]
    matched: int = 0
    slip: bool = False


class NearMisses(Struct, frozen=True, gc=False):
    """The nearest ones first; `more` is the number of those that are left out."""

    found: tuple[NearMiss, ...] = ()
    more: int = 0


def near_misses(index: Index, side: Side, asked: Connection) -> NearMisses:
    """Each rule that would have allowed a side but for one or two terms; none where the side is allowed.

    In order of the number of terms; of these, slips first, then what is about the subject already, then what has the
    most other terms that are met; then by policy (name, kind), rule, peer and port. A rule that has two normal forms
    (C11) comes once, as the nearer one.
    """
    if side.allowed:
        return NearMisses()
    nearest: dict[tuple[PolicyRef, str], NearMiss] = {}
    for miss in sorted(_Looking(index, side, asked).all(), key=_nearness):
        nearest.setdefault((miss.rule.policy, miss.rule.path), miss)
    found = list(nearest.values())
    return NearMisses(tuple(found[:MOST_LISTED]), max(0, len(found) - MOST_LISTED))


def _nearness(miss: NearMiss) -> tuple[object, ...]:
    policy = miss.rule.policy
    peer, port = (-1 if number is None else number for number in (miss.peer, miss.port))
    others = any(isinstance(t, PodLabel | NamespaceLabel) and t.role is Role.SUBJECT for t in miss.terms)
    likely = not miss.slip, others, -miss.matched
    return len(miss.terms), *likely, policy.name, policy.kind, miss.rule.order[2], peer, port


class _Looking:
    """One denied side, while its rules are gone through."""

    def __init__(self, index: Index, side: Side, asked: Connection) -> None:
        self._index = index
        self._side = side
        self._asked = asked
        self._subject, self._peer = asked.source, asked.destination
        if side.direction is Direction.INGRESS:
            self._subject, self._peer = self._peer, self._subject

    def all(self) -> Iterator[NearMiss]:
        for policy in self._index.policies.values():
            # A NetworkPolicy is about pods of its own namespace (N2), the tiers are about all.
            if policy.policy.namespace in ("", self._subject.member.namespace):
                for rule in policy.rules:
                    if self._counts(rule):
                        miss = self._miss(rule, policy)
                        if miss is not None:
                            yield miss

    def _counts(self, rule: Rule) -> bool:
        """Whether an allow by this rule would come before what decides (C1, C4)."""
        if rule.direction is not self._side.direction or rule.action is not Action.ALLOW or rule.broken:
            return False
        if rule.tier is Tier.NETWORK_POLICY:
            return not self._denied_by(Tier.ADMIN)
        if rule.tier is Tier.BASELINE:
            return self._denied_by(Tier.BASELINE) and self._comes_first(rule)
        return self._comes_first(rule)

    def _denied_by(self, tier: Tier) -> bool:
        return self._side.reason is Reason.DENY_RULE and self._side.matches[0].rule.tier is tier

    def _comes_first(self, rule: Rule) -> bool:
        met = [match.rule for match in self._side.passed]
        if self._side.reason is Reason.DENY_RULE:
            met.append(self._side.matches[0].rule)
        return all(rank(rule) < rank(other) for other in met if other.tier is rule.tier)

    def _miss(self, rule: Rule, policy: PolicyRules) -> NearMiss | None:
        subject = tuple(_pod_failures(self._index, rule.subject, self._subject, Role.SUBJECT))
        if len(subject) > MOST_TERMS or (subject and self._is_forestalled(rule, policy)):
            return None
        peer, port = self._nearest_peer(rule), nearest_port(rule.ports, self._asked)
        if peer is None or port is None:
            return None
        terms = (*subject, *peer[1], *port[1])
        if not 1 <= len(terms) <= MOST_TERMS:
            return None
        matched = _extent(rule.peers[peer[0]]) - len(peer[1]) + _extent(rule.ports[port[0]]) - len(port[1])
        slip = bool(peer[1]) and self._is_slip(rule.peers[peer[0]], peer[1])
        return NearMiss(rule, peer[0] if peer[1] else None, port[0] if port[1] else None, terms, matched, slip)

    def _nearest_peer(self, rule: Rule) -> _Nearest | None:
        """The peer entry with the fewest failed terms, slips before others, the first of several."""
        best: tuple[tuple[int, bool, int], tuple[FailedTerm, ...]] | None = None
        for number, term in enumerate(rule.peers):
            failed = peer_failures(self._index, term, self._peer, self._asked.family)
            if failed is not None:
                key = len(failed), not self._is_slip(term, failed), number
                if best is None or key < best[0]:
                    best = key, failed
        return None if best is None else (best[0][2], best[1])

    def _is_slip(self, peer: Peer, failed: Sequence[FailedTerm]) -> bool:
        return isinstance(peer, Pods) and all(map(_is_misspelled, failed)) and not self._index.pods(peer)

    def _is_forestalled(self, rule: Rule, policy: PolicyRules) -> bool:
        """Whether a policy with another subject would have its say in an earlier rule (C3)."""
        return rule.tier is not Tier.NETWORK_POLICY and any(
            self._meets(other)
            for other in policy.rules
            if other.direction is rule.direction and other.order[2] < rule.order[2]
        )

    def _meets(self, rule: Rule) -> bool:
        found = (peer_failures(self._index, term, self._peer, self._asked.family) for term in rule.peers)
        return first_port(rule.ports, self._asked) is not None and () in found


def _extent(term: Peer | PortTerm) -> int:
    """How many terms an entry has that can fail."""
    match term:
        case Pods(scope, selector):
            return len(selector.terms) + (1 if isinstance(scope, InNamespace) else len(scope.selector.terms))
        case Nodes(selector):
            return len(selector.terms)
        case AnyPeer() | AnyPort():
            return 0
        case _:
            return 1


def _is_misspelled(term: FailedTerm) -> bool:
    """Whether a label has a value that is much like one that is wanted."""
    if not isinstance(term, PodLabel | NamespaceLabel) or term.wanted.complement or term.actual is None:
        return False
    return near(term.actual, (value for value in term.wanted.values if value is not None)) is not None


def peer_failures(index: Index, term: Peer, peer: End, family: int) -> tuple[FailedTerm, ...] | None:
    """What keeps a peer entry from matching; None where no term of it could be mended so that it does."""
    match term:
        case _ if peer.member.kind == "Domain":  # other addresses are not for a rule to mend (C12)
            return () if meets_name(term, peer.member.name, family) else None
        case AnyPeer():
            return ()
        case Pods():
            # Selectors see pods only, never the host's network, nodes or external addresses (N8, D3).
            return tuple(_pod_failures(index, term, peer, Role.PEER)) if is_selectable(peer.member) else None
        case Block() | Domains():
            return _address_failures(index, term, peer, family)
        case Nodes(selector):
            return _node_failures(selector, peer)
        case _:  # a field of the future (C13)
            return None


def _pod_failures(index: Index, pods: Pods, end: End, role: Role) -> Iterator[FailedTerm]:
    namespace = end.member.namespace
    if isinstance(pods.scope, InNamespace):
        if pods.scope.name != namespace:
            yield OtherNamespace(pods.scope.name, namespace)
    else:
        labels = index.labels_of(namespace)
        for term in _failing(pods.scope.selector, labels):
            yield NamespaceLabel(role, namespace, term, labels.get(term.key))
    for term in _failing(pods.selector, end.member.labels):
        yield PodLabel(role, end.name, term, end.member.labels.get(term.key))


def _failing(selector: Selector, labels: Mapping[str, str]) -> Iterable[Term]:
    return (term for term in selector.terms if not term.matches(labels))


def _address_failures(index: Index, term: Block | Domains, peer: End, family: int) -> tuple[FailedTerm, ...] | None:
    own = [address for address in peer.member.addresses if (":" in address) == (family == 6)]
    if isinstance(term, Block):
        if not (term.everywhere or peer.member.kind == "External" or index.profile.blocks_match_cluster):
            return None  # whatever the block, it would not match (D1)
        if own and not any(address in term.addresses for address in own):
            return (OutsideBlock(own[0], term.addresses),)
    return () if any(address in term.addresses for address in own) else None  # of names, no term can be mended


def _node_failures(selector: Selector, peer: End) -> tuple[FailedTerm, ...] | None:
    member = peer.member
    labels = member.labels if member.kind == "Node" else member.host_labels
    if labels is None:
        return None
    name = member.name if member.kind == "Node" else member.node or ""
    return tuple(NodeLabel(name, term, labels.get(term.key)) for term in _failing(selector, labels))


def nearest_port(ports: Sequence[PortTerm], asked: Connection) -> _Nearest | None:
    """The number of the entry that matches, or else comes nearest, and how it fails; None where none could be mended.

    Nearest is one of the same protocol, then the least distance from the range or from what the name stands for.
    """
    matching = first_port(tuple(ports), asked)
    if matching is not None:
        return matching, ()
    best: tuple[tuple[bool, int, int], FailedTerm] | None = None
    for number, term in enumerate(ports):
        if isinstance(term, PortRange | NamedPort):
            off, failed = _off_range(term, asked) if isinstance(term, PortRange) else _off_name(term, asked)
            key = (term.protocol not in (asked.protocol, ""), off, number)
            if best is None or key < best[0]:
                best = key, failed
    return None if best is None else (best[0][2], (best[1],))


def _off_range(term: PortRange, asked: Connection) -> tuple[int, FailedTerm]:
    return max(term.first - asked.port, asked.port - term.last, 0), OtherPort(asked.protocol, asked.port, term)


def _off_name(term: NamedPort, asked: Connection) -> tuple[int, FailedTerm]:
    destination, meant = asked.destination, (term.name, term.protocol or asked.protocol)
    # Nodes and external addresses have no port names (N13).
    ports = destination.member.ports if is_selectable(destination.member) else ()
    numbers = tuple(sorted({p.number for p in ports if (p.name, p.protocol) == meant}))
    off = min((abs(n - asked.port) for n in numbers), default=_FAR)
    return off, OtherNumber(asked.protocol, asked.port, term, destination.name, numbers)
