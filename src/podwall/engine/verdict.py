"""One connection: its verdict, and the evidence that the verdict is read from, so that yes and why cannot disagree.

Egress is decided at the source and ingress at the destination; each side only if that end is a pod that the policy
layer sees (N1). The words are *subject*, the end that is decided for, and *peer*.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint, PortName
from podwall.engine.index import Index, Slots, key_of
from podwall.engine.rules import (
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Isolation,
    NamedPort,
    Peer,
    Pods,
    PolicyRef,
    PolicyRules,
    PortRange,
    PortTerm,
    Rule,
)
from podwall.engine.sets import ALL_PORTS, NO_PORTS, PortSet

__all__ = ["Connection", "End", "Judge", "Match", "Reason", "Side", "Verdict"]


class End(Struct, frozen=True, gc=False):
    """One end of a question: `member` stands for all that `name` means, which are `members` where they are several.

    `slot` is their class in the index, -1 for what is not in it. `many` is as in Endpoint; `node` is the one that all
    are on.
    """

    name: str
    member: Endpoint
    slot: int = -1
    many: bool = False
    node: str | None = None
    members: tuple[Endpoint, ...] = ()


class Connection(Struct, frozen=True, gc=False):
    """What is asked: the destination's own port, after DNAT (N12). `hairpin`: by a Service, so never loopback (D5)."""

    source: End
    destination: End
    protocol: str
    port: int
    family: int
    hairpin: bool = False


class Reason(enum.Enum):
    """What decides a side."""

    RULE = "rule"
    NO_RULE = "no rule"
    NOT_ISOLATED = "not isolated"
    NOT_A_POD = "not a pod"
    OWN_NODE = "own node"
    LOOPBACK = "loopback"


class Match(Struct, frozen=True, gc=False):
    """A rule that lets the connection through, with the number of the peer and of the port that do."""

    rule: Rule
    peer: int
    port: int


class Side(Struct, frozen=True, gc=False):
    """One direction's decision. `assumed` says that it rests on an allotted address (D2)."""

    direction: Direction
    reason: Reason
    isolated_by: tuple[Isolation, ...] = ()
    matches: tuple[Match, ...] = ()
    assumed: bool = False

    @property
    def allowed(self) -> bool:
        """Whether this side lets the connection through."""
        return self.reason is not Reason.NO_RULE


class Verdict(Struct, frozen=True, gc=False):
    """Both sides; the connection is allowed iff both allow it (N1)."""

    egress: Side
    ingress: Side

    @property
    def allowed(self) -> bool:
        """Whether the connection can be opened."""
        return self.egress.allowed and self.ingress.allowed

    @property
    def assumed(self) -> bool:
        """Whether a side rests on an allotted address (D2)."""
        return self.egress.assumed or self.ingress.assumed


class _Reader(Struct, frozen=True, gc=False):
    """A rule with the sets of its pod peers; None for the peers that are not pods."""

    rule: Rule
    peers: tuple[Slots | None, ...]


class _Governing(Struct, frozen=True, gc=False):
    """All that says something about a subject in one direction."""

    isolations: tuple[Isolation, ...]
    rules: tuple[_Reader, ...]


class _Governors(Struct, frozen=True, gc=False):
    """The same for a namespace: each with the slots that it is about, as bits."""

    isolations: tuple[tuple[Isolation, int], ...]
    rules: tuple[tuple[_Reader, int], ...]


_Class = tuple[str, int]  # namespace, slot
_NO_CLASS: _Class = ("", 0)  # of what no selector sees


class Judge:
    """Answers questions about an index, which must not change while it does."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._own: dict[str, list[PolicyRules]] = {}
        for ref in sorted(index.policies):
            self._own.setdefault(ref.namespace, []).append(index.policies[ref])
        self._governing: tuple[dict[_Class, _Governing], dict[_Class, _Governing]] = ({}, {})
        self._governors: tuple[dict[str, _Governors], dict[str, _Governors]] = ({}, {})

    def verdict(self, asked: Connection, *, evidence: bool = True) -> Verdict:
        """The verdict, with every rule that matches if evidence is wanted, else with one."""
        egress = self.side(Direction.EGRESS, asked, evidence=evidence)
        return Verdict(egress, self.side(Direction.INGRESS, asked, evidence=evidence))

    def side(self, direction: Direction, asked: Connection, *, evidence: bool = True) -> Side:
        """One direction's decision."""
        subject, peer = asked.source, asked.destination
        if direction is Direction.INGRESS:
            subject, peer = peer, subject
        if not asked.hairpin and _same_pod(subject, peer):
            return Side(direction, Reason.LOOPBACK)  # never leaves its network namespace (N19)
        if not _selectable(subject.member):
            return Side(direction, Reason.NOT_A_POD)
        if direction is Direction.INGRESS and _on_own_node(subject, peer):
            return Side(direction, Reason.OWN_NODE)
        governing = self._of(direction, subject)
        if not governing.isolations:
            return Side(direction, Reason.NOT_ISOLATED)
        # What rests on an allotted address is only seen when all rules are.
        matches, missed = self._matches(governing, peer, asked, every=evidence or peer.member.assumed)
        return Side(
            direction,
            Reason.RULE if matches else Reason.NO_RULE,
            governing.isolations,
            tuple(matches),
            assumed=peer.member.assumed and (all(map(_by_block, matches)) if matches else missed),
        )

    def permits(
        self, direction: Direction, source: End, destination: End, ports: Mapping[int, PortSet]
    ) -> tuple[PolicyRef, ...] | None:
        """The policies that let some of `ports` (by family) through on one side; None where it is not isolated."""
        subject, peer = (source, destination) if direction is Direction.EGRESS else (destination, source)
        if not _selectable(subject.member):
            return None
        governing = self._of(direction, subject)
        if not governing.isolations:
            return None
        found = set()
        for reader in governing.rules:
            granted = _ports_on(reader.rule.ports, destination.member)
            for family, opened in ports.items():
                if granted.overlaps(opened) and self._first_peer(reader, peer, family) is not None:
                    found.add(reader.rule.policy)
        return tuple(sorted(found))

    def _matches(self, governing: _Governing, peer: End, asked: Connection, *, every: bool) -> tuple[list[Match], bool]:
        """The rules that match, and whether a block of another with the right port might hold the peer's address."""
        matches: list[Match] = []
        block_missed = False
        for reader in governing.rules:
            port = _first_port(reader.rule.ports, asked)
            if port is not None:
                number = self._first_peer(reader, peer, asked.family)
                if number is not None:
                    matches.append(Match(reader.rule, number, port))
                    if not every:
                        break
                elif peer.member.assumed:
                    block_missed = block_missed or any(isinstance(p, Block) for p in reader.rule.peers)
        return matches, block_missed and self._index.profile.blocks_match_cluster

    def _of(self, direction: Direction, subject: End) -> _Governing:
        namespace, slot = subject.member.namespace, subject.slot
        inwards = direction is Direction.INGRESS
        found = self._governing[inwards].get((namespace, slot))
        if found is None:
            governors = self._governors[inwards].get(namespace)
            if governors is None:
                governors = self._governors[inwards][namespace] = self._govern(direction, namespace)
            found = self._governing[inwards][namespace, slot] = _Governing(
                tuple(isolation for isolation, slots in governors.isolations if slots >> slot & 1),
                tuple(reader for reader, slots in governors.rules if slots >> slot & 1),
            )
        return found

    def _govern(self, direction: Direction, namespace: str) -> _Governors:
        isolations: list[tuple[Isolation, int]] = []
        rules: list[tuple[_Reader, int]] = []
        for policy in self._own.get(namespace, ()):
            own = [i for i in policy.isolations if i.direction is direction]
            isolations += ((i, self._index.pods(i.subject).get(namespace, 0)) for i in own)
            for rule in policy.rules:
                if rule.direction is direction:
                    peers = tuple(self._index.pods(p) if isinstance(p, Pods) else None for p in rule.peers)
                    rules.append((_Reader(rule, peers), self._index.pods(rule.subject).get(namespace, 0)))
        return _Governors(tuple(isolations), tuple(rules))

    def _first_peer(self, reader: _Reader, peer: End, family: int) -> int | None:
        """The first peer that matches, but one that rests on an allotted address only where no other does (D2)."""
        namespace, slot = (peer.member.namespace, peer.slot) if _selectable(peer.member) else _NO_CLASS
        addressed: int | None = None
        for number, slots in enumerate(reader.peers):
            if slots is None:
                if addressed is None and self._is_addressed(reader.rule.peers[number], peer.member, family):
                    addressed = number
                    if not peer.member.assumed:
                        break
            elif slots.get(namespace, 0) >> slot & 1:
                return number
        return addressed

    def _is_addressed(self, term: Peer, peer: Endpoint, family: int) -> bool:
        match term:
            case AnyPeer():
                return True
            case Block(addresses) if peer.kind == "External" or self._index.profile.blocks_match_cluster:
                # Per family: an IPv4 block says nothing about a peer's IPv6 address (N10, N20).
                return any((":" in a) == (family == 6) and a in addresses for a in peer.addresses)
            case _:
                return False


def _by_block(match: Match) -> bool:
    return isinstance(match.rule.peers[match.peer], Block)


def _same_pod(subject: End, peer: End) -> bool:
    if subject.many or peer.many:
        return False
    return subject.member.name == peer.member.name and key_of(subject.member) == key_of(peer.member)


def _selectable(endpoint: Endpoint) -> bool:
    """Whether selectors can see it: a pod or workload that is not on its host's network (N8, D3)."""
    return not endpoint.host_network and endpoint.kind not in ("Node", "External")


def _on_own_node(subject: End, peer: End) -> bool:
    """Whether the peer is the subject's node, or a process on its network (N17, D4, D19)."""
    is_host = peer.member.kind == "Node" or peer.member.host_network
    return is_host and subject.node is not None and subject.node == peer.node


def _first_port(terms: tuple[PortTerm, ...], asked: Connection) -> int | None:
    for number, term in enumerate(terms):
        if isinstance(term, PortRange):  # nearly all of them
            if term.first <= asked.port <= term.last and term.protocol == asked.protocol:
                return number
        elif isinstance(term, AnyPort) or _is_named(term, asked):
            return number
    return None


def _is_named(term: NamedPort, asked: Connection) -> bool:
    """Whether the port has this name on the destination, whichever side asks (N13)."""
    wanted = PortName(term.name, term.protocol, asked.port)
    destination = asked.destination.member
    return term.protocol == asked.protocol and wanted in destination.ports and _selectable(destination)


def _ports_on(terms: tuple[PortTerm, ...], destination: Endpoint) -> PortSet:
    """The ports that a rule means on one destination."""
    found = NO_PORTS
    for term in terms:
        match term:
            case AnyPort():
                return ALL_PORTS
            case PortRange(protocol, first, last):
                found |= PortSet.of(protocol, first, last)
            case _ if _selectable(destination):
                for port in destination.ports:
                    if (port.name, port.protocol) == (term.name, term.protocol):
                        found |= PortSet.of(port.protocol, port.number)
    return found
