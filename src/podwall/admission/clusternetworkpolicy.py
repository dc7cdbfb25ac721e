"""policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy: all that its schema has against one on creation (2.2).

Whether a policy from a cluster is valid nobody asks: its API server took it (D14).
"""

from __future__ import annotations

from collections.abc import Sequence

from podwall.admission.clusterwide import (
    EXPERIMENTAL,
    PEER_CHECKS,
    choose_one,
    domain_action_warnings,
    named_port_conflict,
    port_name_warnings,
    pruned,
)
from podwall.admission.finding import Finding, Findings, invalid, within
from podwall.admission.identity import identity_problems
from podwall.admission.schema import (
    PORTS,
    choice_problems,
    each_item,
    name_problems,
    number_problems,
    one_field_problems,
    required_field,
    violated,
)
from podwall.api.policy import (
    ClusterNetworkPolicy,
    ClusterNetworkPolicyEgressPeer,
    ClusterNetworkPolicyEgressRule,
    ClusterNetworkPolicyIngressPeer,
    ClusterNetworkPolicyIngressRule,
    ClusterNetworkPolicyProtocol,
    ClusterNetworkPolicySpec,
    ClusterNetworkPolicySubject,
    Port,
    PortRange,
    ProtocolPorts,
)

__all__ = ["problems"]

_TIERS = ("Admin", "Baseline")
_ACTIONS = ("Accept", "Deny", "Pass")
_PRIORITIES = range(1001)
_RULES = range(26)
_ITEMS = range(1, 26)  # peers or protocols of one rule
_WITHOUT_PORT_NAMES = ("networks", "nodes", "domainNames")

_ALL_PORTS = "for every port write destinationPort: {range: {start: 1, end: 65535}}"

_Rule = ClusterNetworkPolicyIngressRule | ClusterNetworkPolicyEgressRule
_Peer = ClusterNetworkPolicyIngressPeer | ClusterNetworkPolicyEgressPeer


def problems(policy: ClusterNetworkPolicy, channel: str = EXPERIMENTAL) -> list[Finding]:
    """All mistakes of a policy: metadata first, then its spec in the order of the API's fields (C6-C12, 2.2).

    `channel` is that of the CRD in the cluster, "experimental" or "standard" (D17).
    """
    found = identity_problems("ClusterNetworkPolicy", policy.metadata)
    if policy.spec is None:
        return [*found, *required_field("spec", policy.spec)]
    return [*found, *within(_spec(policy.spec, channel), "spec")]


def _spec(spec: ClusterNetworkPolicySpec, channel: str) -> Findings:
    return [
        *choice_problems("tier", spec.tier, _TIERS),
        *number_problems("priority", spec.priority, _PRIORITIES),
        *_subject(spec.subject),
        *within(each_item(spec.ingress, _RULES, lambda rule: _rule("from", rule, rule.peers, channel)), "ingress"),
        *within(each_item(spec.egress, _RULES, lambda rule: _egress_rule(rule, channel)), "egress"),
    ]


def _subject(subject: ClusterNetworkPolicySubject | None) -> Findings:
    if subject is None:
        return required_field("subject", subject, "for every pod write subject: {namespaces: {}}")
    return within(choose_one(subject, PEER_CHECKS), "subject")


def _egress_rule(rule: ClusterNetworkPolicyEgressRule, channel: str) -> Findings:
    named = any(p is not None and p.destinationNamedPort is not None for p in rule.protocols or ())
    return [
        *named_port_conflict(rule.peers, named=named, without=_WITHOUT_PORT_NAMES, channel=channel),
        *_rule("to", rule, rule.peers, channel),
        *within(domain_action_warnings(rule.peers, rule.action, "Accept"), "to"),
    ]


def _rule(field: str, rule: _Rule, peers: Sequence[_Peer | None] | None, channel: str) -> Findings:
    def peer(item: _Peer) -> Findings:
        return [*pruned(item, ("nodes", "domainNames"), channel), *choose_one(item, PEER_CHECKS)]

    return [
        *name_problems(rule.name),
        *choice_problems("action", rule.action, _ACTIONS),
        *required_field(field, peers, _no_peers(field)),
        *within(each_item(peers, _ITEMS, peer), field),
        *within(each_item(rule.protocols, _ITEMS, _protocol), "protocols"),
    ]


def _no_peers(field: str) -> str:
    everyone = "" if field == "from" else ", for every address {networks: [0.0.0.0/0, '::/0']}"
    return f"for every pod write {field}: [{{namespaces: {{}}}}]{everyone}"


def _protocol(protocol: ClusterNetworkPolicyProtocol) -> Findings:
    return choose_one(
        protocol,
        {"tcp": _ports, "udp": _ports, "sctp": _ports, "destinationNamedPort": port_name_warnings},
    )


def _ports(ports: ProtocolPorts) -> Findings:
    if ports.destinationPort is None:
        return (Finding((), invalid(0, "should have at least 1 properties", _ALL_PORTS)),)
    return within(_port(ports.destinationPort), "destinationPort")


def _port(port: Port) -> Findings:
    return [
        *one_field_problems(port),
        *(() if port.number is None else number_problems("number", port.number, PORTS)),
        *(() if port.interval is None else within(_range(port.interval), "range")),
    ]


def _range(interval: PortRange) -> Findings:
    start, end = interval.start, interval.end
    wrong = [*number_problems("start", start, PORTS), *number_problems("end", end, PORTS)]
    if start is not None and end is not None and start >= end:
        advice = f"for one port write number: {start}" if start == end else ""
        wrong.insert(0, Finding((), violated("Start port must be less than End port", advice)))
    return wrong
