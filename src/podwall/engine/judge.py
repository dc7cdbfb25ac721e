"""Verdicts on single connections, tier by tier; with evidence where it is wanted.

Each side is decided only if its end is a pod that the policy layer sees (N1). The words are *subject*, the end that is
decided for, and *peer*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint, PortName
from podwall.engine.domains import meets_name
from podwall.engine.index import Index, Slots, key_of
from podwall.engine.rules import (
    Action,
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Domains,
    Isolation,
    NamedPort,
    Nodes,
    Peer,
    Pods,
    PolicyRules,
    PortRange,
    PortTerm,
    Rule,
    Tier,
    rank,
)
from podwall.engine.sets import ALL_PORTS, NO_PORTS, AddrSet, PortSet
from podwall.engine.verdict import Connection, End, Match, Reason, Side, Verdict, is_selectable

__all__ = ["Judge", "first_port", "ports_on"]


class _Reader(Struct, frozen=True, gc=False):
    """A rule with the sets of its pod peers; None for the peers that are not pods."""

    rule: Rule
    peers: tuple[Slots | None, ...]


class _Governing(Struct, frozen=True, gc=False):
    """All that says something about a subject in one direction."""

    isolations: tuple[Isolation, ...]
    rules: tuple[_Reader, ...]
    admin: tuple[_Reader, ...]
    baseline: tuple[_Reader, ...]


class _Governors(Struct, frozen=True, gc=False):
    """The same for a namespace: each with the slots that it is about, as bits."""

    isolations: tuple[tuple[Isolation, int], ...]
    rules: tuple[tuple[_Reader, int], ...]
    tiers: tuple[tuple[_Reader, int], ...]


def _spared(governing: _Governing, rule: Rule) -> _Governing:
    """All of it but one rule."""

    def others(readers: tuple[_Reader, ...]) -> tuple[_Reader, ...]:
        return tuple(reader for reader in readers if reader.rule is not rule)

    return _Governing(
        governing.isolations, others(governing.rules), others(governing.admin), others(governing.baseline)
    )


_Class = tuple[str, int]  # namespace, slot
# Python 3.11 takes a tenth of a microsecond to find a member in its class, and a verdict needs many.
_EGRESS, _INGRESS = Direction.EGRESS, Direction.INGRESS
_RULE, _NO_RULE = Reason.RULE, Reason.NO_RULE


class Judge:
    """Answers questions about an index, which must not change while it does."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._own: dict[str, list[PolicyRules]] = {}
        for ref in sorted(index.policies):
            self._own.setdefault(ref.namespace, []).append(index.policies[ref])
        tiered = [r for p in self._own.pop("", ()) for r in p.rules if r.tier is not Tier.NETWORK_POLICY]
        self._tiered = sorted(tiered, key=rank)
        self._governing: tuple[dict[_Class, _Governing], dict[_Class, _Governing]] = ({}, {})
        self._governors: tuple[dict[str, _Governors], dict[str, _Governors]] = ({}, {})

    def verdict(self, asked: Connection, *, evidence: bool = True) -> Verdict:
        """The verdict, with every rule that matches if evidence is wanted, else with one."""
        egress = self.side(_EGRESS, asked, evidence=evidence)
        return Verdict(egress, self.side(_INGRESS, asked, evidence=evidence))

    def side(
        self, direction: Direction, asked: Connection, *, evidence: bool = True, without: Rule | None = None
    ) -> Side:
        """One direction's decision; what it would be were a rule not there, isolation being what it is."""
        subject, peer = asked.source, asked.destination
        if direction is _INGRESS:
            subject, peer = peer, subject
        if not asked.hairpin and _same_pod(subject, peer):
            return Side(direction, Reason.LOOPBACK)  # never leaves its network namespace (N19)
        if not subject.selectable:
            return Side(direction, Reason.NOT_A_POD)
        if direction is _INGRESS and _on_own_node(subject, peer):
            return Side(direction, Reason.OWN_NODE)
        governing = self._of(direction, subject)
        if without is not None:
            governing = _spared(governing, without)
        return self._judged(direction, governing, peer, asked, evidence=evidence)

    def isolates(self, direction: Direction, subject: End) -> bool:
        """Whether the NetworkPolicy tier decides for a subject (N5)."""
        return subject.selectable and bool(self._of(direction, subject).isolations)

    def rules(self, direction: Direction, subject: End) -> tuple[Rule, ...]:
        """Every rule about a subject, in the order in which they are read; of a tier that is not reached as well."""
        if not subject.selectable:
            return ()
        governing = self._of(direction, subject)
        return tuple(reader.rule for reader in (*governing.admin, *governing.rules, *governing.baseline))

    def _judged(
        self, direction: Direction, governing: _Governing, peer: End, asked: Connection, *, evidence: bool
    ) -> Side:
        """The tiers in their order (C1); the NetworkPolicy tier is final for whom it isolates (C5, D8)."""
        passed: tuple[Match, ...] = ()
        assumed = False
        if governing.admin:
            decided, passed, assumed = self._tier(governing.admin, peer, asked)
            if decided is not None:
                return _by_tier(direction, decided, passed, assumed=assumed)
        if governing.isolations:
            if evidence or peer.member.assumed:  # what rests on an allotted address is only seen when all rules are
                matches, rests = self._matches(governing.rules, peer, asked)
                assumed = assumed or rests
            else:
                matches = self._first_match(governing.rules, peer, asked)
            reason = _RULE if matches else _NO_RULE
            return Side(direction, reason, governing.isolations, matches, passed, assumed)
        if governing.baseline:
            decided, also_passed, rests = self._tier(governing.baseline, peer, asked)
            passed, assumed = passed + also_passed, assumed or rests
            if decided is not None:
                return _by_tier(direction, decided, passed, assumed=assumed)
        return Side(direction, Reason.NOT_ISOLATED, (), (), passed, assumed)

    def _tier(
        self, readers: tuple[_Reader, ...], peer: End, asked: Connection
    ) -> tuple[Match | None, tuple[Match, ...], bool]:
        """The first rule that matches, apart if it is a Pass (C4), and whether a block was asked."""
        blocks = False
        for reader in readers:
            port = first_port(reader.rule.ports, asked)
            if port is not None:
                blocks = blocks or (peer.member.assumed and any(map(_is_block, reader.rule.peers)))
                number = self._first_peer(reader, peer, asked.family)
                if number is not None:
                    match = Match(reader.rule, number, port)
                    passing = reader.rule.action is Action.PASS
                    return (None, (match,), blocks) if passing else (match, (), blocks)
        return None, (), blocks

    def permits(
        self, direction: Direction, source: End, destination: End, ports: Mapping[int, PortSet]
    ) -> tuple[Rule, ...] | None:
        """The rules that let some of `ports` (by family) through on one side; None where it is not isolated."""
        subject, peer = (source, destination) if direction is Direction.EGRESS else (destination, source)
        if not subject.selectable:
            return None
        governing = self._of(direction, subject)
        found: dict[int, Rule] = {}  # by identity: to compare rules is to compare all their selectors
        for family, opened in ports.items():
            self._permitting(governing, destination.member, (peer, family), opened, found)
        if not found and not governing.isolations:
            return None
        return tuple(sorted(found.values(), key=lambda rule: (rule.policy, rule.order[2])))

    def _permitting(
        self,
        governing: _Governing,
        destination: Endpoint,
        towards: tuple[End, int],
        opened: PortSet,
        found: dict[int, Rule],
    ) -> None:
        opened = self._tier_permits(governing.admin, destination, towards, opened, found)
        if not governing.isolations:
            self._tier_permits(governing.baseline, destination, towards, opened, found)
        for reader in governing.rules:
            if ports_on(reader.rule.ports, destination).overlaps(opened) and self._meets(reader, towards):
                found[id(reader.rule)] = reader.rule

    def _tier_permits(
        self,
        readers: tuple[_Reader, ...],
        destination: Endpoint,
        towards: tuple[End, int],
        opened: PortSet,
        found: dict[int, Rule],
    ) -> PortSet:
        """Adds the rules that accept some of the ports; returns those that go on to the next tier."""
        undecided, onward = opened, NO_PORTS
        for reader in readers:
            hit = ports_on(reader.rule.ports, destination) & undecided
            if hit and self._meets(reader, towards):
                undecided -= hit
                if reader.rule.action is Action.ALLOW:
                    found[id(reader.rule)] = reader.rule
                elif reader.rule.action is Action.PASS:
                    onward |= hit
        return onward | undecided

    def _meets(self, reader: _Reader, towards: tuple[End, int]) -> bool:
        return self._first_peer(reader, *towards) is not None

    def _first_match(self, readers: tuple[_Reader, ...], peer: End, asked: Connection) -> tuple[Match, ...]:
        """One rule that matches is enough."""
        for reader in readers:
            port = first_port(reader.rule.ports, asked)
            if port is not None:
                number = self._first_peer(reader, peer, asked.family)
                if number is not None:
                    return (Match(reader.rule, number, port),)
        return ()

    def _matches(self, readers: tuple[_Reader, ...], peer: End, asked: Connection) -> tuple[tuple[Match, ...], bool]:
        """The rules that match, and whether that rests on the peer's allotted address: all of them are blocks, or a
        block of a rule with the right port might hold it.
        """
        matches: list[Match] = []
        missed = False
        for reader in readers:
            port = first_port(reader.rule.ports, asked)
            if port is not None:
                number = self._first_peer(reader, peer, asked.family)
                if number is not None:
                    matches.append(Match(reader.rule, number, port))
                else:
                    missed = missed or any(isinstance(p, Block) for p in reader.rule.peers)
        rests = all(map(_by_block, matches)) if matches else missed and self._index.profile.blocks_match_cluster
        return tuple(matches), peer.member.assumed and rests

    def _of(self, direction: Direction, subject: End) -> _Governing:
        found = self._governing[direction is _INGRESS].get(subject.seen_as)
        if found is None:
            found = self._governing[direction is _INGRESS][subject.seen_as] = self._governs(direction, *subject.seen_as)
        return found

    def _governs(self, direction: Direction, namespace: str, slot: int) -> _Governing:
        """All that is about one class."""
        made = self._governors[direction is _INGRESS]
        governors = made.get(namespace)
        if governors is None:
            governors = made[namespace] = self._govern(direction, namespace)
        tiers = [reader for reader, slots in governors.tiers if slots >> slot & 1]
        return _Governing(
            tuple([isolation for isolation, slots in governors.isolations if slots >> slot & 1]),
            tuple([reader for reader, slots in governors.rules if slots >> slot & 1]),
            tuple([reader for reader in tiers if reader.rule.tier is Tier.ADMIN]),
            tuple([reader for reader in tiers if reader.rule.tier is Tier.BASELINE]),
        )

    def _govern(self, direction: Direction, namespace: str) -> _Governors:
        isolations: list[tuple[Isolation, int]] = []
        rules: list[tuple[_Reader, int]] = []
        for policy in self._own.get(namespace, ()):
            own = [i for i in policy.isolations if i.direction is direction]
            isolations += ((i, self._index.pods(i.subject).get(namespace, 0)) for i in own)
            rules += self._read(policy.rules, direction, namespace)
        tiers = self._read(self._tiered, direction, namespace)
        return _Governors(tuple(isolations), tuple(rules), tuple(tiers))

    def _read(self, rules: Iterable[Rule], direction: Direction, namespace: str) -> list[tuple[_Reader, int]]:
        out: list[tuple[_Reader, int]] = []
        for rule in rules:
            if rule.direction is direction:
                subject = self._index.pods(rule.subject).get(namespace, 0)
                if subject:
                    peers = tuple(self._index.pods(p) if isinstance(p, Pods) else None for p in rule.peers)
                    out.append((_Reader(rule, peers), subject))
        return out

    def _first_peer(self, reader: _Reader, peer: End, family: int) -> int | None:
        """The first peer that matches, but one that rests on an allotted address only where no other does (D2)."""
        namespace, slot = peer.seen_as
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
        if peer.kind == "Domain":
            return meets_name(term, peer.name, family)
        match term:
            case AnyPeer():
                return True
            case Block(addresses, everywhere):
                seen = everywhere or peer.kind == "External" or self._index.profile.blocks_match_cluster
                return seen and _holds(addresses, peer, family)
            case Domains(_, addresses):
                return _holds(addresses, peer, family)
            case Nodes(selector):
                labels = peer.labels if peer.kind == "Node" else peer.host_labels
                return labels is not None and selector.matches(labels)
            case _:
                return False


def _holds(addresses: AddrSet, peer: Endpoint, family: int) -> bool:
    """Per family: an IPv4 block says nothing about a peer's IPv6 address (N10, N20)."""
    return any((":" in a) == (family == 6) and a in addresses for a in peer.addresses)


def _by_tier(direction: Direction, match: Match, passed: tuple[Match, ...], *, assumed: bool) -> Side:
    reason = Reason.RULE if match.rule.action is Action.ALLOW else Reason.DENY_RULE
    return Side(direction, reason, (), (match,), passed, assumed)


def _by_block(match: Match) -> bool:
    return _is_block(match.rule.peers[match.peer])


def _is_block(peer: Peer) -> bool:
    """Whether an entry goes by addresses, those of names that are known included."""
    return isinstance(peer, Block) or (isinstance(peer, Domains) and bool(peer.addresses))


def _same_pod(subject: End, peer: End) -> bool:
    if subject.many or peer.many:
        return False
    return subject.member.name == peer.member.name and key_of(subject.member) == key_of(peer.member)


def _on_own_node(subject: End, peer: End) -> bool:
    """Whether the peer is the subject's node, or a process on its network (N17, D4, D19)."""
    is_host = peer.member.kind == "Node" or peer.member.host_network
    return is_host and subject.node is not None and subject.node == peer.node


def first_port(terms: tuple[PortTerm, ...], asked: Connection) -> int | None:
    """The number of the first entry that means the port that is asked for; None where none does."""
    for number, term in enumerate(terms):
        if type(term) is PortRange:  # nearly all of them
            if term.first <= asked.port <= term.last and term.protocol == asked.protocol:
                return number
        elif type(term) is AnyPort or (type(term) is NamedPort and _is_named(term, asked)):
            return number
    return None


def _is_named(term: NamedPort, asked: Connection) -> bool:
    """Whether the port has this name on the destination, whichever side asks (N13)."""
    wanted = PortName(term.name, asked.protocol, asked.port)
    destination = asked.destination.member
    return term.protocol in (asked.protocol, "") and wanted in destination.ports and is_selectable(destination)


def ports_on(terms: tuple[PortTerm, ...], destination: Endpoint) -> PortSet:
    """The ports that a rule means on one destination."""
    found = NO_PORTS
    for term in terms:
        match term:
            case AnyPort():
                return ALL_PORTS
            case PortRange(protocol, first, last):
                found |= PortSet.of(protocol, first, last)
            case NamedPort(protocol, name) if is_selectable(destination):
                for port in destination.ports:
                    if port.name == name and protocol in (port.protocol, ""):
                        found |= PortSet.of(port.protocol, port.number)
    return found
