"""policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy and BaselineAdminNetworkPolicy: what their schemas refuse (2.3).

Whether a policy from a cluster is valid nobody asks: its API server took it (D14).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from podwall.admission.clusterwide import (
    EXPERIMENTAL,
    PEER_CHECKS,
    Checks,
    choose_one,
    domain_action_warnings,
    named_port_conflict,
    port_name_warnings,
    pruned,
    selectors_of,
)
from podwall.admission.finding import Finding, Findings, within
from podwall.admission.identity import identity_problems
from podwall.admission.labels import selector_problems
from podwall.admission.schema import (
    PORTS,
    choice_of,
    choice_problems,
    each_item,
    given,
    name_problems,
    number_problems,
    required_field,
    violated,
)
from podwall.api.meta import ObjectMeta
from podwall.api.policy import (
    AdminNamespacedPod,
    AdminNamespaces,
    AdminNetworkPolicy,
    AdminNetworkPolicyEgressRule,
    AdminNetworkPolicyIngressPeer,
    AdminNetworkPolicyIngressRule,
    AdminNetworkPolicyPort,
    AdminNetworkPolicySpec,
    AdminNetworkPolicySubject,
    AdminPort,
    AdminPortRange,
    BaselineAdminNetworkPolicy,
    BaselineAdminNetworkPolicyEgressPeer,
    BaselineAdminNetworkPolicyEgressRule,
    BaselineAdminNetworkPolicySpec,
    NamespacedPod,
)

__all__ = ["problems"]

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_ACTIONS = ("Allow", "Deny", "Pass")
_BASELINE_ACTIONS = ("Allow", "Deny")
_PRIORITIES = range(1001)
_RULES = range(101)
_ITEMS = range(1, 101)  # peers or ports of one rule
_WITHOUT_PORT_NAMES = ("networks", "nodes", "domainNames")

_SINGLETON = 'Only one baseline admin network policy with metadata.name="default" can be created in the cluster'
_NO_SAME_LABELS = "nothing took its place: write a policy for each value of the label"
_OLD_NAMESPACES = {
    "namespaceSelector": "write the selector itself, as namespaces: {matchLabels: {team: blue}}",
    "sameLabels": _NO_SAME_LABELS,
    "notSameLabels": _NO_SAME_LABELS,
}
_OLD_PODS = {"namespaces": "write pods: {namespaceSelector: {matchLabels: {team: blue}}, podSelector: {}}"}

_Policy = AdminNetworkPolicy | BaselineAdminNetworkPolicy
_Spec = AdminNetworkPolicySpec | BaselineAdminNetworkPolicySpec
_EgressRule = AdminNetworkPolicyEgressRule | BaselineAdminNetworkPolicyEgressRule
_Rule = AdminNetworkPolicyIngressRule | _EgressRule
_Peer = AdminNetworkPolicyIngressPeer | BaselineAdminNetworkPolicyEgressPeer


class _Kind(Struct, frozen=True):
    """What differs between the two kinds, and between the channels of one."""

    actions: Sequence[str]
    without_port_names: Sequence[str]
    channel: str


def problems(policy: _Policy, channel: str = EXPERIMENTAL) -> list[Finding]:
    """All mistakes of a policy of either kind: metadata first, then its spec in the order of the API's fields (2.3).

    `channel` is that of the CRD in the cluster, "experimental" or "standard" (D17).
    """
    found = identity_problems(str(policy.__struct_config__.tag), policy.metadata)
    if isinstance(policy, BaselineAdminNetworkPolicy):
        found += _singleton(policy.metadata)
    if policy.spec is None:
        return [*found, *required_field("spec", policy.spec)]
    return [*found, *within(_spec(policy.spec, channel), "spec")]


def _singleton(meta: ObjectMeta) -> Findings:
    if meta.name == "default" or not (meta.name or meta.generateName):
        return ()
    return (Finding(("metadata", "name"), violated(_SINGLETON, "write name: default")),)


def _spec(spec: _Spec, channel: str) -> Findings:
    kind = _Kind(_BASELINE_ACTIONS, _WITHOUT_PORT_NAMES[:2], channel)  # the baseline kind has no domainNames
    found: list[Finding] = []
    if isinstance(spec, AdminNetworkPolicySpec):
        kind = _Kind(_ACTIONS, _WITHOUT_PORT_NAMES, channel)
        found += number_problems("priority", spec.priority, _PRIORITIES)
    found += _subject(spec.subject)
    found += within(each_item(spec.ingress, _RULES, lambda rule: _rule("from", rule, rule.peers, kind)), "ingress")
    return [*found, *within(_egress(spec.egress, kind), "egress")]


def _subject(subject: AdminNetworkPolicySubject | None) -> Findings:
    if subject is None:
        return required_field("subject", subject, "for every pod write subject: {namespaces: {}}")
    return within(choose_one(subject, {"namespaces": selector_problems, "pods": _both_selectors}), "subject")


def _egress(rules: Sequence[_EgressRule | None] | None, kind: _Kind) -> Findings:
    return each_item(rules, _RULES, lambda rule: _egress_rule(rule, kind))


def _egress_rule(rule: _EgressRule, kind: _Kind) -> Findings:
    named = any(p is not None and p.namedPort is not None for p in rule.ports or ())
    return [
        *named_port_conflict(rule.peers, named=named, without=kind.without_port_names, channel=kind.channel),
        *_rule("to", rule, rule.peers, kind),
        *within(domain_action_warnings(rule.peers, rule.action, "Allow"), "to"),
    ]


def _rule(field: str, rule: _Rule, peers: Sequence[_Peer | None] | None, kind: _Kind) -> Findings:
    def peer(item: _Peer) -> Findings:
        return [*pruned(item, ("nodes", "domainNames"), kind.channel), *choose_one(item, _PEERS)]

    def port(item: AdminNetworkPolicyPort) -> Findings:
        return [*pruned(item, ("namedPort",), kind.channel), *choose_one(item, _PORTS)]

    return [
        *name_problems(rule.name),
        *choice_problems("action", rule.action, kind.actions),
        *required_field(field, peers, f"for every pod write {field}: [{{namespaces: {{}}}}]"),
        *within(each_item(peers, _ITEMS, peer), field),
        *within(each_item(rule.ports, _ITEMS, port), "ports"),
    ]


def _namespaces(namespaces: AdminNamespaces) -> Findings:
    return [*_old_shapes(namespaces), *selector_problems(namespaces)]


def _pods(pods: AdminNamespacedPod) -> Findings:
    return [*_old_shapes(pods), *_both_selectors(pods)]


def _old_shapes(item: AdminNamespaces | AdminNamespacedPod) -> Findings:
    """Fields of v0.1.1 and older: what is left without them may match everything."""
    old = _OLD_NAMESPACES if isinstance(item, AdminNamespaces) else _OLD_PODS
    message = "{} is a field of v0.1.1 and older, and later API servers drop it: {}"
    return [Finding((), message.format(name, old[name]), warning=True) for name in given(item) if name in old]


def _both_selectors(pods: NamespacedPod) -> Findings:
    advice = "for pods of every namespace write namespaceSelector: {}"
    return [*required_field("namespaceSelector", pods.namespaceSelector, advice), *selectors_of(pods)]


def _port_number(port: AdminPort) -> Findings:
    return [*_protocol(port.protocol), *number_problems("port", port.port, PORTS)]


def _port_range(ports: AdminPortRange) -> Findings:
    start, end = ports.start, ports.end
    found = [
        *_protocol(ports.protocol),
        *number_problems("start", start, PORTS),
        *number_problems("end", end, PORTS),
    ]
    if start is not None and end is not None and start > end:  # no CEL rule in this version
        message = f"the API server takes a range from {start} to {end}, but no port is in it; swap the two"
        found.append(Finding((), message, warning=True))
    return found


def _protocol(protocol: str | None) -> Findings:
    """The schema takes any text, and implementations know three of them (N22)."""
    return () if protocol is None else choice_of("protocol", protocol, _PROTOCOLS)


_PEERS: Checks = {**PEER_CHECKS, "namespaces": _namespaces, "pods": _pods}
_PORTS: Checks = {"portNumber": _port_number, "namedPort": port_name_warnings, "portRange": _port_range}
