"""The cluster's DNS as checks ask for it: which pods answer, where, and who can get there."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_

from msgspec import Struct

from podwall.check.facts import EPHEMERAL, Facts, Policy
from podwall.check.pairs import connection, outward
from podwall.check.redundancy import numbers
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import Block, Direction, NamedPort, NamespacesMatching, Pods, Rule
from podwall.engine.sets import NO_PORTS, AddrSet, PortSet

__all__ = [
    "NODE_LOCAL",
    "Server",
    "answered",
    "asks_dns",
    "governed",
    "has_cache",
    "is_anyone",
    "names_dns",
    "peer",
    "reaches",
    "resolves",
    "servers",
]

NODE_LOCAL = "169.254.20.10"
"""Where the node-local cache listens, as its documentation proposes."""
_USUAL = PortSet.of("UDP", 53) | PortSet.of("TCP", 53)
_LABEL, _VALUE, _NAME = "k8s-app", "kube-dns", "app.kubernetes.io/name"
_CACHE, _CACHE_ONLY = "node-local-dns", AddrSet.of(f"{NODE_LOCAL}/32")


class Server(Struct, frozen=True):
    """One DNS pod, and the ports it answers at: those of the pod, not of the Service."""

    endpoint: Endpoint
    ports: PortSet


def servers(facts: Facts) -> list[Server]:
    """The cluster's DNS pods that are in the input."""
    return facts.once(_servers)


def _servers(facts: Facts) -> list[Server]:
    found = []
    for members in facts.set_of("dns"):
        ports = NO_PORTS
        for written in members.ports or ("53/UDP", "53/TCP"):
            number, _, protocol = written.partition("/")
            ports |= PortSet.of(protocol.upper() or "TCP", int(number))
        found += [Server(endpoint, ports) for endpoint in members.endpoints]
    return found


def asks_dns(facts: Facts, endpoint: Endpoint) -> bool:
    """Whether an endpoint is expected to ask the cluster's DNS, and policies decide about it."""
    return (
        not endpoint.host_network
        and endpoint.namespace not in facts.options.without_dns
        and facts.dns_policy(endpoint) not in ("None", "Default")
    )


def governed(facts: Facts) -> Iterator[tuple[Policy, list[Endpoint]]]:
    """The endpoints whose egress is isolated and that ask DNS, by the policy that a person would look at first.

    That is a default deny of the whole namespace if there is one, else another for all of it, else the first by name.
    """
    found: dict[tuple[str, str], tuple[Policy, list[Endpoint]]] = {}
    for held in facts.endpoints.values():
        for endpoint in held:
            if asks_dns(facts, endpoint):
                isolating = facts.isolating(endpoint, Direction.EGRESS)
                if isolating:
                    first = min(isolating, key=_rank)
                    found.setdefault((first.ref.namespace, first.ref.name), (first, []))[1].append(endpoint)
    yield from (found[key] for key in sorted(found))


def _rank(policy: Policy) -> tuple[bool, bool, str]:
    return policy.isolations[0].subject.selector != EVERYTHING, bool(policy.rules), policy.ref.name


def reaches(facts: Facts, endpoint: Endpoint, server: Server, protocol: str) -> bool:
    """Whether an endpoint's egress lets it ask a DNS pod over one protocol."""
    within = server.ports & PortSet.of(protocol, 1, 65535)
    asked = connection(facts, endpoint, server.endpoint, within) if within else None
    return asked is not None and facts.model.judge.side(Direction.EGRESS, asked, evidence=False).allowed


def answered(facts: Facts, endpoint: Endpoint) -> bool | None:
    """As `resolves`, and the DNS pods let it in: whether names resolve in the end."""
    known = servers(facts)
    out = resolves(facts, endpoint)
    if not out or not known or _reaches_cache(facts, endpoint):
        return out
    return any(_opens(facts, endpoint, server, protocol) for server in known for protocol in ("UDP", "TCP"))


def _opens(facts: Facts, endpoint: Endpoint, server: Server, protocol: str) -> bool:
    within = server.ports & PortSet.of(protocol, 1, 65535)
    asked = connection(facts, endpoint, server.endpoint, within) if within else None
    return asked is not None and facts.model.judge.verdict(asked, evidence=False).allowed


def resolves(facts: Facts, endpoint: Endpoint) -> bool | None:
    """Whether an endpoint can ask the cluster's DNS, over UDP or TCP; None where the input does not tell.

    Where no DNS pod is in the input, one whose egress is isolated cannot if no rule about it names a DNS port. The
    node-local cache answers as well, where there is one.
    """
    known = servers(facts)
    if known:
        pods = any(reaches(facts, endpoint, server, protocol) for server in known for protocol in ("UDP", "TCP"))
        return pods or _reaches_cache(facts, endpoint)
    named = facts.once(_named).get(endpoint.namespace, 0) >> facts.index.slot(endpoint) & 1
    return None if named or not facts.isolating(endpoint, Direction.EGRESS) else False


def _reaches_cache(facts: Facts, endpoint: Endpoint) -> bool:
    """Whether egress to the cache is allowed, and there is one: its pods are in the input, or a rule names it."""
    for protocol in ("UDP", "TCP"):
        asked = outward(facts, endpoint, NODE_LOCAL, PortSet.of(protocol, 53))
        side = facts.model.judge.side(Direction.EGRESS, asked) if asked is not None else None
        if side is not None and side.allowed:
            peers = (peer_ for match in side.matches for peer_ in match.rule.peers)
            if has_cache(facts) or any(isinstance(p, Block) and p.addresses == _CACHE_ONLY for p in peers):
                return True
    return False


def has_cache(facts: Facts) -> bool:
    """Whether pods of the node-local cache are in the input."""
    return facts.once(_has_cache)


def _has_cache(facts: Facts) -> bool:
    return any(_is_cache(endpoint) for held in facts.endpoints.values() for endpoint in held)


def _is_cache(endpoint: Endpoint) -> bool:
    labeled = _CACHE in (endpoint.labels.get(_LABEL), endpoint.labels.get(_NAME))
    return labeled or (endpoint.controller is not None and endpoint.controller.name == _CACHE)


def _named(facts: Facts) -> dict[str, int]:
    """The classes about which some egress rule names a DNS port."""
    out: dict[str, int] = {}
    for policy in facts.policies:
        for rule in policy.rules:
            if rule.direction is Direction.EGRESS and names_dns(facts, rule):
                for namespace, held in facts.index.pods(rule.subject).items():
                    out[namespace] = out.get(namespace, 0) | held
    return out


def _wanted(facts: Facts) -> PortSet:
    return reduce(or_, (server.ports for server in servers(facts)), _USUAL)


def names_dns(facts: Facts, rule: Rule) -> PortSet:
    """The DNS ports that an egress rule names, whoever it is for."""
    wanted = facts.once(_wanted)
    named = any(isinstance(port, NamedPort) and port.name.startswith("dns") for port in rule.ports)
    return wanted if named else numbers(rule) & wanted


def peer(facts: Facts) -> dict[str, object]:
    """The peer that is the cluster's DNS: its namespace, and the label that its pods share."""
    found = servers(facts)
    namespace = found[0].endpoint.namespace if found else "kube-system"
    shared = set.intersection(*({*s.endpoint.labels.items()} for s in found)) if found else {(_LABEL, _VALUE)}
    stable = [pair for pair in sorted(shared) if pair[0] not in EPHEMERAL]
    label = next((pair for pair in stable if pair[0] in (_LABEL, _NAME)), (*stable, (_LABEL, _VALUE))[0])
    return {
        "namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}},
        "podSelector": {"matchLabels": {label[0]: label[1]}},
    }


def is_anyone(peer_: object) -> bool:
    """Whether a peer is every pod of every namespace."""
    if not isinstance(peer_, Pods) or not isinstance(peer_.scope, NamespacesMatching):
        return False
    return EVERYTHING == peer_.selector == peer_.scope.selector
