"""policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy → rules (semantics.md, section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.api.policy import (
    ClusterNetworkPolicy,
    ClusterNetworkPolicyEgressRule,
    ClusterNetworkPolicyIngressRule,
    ClusterNetworkPolicyProtocol,
    ClusterNetworkPolicySpec,
    Port,
    ProtocolPorts,
)
from podwall.engine.policies.tiered import (
    Line,
    Standing,
    peer_of,
    port_range,
    ref_of,
    rules_of_line,
    subject_of,
    the_one,
)
from podwall.engine.rules import Action, Direction, NamedPort, PolicyRules, PortRange, PortTerm, Tier

__all__ = ["rules_of"]

_TIERS = {"Admin": Tier.ADMIN, "Baseline": Tier.BASELINE}
_PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP"}
_ACTIONS = {"Accept": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS}

_ApiRule = ClusterNetworkPolicyIngressRule | ClusterNetworkPolicyEgressRule


def rules_of(policy: ClusterNetworkPolicy) -> PolicyRules:
    """The policy in the normal form: rules as written, no isolation (C2).

    Valid or not, it is read (D14). Where its tier or subject is none that this engine knows, it has no rules.
    """
    ref = ref_of("ClusterNetworkPolicy", policy.metadata)
    spec = policy.spec or ClusterNetworkPolicySpec()
    tier, subject = _TIERS.get(spec.tier or ""), subject_of(spec.subject)
    if tier is None or subject is None:
        return PolicyRules(ref, (), ())
    standing = Standing(ref, tier, spec.priority or 0, subject)
    lines = (*_lines(Direction.EGRESS, spec.egress or ()), *_lines(Direction.INGRESS, spec.ingress or ()))
    return PolicyRules(ref, (), tuple(rule for line in lines for rule in rules_of_line(standing, line)))


def _lines(direction: Direction, rules: Sequence[_ApiRule | None]) -> Iterator[Line]:
    for number, rule in enumerate(rules):
        if rule is None:  # no server holds one: it fails closed like any other rule without an action
            yield Line(direction, number, None, (), ())
        else:
            peers = [peer_of(peer) for peer in rule.peers or ()]
            ports = [_protocol(protocol) for protocol in rule.protocols or ()]
            yield Line(direction, number, _ACTIONS.get(rule.action or ""), peers, ports)


def _protocol(protocol: ClusterNetworkPolicyProtocol | None) -> PortTerm | None:
    """One entry of `protocols` (C10, C11); None where this engine does not know it (C13)."""
    match the_one(protocol):
        case "destinationNamedPort", str() as name if name:
            return NamedPort("", name)
        case field, ProtocolPorts(destinationPort=port):
            # A protocol without a port is all of its ports, though the schema refuses it (C10).
            return PortRange(_PROTOCOLS[field], 1, 65535) if port is None else _port(_PROTOCOLS[field], port)
        case _:
            return None


def _port(protocol: str, port: Port) -> PortTerm | None:
    match port:
        case Port(number=int() as number, interval=None):
            return port_range(protocol, number, number)
        case Port(number=None, interval=interval) if interval is not None:
            return port_range(protocol, interval.start, interval.end)
        case _:
            return None
