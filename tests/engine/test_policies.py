"""The cluster-wide kinds as rules: a table of each field and each nil-or-empty form of it (semantics.md, section 2)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podwall.api import policy as api
from podwall.api.meta import LabelSelector
from podwall.api.policy import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy, ClusterWidePolicy
from podwall.engine.labels import EVERYTHING, Selector, selector
from podwall.engine.policies.clusterwide import rules_of
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
    PolicyRules,
    PortRange,
    PortTerm,
    Rule,
    Tier,
)
from podwall.engine.sets import AddrSet

Object = dict[str, Any]

VERSIONS: dict[type[ClusterWidePolicy], str] = {
    ClusterNetworkPolicy: "v1alpha2",
    AdminNetworkPolicy: "v1alpha1",
    BaselineAdminNetworkPolicy: "v1alpha1",
}
WEB = {"matchLabels": {"app": "web"}}
BLUE = {"matchLabels": {"team": "blue"}}
EVERY_POD = Pods(NamespacesMatching(EVERYTHING), EVERYTHING)


def sel(source: Object) -> Selector:
    return selector(msgspec.convert(source, LabelSelector))


def rules(kind: type[ClusterWidePolicy], spec: Object | None, name: str | None = "p", **metadata: Any) -> PolicyRules:
    version = f"policy.networking.k8s.io/{VERSIONS[kind]}"
    header = {"kind": kind.__struct_config__.tag, "apiVersion": version, "metadata": {"name": name, **metadata}}
    return rules_of(msgspec.convert({**header, "spec": spec}, kind))


def cnp(**fields: Any) -> PolicyRules:
    return rules(ClusterNetworkPolicy, {"tier": "Admin", "priority": 5, "subject": {"namespaces": {}}} | fields)


def anp(**fields: Any) -> PolicyRules:
    return rules(AdminNetworkPolicy, {"priority": 5, "subject": {"namespaces": {}}} | fields)


def to(peer: Any, action: str = "Accept") -> Rule:
    [rule] = cnp(egress=[{"action": action, "to": [peer]}]).rules
    return rule


def on(protocols: Any, action: str = "Accept") -> Rule:
    [rule] = cnp(ingress=[{"action": action, "from": [{"namespaces": {}}], "protocols": protocols}]).rules
    return rule


def port(entry: Any) -> Rule:
    [rule] = anp(ingress=[{"action": "Allow", "from": [{"namespaces": {}}], "ports": [entry]}]).rules
    return rule


SUBJECTS: dict[str, tuple[Object | None, Pods | None]] = {
    "namespaces": ({"namespaces": BLUE}, Pods(NamespacesMatching(sel(BLUE)), EVERYTHING)),
    "all namespaces": ({"namespaces": {}}, EVERY_POD),
    "pods": ({"pods": {"podSelector": WEB}}, Pods(NamespacesMatching(EVERYTHING), sel(WEB))),
    "pods of some namespaces": (
        {"pods": {"namespaceSelector": BLUE, "podSelector": WEB}},
        Pods(NamespacesMatching(sel(BLUE)), sel(WEB)),
    ),
    "pods with nulls": ({"pods": {"namespaceSelector": None, "podSelector": None}}, EVERY_POD),
    "none": ({}, None),
    "absent": (None, None),
    "two": ({"namespaces": {}, "pods": {"podSelector": {}}}, None),
}

PEERS: dict[str, tuple[Object, Peer]] = {
    "namespaces": ({"namespaces": BLUE}, Pods(NamespacesMatching(sel(BLUE)), EVERYTHING)),
    "null beside a field": ({"namespaces": {}, "pods": None, "nodes": None}, EVERY_POD),
    "pods": ({"pods": {"podSelector": WEB}}, Pods(NamespacesMatching(EVERYTHING), sel(WEB))),
    "nodes": ({"nodes": {"matchLabels": {"role": "worker"}}}, Nodes(sel({"matchLabels": {"role": "worker"}}))),
    "all nodes": ({"nodes": {}}, Nodes(EVERYTHING)),
    "networks": (
        {"networks": ["10.0.0.0/8", "::/0", "10.1.0.0/16"]},
        Block(AddrSet.of("10.0.0.0/8") | AddrSet.of("::/0"), everywhere=True),
    ),
    "network with host bits": ({"networks": ["10.1.2.3/8"]}, Block(AddrSet.of("10.0.0.0/8"), everywhere=True)),
    "names": (
        {"domainNames": ["*.B.example.com.", "a.example.com", "A.example.com"]},
        Domains(("*.b.example.com", "a.example.com")),
    ),
}

UNKNOWN_PEERS: dict[str, Object | None] = {
    "empty": {},
    "null": None,
    "all fields null": {"namespaces": None, "networks": None},
    "two fields": {"namespaces": {}, "nodes": {}},
    "no networks": {"networks": []},
    "a null network": {"networks": ["10.0.0.0/8", None]},
    "no CIDR": {"networks": ["10.0.0.0"]},
    "no names": {"domainNames": []},
    "a null name": {"domainNames": [None]},
}

PROTOCOLS: dict[str, tuple[Object, PortTerm]] = {
    "number": ({"tcp": {"destinationPort": {"number": 80}}}, PortRange("TCP", 80, 80)),
    "range": ({"udp": {"destinationPort": {"range": {"start": 80, "end": 90}}}}, PortRange("UDP", 80, 90)),
    "range of one": ({"sctp": {"destinationPort": {"range": {"start": 80, "end": 80}}}}, PortRange("SCTP", 80, 80)),
    "C10 TCP alone": ({"tcp": {}}, PortRange("TCP", 1, 65535)),
    "C10 UDP alone": ({"udp": {"destinationPort": None}}, PortRange("UDP", 1, 65535)),
    "C10 SCTP alone": ({"sctp": {}}, PortRange("SCTP", 1, 65535)),
    "C11 name": ({"destinationNamedPort": "http"}, NamedPort("", "http")),
    "range that falls": ({"tcp": {"destinationPort": {"range": {"start": 90, "end": 80}}}}, NoPort()),
}

UNKNOWN_PROTOCOLS: dict[str, Object | None] = {
    "empty": {},
    "null": None,
    "two": {"tcp": {}, "udp": {}},
    "empty port": {"tcp": {"destinationPort": {}}},
    "number and range": {"tcp": {"destinationPort": {"number": 1, "range": {"start": 1, "end": 2}}}},
    "number that is no port": {"tcp": {"destinationPort": {"number": 0}}},
    "range without an end": {"tcp": {"destinationPort": {"range": {"start": 1}}}},
    "range beyond the last port": {"tcp": {"destinationPort": {"range": {"start": 1, "end": 65536}}}},
    "empty name": {"destinationNamedPort": ""},
}

PORTS: dict[str, tuple[Object, PortTerm]] = {
    "default protocol": ({"portNumber": {"port": 80}}, PortRange("TCP", 80, 80)),
    "empty protocol": ({"portNumber": {"protocol": "", "port": 80}}, PortRange("TCP", 80, 80)),
    "protocol": ({"portNumber": {"protocol": "SCTP", "port": 80}}, PortRange("SCTP", 80, 80)),
    "range": ({"portRange": {"start": 1, "end": 65535}}, PortRange("TCP", 1, 65535)),
    "range of a protocol": ({"portRange": {"protocol": "UDP", "start": 5, "end": 5}}, PortRange("UDP", 5, 5)),
    "range that falls": ({"portRange": {"start": 90, "end": 80}}, NoPort()),
    "name": ({"namedPort": "http"}, NamedPort("", "http")),
}

UNKNOWN_PORTS: dict[str, Object | None] = {
    "empty": {},
    "null": None,
    "two": {"namedPort": "http", "portNumber": {"port": 80}},
    "empty name": {"namedPort": ""},
    "no number": {"portNumber": {}},
    "no end": {"portRange": {"start": 1}},
    "unknown protocol": {"portNumber": {"protocol": "ICMP", "port": 1}},
    "protocol in lower case": {"portRange": {"protocol": "tcp", "start": 1, "end": 2}},
}


@pytest.mark.parametrize("kind", VERSIONS)
@pytest.mark.parametrize(("subject", "expected"), SUBJECTS.values(), ids=SUBJECTS)
def test_subjects(kind: type[ClusterWidePolicy], subject: Object | None, expected: Pods | None) -> None:
    spec = {"tier": "Admin", "priority": 5} if kind is ClusterNetworkPolicy else {}
    found = rules(kind, spec | {"subject": subject, "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]})
    assert [rule.subject for rule in found.rules] == ([] if expected is None else [expected])


@pytest.mark.parametrize(("peer", "expected"), PEERS.values(), ids=PEERS)
def test_peers(peer: Object, expected: Peer) -> None:
    assert (to(peer).peers, to(peer).broken) == ((expected,), False)


@pytest.mark.parametrize(("peer", "expected"), PEERS.values(), ids=PEERS)
def test_peers_of_the_older_kind(peer: Object, expected: Peer) -> None:
    [rule] = anp(egress=[{"action": "Pass", "to": [peer, {"namespaces": {}}]}]).rules
    assert (rule.peers, rule.action, rule.broken) == ((expected, EVERY_POD), Action.PASS, False)


@pytest.mark.parametrize("peer", UNKNOWN_PEERS.values(), ids=UNKNOWN_PEERS)
def test_a_peer_that_is_not_known_fails_closed(peer: Object | None) -> None:
    """C13: a rule that accepts matches nothing at all; the others deny everything, whatever else they say."""
    sides: list[Object | None] = [{"namespaces": {}}, peer]
    found = [
        cnp(egress=[{"action": action, "to": sides, "protocols": [{"tcp": {}}]}]).rules[0]
        for action in ("Accept", "Deny", "Pass")
    ]
    assert [rule.action for rule in found] == [Action.ALLOW, Action.DENY, Action.DENY]
    assert [rule.peers for rule in found] == [(Nobody(), Nobody()), (AnyPeer(),), (AnyPeer(),)]
    assert [rule.ports for rule in found] == [(PortRange("TCP", 1, 65535),), (AnyPort(),), (AnyPort(),)]
    assert all(rule.broken for rule in found)


@pytest.mark.parametrize(("entry", "expected"), PROTOCOLS.values(), ids=PROTOCOLS)
def test_protocols(entry: Object, expected: PortTerm) -> None:
    assert (on([entry]).ports, on([entry]).broken) == ((expected,), False)


@pytest.mark.parametrize("entry", UNKNOWN_PROTOCOLS.values(), ids=UNKNOWN_PROTOCOLS)
def test_a_protocol_that_is_not_known_fails_closed(entry: Object | None) -> None:
    accept, deny = on([{"tcp": {}}, entry]), on([{"tcp": {}}, entry], "Pass")
    assert (accept.peers, accept.ports) == ((Nobody(),), (PortRange("TCP", 1, 65535), NoPort()))
    assert (deny.action, deny.peers, deny.ports) == (Action.DENY, (AnyPeer(),), (AnyPort(),))
    assert accept.broken
    assert deny.broken


@pytest.mark.parametrize("nothing", [None, []], ids=["null", "empty"])
def test_no_protocols_are_everything(nothing: list[Object] | None) -> None:
    assert (on(nothing).ports, on(nothing).broken) == ((AnyPort(),), False)
    [rule] = anp(ingress=[{"action": "Allow", "from": [{"namespaces": {}}], "ports": nothing}]).rules
    assert (rule.ports, rule.broken) == ((AnyPort(),), False)


@pytest.mark.parametrize(("entry", "expected"), PORTS.values(), ids=PORTS)
def test_ports_of_the_older_kind(entry: Object, expected: PortTerm) -> None:
    assert (port(entry).ports, port(entry).broken) == ((expected,), False)


@pytest.mark.parametrize("entry", UNKNOWN_PORTS.values(), ids=UNKNOWN_PORTS)
def test_a_port_that_is_not_known_fails_closed(entry: Object | None) -> None:
    assert (port(entry).peers, port(entry).ports, port(entry).broken) == ((Nobody(),), (NoPort(),), True)


@pytest.mark.parametrize("nothing", [None, []], ids=["null", "empty"])
def test_no_peers_fail_closed(nothing: list[Object] | None) -> None:
    accept, deny = cnp(ingress=[{"action": a, "from": nothing} for a in ("Accept", "Deny")]).rules
    assert (accept.peers, accept.broken) == ((Nobody(),), True)
    assert (deny.peers, deny.broken) == ((AnyPeer(),), True)


def test_each_kind_has_its_own_word_for_accept() -> None:
    assert to({"namespaces": {}}, "Allow").broken
    [rule] = anp(egress=[{"action": "Accept", "to": [{"namespaces": {}}]}]).rules
    assert (rule.action, rule.broken) == (Action.DENY, True)


@pytest.mark.parametrize("rule", [None, {}, {"action": "Log", "from": [{"namespaces": {}}]}, {"action": None}])
def test_a_rule_without_a_known_action_denies_everything(rule: Object | None) -> None:
    for found in (cnp(ingress=[rule]), anp(ingress=[rule])):
        [denied] = found.rules
        assert (denied.action, denied.peers, denied.ports) == (Action.DENY, (AnyPeer(),), (AnyPort(),))
        assert denied.broken


ACTIONS = {"Deny": Action.DENY, "Pass": Action.PASS}


@pytest.mark.parametrize(("word", "action"), [("Accept", Action.ALLOW), *ACTIONS.items()])
def test_actions(word: str, action: Action) -> None:
    assert to({"namespaces": {}}, word).action == action


@pytest.mark.parametrize(("word", "action"), [("Allow", Action.ALLOW), *ACTIONS.items()])
def test_actions_of_the_older_kind(word: str, action: Action) -> None:
    [rule] = anp(egress=[{"action": word, "to": [{"namespaces": {}}]}]).rules
    assert rule.action == action


def test_rules_stand_by_tier_priority_name_and_number() -> None:
    rule = {"action": "Deny", "from": [{"namespaces": {}}], "name": "says nothing"}
    spec: Object = {"subject": {"namespaces": {}}, "ingress": [rule, rule]}
    cases: list[tuple[type[ClusterWidePolicy], Object, Tier, int]] = [
        (ClusterNetworkPolicy, spec | {"tier": "Admin", "priority": 7}, Tier.ADMIN, 7),
        (ClusterNetworkPolicy, spec | {"tier": "Baseline", "priority": 0}, Tier.BASELINE, 0),
        (ClusterNetworkPolicy, spec | {"tier": "Admin"}, Tier.ADMIN, 0),
        (AdminNetworkPolicy, spec | {"priority": 1000}, Tier.ADMIN, 1000),
        (BaselineAdminNetworkPolicy, spec, Tier.BASELINE, 1001),  # behind every policy with a priority
    ]
    for kind, given, tier, priority in cases:
        found = rules(kind, given, name="p")
        assert [r.order for r in found.rules] == [(priority, "p", 0), (priority, "p", 1)]
        assert {r.tier for r in found.rules} == {tier}


def test_directions_and_paths() -> None:
    ingress, egress = {"action": "Deny", "from": [{"namespaces": {}}]}, {"action": "Deny", "to": [{"namespaces": {}}]}
    for found in (cnp(ingress=[ingress, ingress], egress=[egress]), anp(ingress=[ingress, ingress], egress=[egress])):
        assert [(r.direction, r.path) for r in found.rules] == [
            (Direction.EGRESS, "spec.egress[0]"),
            (Direction.INGRESS, "spec.ingress[0]"),
            (Direction.INGRESS, "spec.ingress[1]"),
        ]


@pytest.mark.parametrize("kind", VERSIONS)
@pytest.mark.parametrize("spec", [None, {}, {"subject": {"namespaces": {}}}])
def test_a_policy_without_rules_does_nothing(kind: type[ClusterWidePolicy], spec: Object | None) -> None:
    """C2: no isolation, and no effect in a direction without rules."""
    ref = PolicyRef(str(kind.__struct_config__.tag), "", "p")
    assert rules(kind, spec) == PolicyRules(ref, (), ())


def test_an_unknown_tier_has_no_rules() -> None:
    assert cnp(tier="Cluster", ingress=[{"action": "Deny", "from": [{"namespaces": {}}]}]).rules == ()


def test_a_policy_may_have_no_name_yet_and_its_namespace_is_not_read() -> None:
    found = rules(AdminNetworkPolicy, {}, None, generateName="p-", namespace="x")
    assert found.policy == PolicyRef("AdminNetworkPolicy", "", "p-")


def test_what_older_shapes_leave_is_read() -> None:
    """2.3: API servers drop the fields of v0.1.1, and admission warns of it."""
    peers = [{"namespaces": {"sameLabels": ["team"]}}, {"pods": {"namespaces": {}, "podSelector": WEB}}]
    [rule] = anp(ingress=[{"action": "Deny", "from": peers}]).rules
    assert rule.peers == (EVERY_POD, Pods(NamespacesMatching(EVERYTHING), sel(WEB)))


# Every field of the two APIs, and what shows in this file that it is read, or that it says nothing.
READ: dict[type[msgspec.Struct], set[str]] = {
    api.ClusterNetworkPolicy: {"apiVersion", "metadata", "spec", "status"},
    api.ClusterNetworkPolicySpec: {"tier", "priority", "subject", "ingress", "egress"},
    api.ClusterNetworkPolicySubject: {k for subject, _ in SUBJECTS.values() for k in subject or ()},
    api.ClusterNetworkPolicyIngressRule: {"name", "action", "from", "protocols"},
    api.ClusterNetworkPolicyEgressRule: {"name", "action", "to", "protocols"},
    api.ClusterNetworkPolicyIngressPeer: {"namespaces", "pods"},
    api.ClusterNetworkPolicyEgressPeer: {k for peer, _ in PEERS.values() for k in peer},
    api.ClusterNetworkPolicyProtocol: {k for entry, _ in PROTOCOLS.values() for k in entry},
    api.ProtocolPorts: {"destinationPort"},
    api.Port: {"number", "range"},
    api.PortRange: {"start", "end"},
    api.NamespacedPod: {"namespaceSelector", "podSelector"},
    api.AdminNetworkPolicy: {"apiVersion", "metadata", "spec", "status"},
    api.BaselineAdminNetworkPolicy: {"apiVersion", "metadata", "spec", "status"},
    api.AdminNetworkPolicySpec: {"priority", "subject", "ingress", "egress"},
    api.BaselineAdminNetworkPolicySpec: {"subject", "ingress", "egress"},
    api.AdminNetworkPolicySubject: {k for subject, _ in SUBJECTS.values() for k in subject or ()},
    api.AdminNetworkPolicyIngressRule: {"name", "action", "from", "ports"},
    api.AdminNetworkPolicyEgressRule: {"name", "action", "to", "ports"},
    api.BaselineAdminNetworkPolicyEgressRule: {"name", "action", "to", "ports"},
    api.AdminNetworkPolicyIngressPeer: {"namespaces", "pods"},
    api.AdminNetworkPolicyEgressPeer: {k for peer, _ in PEERS.values() for k in peer},
    api.BaselineAdminNetworkPolicyEgressPeer: {"namespaces", "pods", "nodes", "networks"},
    api.AdminNetworkPolicyPort: {k for entry, _ in PORTS.values() for k in entry},
    api.AdminPort: {"protocol", "port"},
    api.AdminPortRange: {"protocol", "start", "end"},
    api.AdminNamespaces: {"matchLabels", "matchExpressions", *api.NamespaceSet.__struct_fields__},
    api.AdminNamespacedPod: {"namespaceSelector", "podSelector", "namespaces"},
    api.NamespaceSet: {"namespaceSelector", "sameLabels", "notSameLabels"},
    api.PolicyStatus: set(),
}


def test_every_field_of_the_api_has_a_case() -> None:
    structs = {s for s in vars(api).values() if isinstance(s, type) and issubclass(s, msgspec.Struct)}
    own = {s for s in structs if s.__module__ == api.__name__}
    assert {s: {f.encode_name for f in msgspec.structs.fields(s)} for s in own} == READ
