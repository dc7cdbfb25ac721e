"""What the kinds with tiers share: subjects, peers and how a rule fails closed (semantics.md, C6-C9, C12, C13).

Their structs have one field each of several; which one it is decides everything. What has none, or more than one, or a
value that nobody can read, comes from a schema that this engine does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import msgspec
from msgspec import Struct

from podwall.admission.addresses import read_cidr
from podwall.api.meta import LabelSelector, ObjectMeta
from podwall.api.policy import NamespacedPod
from podwall.engine.domains import canonical
from podwall.engine.labels import EVERYTHING, Selector, selector
from podwall.engine.rules import (
    Action,
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Domains,
    NamedPort,
    NamespacesMatching,
    Nobody,
    Nodes,
    NoPort,
    Peer,
    Pods,
    PolicyRef,
    PortRange,
    PortTerm,
    Rule,
    Tier,
)
from podwall.engine.sets import NO_ADDRESSES, AddrSet

__all__ = ["Line", "Standing", "peer_of", "port_range", "ref_of", "rules_of_line", "subject_of", "the_one"]

_PORTS = range(1, 65536)


class Standing(Struct, frozen=True):
    """Where a policy's rules stand among all: its name, tier and priority, and whom they are for."""

    policy: PolicyRef
    tier: Tier
    priority: int
    subject: Pods


class Line(Struct, frozen=True):
    """One rule of a policy: its action and each entry of its lists, None where this engine does not know them (C13)."""

    direction: Direction
    number: int
    action: Action | None
    peers: Sequence[Peer | None]
    ports: Sequence[PortTerm | None]


def ref_of(kind: str, meta: ObjectMeta) -> PolicyRef:
    """A cluster-scoped policy's reference."""
    return PolicyRef(kind, "", meta.name or meta.generateName or "")


def the_one(item: Struct | None) -> tuple[str, object]:
    """The one field that an object has, and its value; ("", None) where it is not one."""
    if item is None:
        return "", None
    found = [(name, value) for name in item.__struct_fields__ if (value := getattr(item, name)) is not None]
    return found[0] if len(found) == 1 else ("", None)


def subject_of(subject: Struct | None) -> Pods | None:
    """Whom a policy is for (C6); None where this engine does not know the choice."""
    peer = peer_of(subject)
    return peer if isinstance(peer, Pods) else None


def peer_of(peer: Struct | None) -> Peer | None:
    """One entry of `from` or `to` (C7-C9, C12); None where this engine does not know it (C13)."""
    match the_one(peer):
        case "namespaces", LabelSelector() as namespaces:
            return Pods(NamespacesMatching(selector(namespaces)), EVERYTHING)
        case "pods", NamespacedPod() as pods:
            return _pods(pods)
        case "nodes", LabelSelector() as nodes:
            return Nodes(selector(nodes))
        case "networks", [*cidrs]:
            return _networks(cidrs)
        case "domainNames", [*names]:
            return _domains(names)
        case _:
            return None


def port_range(protocol: str, first: int | None, last: int | None) -> PortTerm | None:
    """The ports `first..last`; None where a bound is missing or is no port (C13). A falling range is empty (2.3)."""
    if first is None or last is None or first not in _PORTS or last not in _PORTS:
        return None
    return PortRange(protocol, first, last) if first <= last else NoPort()


def rules_of_line(standing: Standing, line: Line) -> tuple[Rule, ...]:
    """A rule in the normal form: one, or two where named ports stand beside peers that are no pods.

    Only pods have port names (C11). So the one rule has all peers and no name, the other the pods and nothing but
    names; they are next to each other, do the same, and entries keep their numbers.
    """
    rule = _rule(standing, line)
    names = any(isinstance(port, NamedPort) for port in rule.ports)
    if not names or all(isinstance(peer, Pods) for peer in rule.peers):
        return (rule,)
    numbers = tuple(NoPort() if isinstance(port, NamedPort) else port for port in rule.ports)
    pods = tuple(peer if isinstance(peer, Pods) else Nobody() for peer in rule.peers)
    named = tuple(port if isinstance(port, NamedPort) else NoPort() for port in rule.ports)
    return msgspec.structs.replace(rule, ports=numbers), msgspec.structs.replace(rule, peers=pods, ports=named)


def _rule(standing: Standing, line: Line) -> Rule:
    """A rule as a whole; a part that is not known makes it fail closed (C13).

    Then a rule that accepts matches nothing at all, and any other one denies everything, whatever else it says.
    """
    action = line.action or Action.DENY
    broken = line.action is None or not line.peers or None in line.peers or None in line.ports
    peers: tuple[Peer, ...] = tuple(peer for peer in line.peers if peer is not None)
    ports: tuple[PortTerm, ...] = tuple(port or NoPort() for port in line.ports)
    if broken and action is Action.ALLOW:
        peers = (Nobody(),) * max(1, len(line.peers))
    elif broken:
        action, peers, ports = Action.DENY, (AnyPeer(),), ()
    return Rule(
        policy=standing.policy,
        path=f"spec.{line.direction.value}[{line.number}]",
        tier=standing.tier,
        order=(standing.priority, standing.policy.name, line.number),
        direction=line.direction,
        subject=standing.subject,
        peers=peers,
        ports=ports or (AnyPort(),),
        action=action,
        broken=broken,
    )


def _pods(pods: NamespacedPod) -> Pods:
    # Either selector may be absent in what a server holds: both are values in Go, and an empty one selects all (C6).
    return Pods(NamespacesMatching(_selector(pods.namespaceSelector)), _selector(pods.podSelector))


def _selector(source: LabelSelector | None) -> Selector:
    return EVERYTHING if source is None else selector(source)


def _networks(cidrs: Sequence[object]) -> Block | None:
    """The union of all; pods and nodes are matched as well, whatever the profile says of ipBlocks (C8)."""
    if not cidrs or not all(isinstance(cidr, str) and read_cidr(cidr) for cidr in cidrs):
        return None
    return Block(reduce(or_, (AddrSet.of(str(cidr)) for cidr in cidrs), NO_ADDRESSES), everywhere=True)


def _domains(names: Sequence[object]) -> Domains | None:
    """Names as DNS compares them, each once (C12)."""
    if not names or not all(isinstance(name, str) for name in names):
        return None
    return Domains(tuple(sorted({canonical(str(name)) for name in names})))
