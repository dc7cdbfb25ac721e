"""Exposure: whom an endpoint lets in, or may call, beyond the pods that exist now: a union of peers over all labels.

Only the subject's own side is looked at. The tiers are taken out of each other exactly: pods as boxes of labels, and
all else as addresses. What a rule says by address is said of addresses here, though a pod may have one of them; rules
that deny or pass by address, or by the name of a port that only a peer can resolve, are therefore named beside the
result (`restricted_by`), because they may turn some of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.boxes import PodBox, PodBoxes, TooManyBoxes, pod_box
from podwall.engine.judge import Judge, ports_on
from podwall.engine.reduce import reduce
from podwall.engine.rules import (
    Action,
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Domains,
    NamedPort,
    NamespacesMatching,
    Nodes,
    Peer,
    Pods,
    PortRange,
    Rule,
    Tier,
)
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, NO_PORTS, PROTOCOLS, AddrSet, PortSet, cut
from podwall.engine.verdict import End, is_selectable

__all__ = ["MOST_PEERS", "Exposed", "Exposure", "Exposures", "Whom"]

Whom: TypeAlias = AnyPeer | PodBox | AddrSet | Nodes | Domains

MOST_PEERS = 200_000

_EVERYWHERE = AddrSet.of("0.0.0.0/0") | AddrSet.of("::/0")
_ALL_PODS = PodBoxes.of([PodBox()])
_NO_PODS = PodBoxes()


class Exposed(Struct, frozen=True, gc=False):
    """Peers and the ports for them; `names` are ports by names that only the peers can say the numbers of (N13)."""

    whom: Whom
    ports: PortSet
    names: tuple[NamedPort, ...] = ()


class Exposure(Struct, frozen=True, gc=False):
    """One direction of an endpoint. `restricted_by` may close some of `peers`, and is not taken out of them."""

    peers: tuple[Exposed, ...]
    restricted_by: tuple[Rule, ...] = ()


class _Others(Struct, frozen=True, gc=False):
    """A set of peers: pods by labels, everything else by address."""

    pods: PodBoxes = _NO_PODS
    addresses: AddrSet = NO_ADDRESSES

    def __or__(self, other: _Others) -> _Others:
        return _Others(self.pods | other.pods, self.addresses | other.addresses)

    def __and__(self, other: _Others) -> _Others:
        return _Others(self.pods & other.pods, self.addresses & other.addresses)

    def __sub__(self, other: _Others) -> _Others:
        return _Others(self.pods - other.pods, self.addresses - other.addresses)

    def __bool__(self) -> bool:
        return bool(self.pods) or bool(self.addresses)


_ALL = _Others(_ALL_PODS, _EVERYWHERE)

_Atom: TypeAlias = PortSet | NamedPort
_ANYONE = Exposure((Exposed(AnyPeer(), ALL_PORTS),))


class Exposures:
    """Looks exposures up; subjects with the same rules share one.

    Peers are compared with each other up to a number in all, `most_peers`: where no two subjects are alike and every
    rule is about the whole cluster, the last ones would take hours.
    """

    def __init__(self, judge: Judge, most_peers: int = MOST_PEERS) -> None:
        self._judge = judge
        self._left = most_peers
        self._known: dict[object, Exposure] = {}
        self._reduced: dict[frozenset[Pods], tuple[Pods, ...]] = {}

    def of(self, direction: Direction, subject: End) -> Exposure | None:
        """Whom the subject lets in (ingress) or may call (egress); None where that is not worked out any more."""
        if not is_selectable(subject.member):
            return _ANYONE  # policies have no say (N1)
        isolated = self._judge.isolates(direction, subject)
        rules = [r for r in self._judge.rules(direction, subject) if not (isolated and r.tier is Tier.BASELINE)]
        named = subject.member.ports if direction is Direction.INGRESS else ()
        key = isolated, tuple(map(id, rules)), named
        if key not in self._known:
            if self._left < 0:
                return None
            self._known[key] = self._made(rules, subject.member, direction, isolated=isolated)
        return self._known[key]

    def _made(self, rules: list[Rule], subject: Endpoint, direction: Direction, *, isolated: bool) -> Exposure:
        meant = subject if direction is Direction.INGRESS else None
        ports = {id(rule): _numbers(rule, meant) for rule in rules}
        atoms: list[_Atom] = [*cut(ports.values()), *sorted(_names(rules, meant), key=_name_order)]
        tiers = [rule for rule in rules if rule.tier is not Tier.NETWORK_POLICY]
        found: dict[Whom, list[_Atom]] = {}
        doubtful = {id(rule) for rule in tiers if _is_doubtful(rule, meant)}
        for atom in atoms:
            meeting = [rule for rule in rules if _meets(rule, ports[id(rule)], atom)]
            try:
                peers = self._open(meeting, isolated=isolated)
            except TooManyBoxes:  # then as if there were no tiers but the one in the middle
                doubtful |= {id(rule) for rule in meeting if rule.tier is not Tier.NETWORK_POLICY}
                meeting = [rule for rule in meeting if rule.tier is Tier.NETWORK_POLICY]
                peers = self._open(meeting, isolated=isolated)
            for whom in peers:
                found.setdefault(whom, []).append(atom)
        restricting = tuple(rule for rule in tiers if id(rule) in doubtful)
        return Exposure(tuple(sorted((_exposed(*item) for item in found.items()), key=_order)), restricting)

    def _open(self, rules: Sequence[Rule], *, isolated: bool) -> list[Whom]:
        """Who is let through on ports that all these rules mean."""
        if isolated and all(rule.tier is Tier.NETWORK_POLICY for rule in rules):
            return self._listed([peer for rule in rules for peer in rule.peers])
        accepted, undecided, passed = _tier([r for r in rules if r.tier is Tier.ADMIN], _ALL)
        onward = undecided | passed  # Pass skips the rest of the tier (C4)
        if isolated:
            allowed = _others(p for r in rules if r.tier is Tier.NETWORK_POLICY for p in r.peers)
            opened = accepted | (onward & allowed)
        else:
            also, undecided, passed = _tier([r for r in rules if r.tier is Tier.BASELINE], onward)
            opened = accepted | also | undecided | passed
        symbolic = [p for p in _symbolic(rules) if opened]
        return self._listed([*_peers(opened), *symbolic])

    def _listed(self, peers: Iterable[Peer]) -> list[Whom]:
        """Peers without what others of them cover."""
        several = list(dict.fromkeys(peers))
        pods = frozenset(peer for peer in several if isinstance(peer, Pods))
        if pods not in self._reduced:
            self._left -= len(pods)
            self._reduced[pods] = reduce(pods)
        boxes = [pod_box(peer) for peer in self._reduced[pods]]
        addresses = _others(peer for peer in several if isinstance(peer, Block)).addresses
        if any(isinstance(peer, AnyPeer) for peer in several) or (PodBox() in boxes and addresses == _EVERYWHERE):
            return [AnyPeer()]
        symbolic = [peer for peer in several if isinstance(peer, Nodes | Domains)]
        return [*boxes, *([addresses] if addresses else []), *symbolic]


def _tier(rules: Iterable[Rule], undecided: _Others) -> tuple[_Others, _Others, _Others]:
    """Accepted, undecided and passed on (C4)."""
    accepted = passed = _Others()
    for rule in rules:
        hit = undecided & _others(rule.peers)
        if hit:
            undecided -= hit
            if rule.action is Action.ALLOW:
                accepted |= hit
            elif rule.action is Action.PASS:
                passed |= hit
    return accepted, undecided, passed


def _others(peers: Iterable[Peer]) -> _Others:
    boxes: list[PodBox] = []
    addresses = NO_ADDRESSES
    for peer in peers:
        match peer:
            case AnyPeer():
                return _ALL
            case Pods():
                boxes.append(pod_box(peer))
            case Block(known) | Domains(_, known):
                addresses |= known
            case _:
                pass
    return _Others(PodBoxes.of(boxes), addresses)


def _peers(others: _Others) -> Iterable[Peer]:
    if others.addresses == _EVERYWHERE and PodBox() in others.pods.boxes:
        yield AnyPeer()
        return
    yield from (Pods(NamespacesMatching(box.namespace), box.pod) for box in others.pods.boxes)
    if others.addresses:
        yield Block(others.addresses)


def _symbolic(rules: Iterable[Rule]) -> Iterable[Peer]:
    """Nodes and names that are accepted: addresses that nobody can tell from here (C9, C12)."""
    for rule in rules:
        if rule.action is Action.ALLOW:
            yield from (peer for peer in rule.peers if isinstance(peer, Nodes | Domains))


def _is_doubtful(rule: Rule, subject: Endpoint | None) -> bool:
    """Whether a rule may close more than what is taken out for it."""
    if rule.action is Action.ALLOW:
        return False
    by_address = any(isinstance(peer, Block | Nodes | Domains) for peer in rule.peers)
    return by_address or (subject is None and any(isinstance(port, NamedPort) for port in rule.ports))


def _numbers(rule: Rule, subject: Endpoint | None) -> PortSet:
    """The numbers that a rule means; of names only where the subject says what they are."""
    if subject is not None:
        return ports_on(rule.ports, subject)
    found = NO_PORTS
    for term in rule.ports:
        if isinstance(term, AnyPort):
            return ALL_PORTS
        if isinstance(term, PortRange):
            found |= PortSet.of(term.protocol, term.first, term.last)
    return found


def _names(rules: Iterable[Rule], subject: Endpoint | None) -> set[NamedPort]:
    """The names that only a peer can say the numbers of, each with one protocol."""
    terms = (term for rule in rules for term in rule.ports if subject is None and isinstance(term, NamedPort))
    return {NamedPort(p, term.name) for term in terms for p in PROTOCOLS if term.protocol in (p, "")}


def _name_order(port: NamedPort) -> tuple[str, str]:
    return port.protocol, port.name


def _meets(rule: Rule, ports: PortSet, atom: _Atom) -> bool:
    if isinstance(atom, PortSet):
        return atom <= ports
    if PortSet.of(atom.protocol, 1, 65535) <= ports:
        return True
    named = (term for term in rule.ports if isinstance(term, NamedPort))
    return any(term.name == atom.name and term.protocol in (atom.protocol, "") for term in named)


def _exposed(whom: Whom, atoms: Iterable[_Atom]) -> Exposed:
    ports, names = NO_PORTS, []
    for atom in atoms:
        if isinstance(atom, PortSet):
            ports |= atom
        else:
            names.append(atom)
    # A name stands for some number: where all are open, it says nothing more.
    left = (name for name in names if not PortSet.of(name.protocol, 1, 65535) <= ports)
    return Exposed(whom, ports, tuple(left))


def _order(exposed: Exposed) -> tuple[int, object]:
    match exposed.whom:
        case AnyPeer():
            return 0, exposed.ports.spans
        case PodBox():
            return 1, exposed.whom.order()
        case AddrSet(spans):
            return 2, spans
        case Nodes(selector):
            return 3, selector.order()
        case Domains(names):
            return 4, names
