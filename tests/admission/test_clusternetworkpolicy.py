"""The schema of ClusterNetworkPolicy (2.2) as tables: a spec, and for each mistake its path and how the message begins.

What stands inside of networks and domainNames has its table in test_clusterwide.py.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podwall.admission.clusternetworkpolicy import problems
from podwall.api import meta
from podwall.api import policy as api
from podwall.api.policy import ClusterNetworkPolicy
from podwall.text.where import field

Spec = dict[str, Any] | None
Expected = dict[str, str]

EVERYONE: dict[str, Any] = {"namespaces": {}}
VALID_SPEC: dict[str, Any] = {"tier": "Admin", "priority": 10, "subject": EVERYONE}
PODS = {"podSelector": {"matchLabels": {"app": "web"}}}

IN = "spec.ingress[0]"
OUT = "spec.egress[0]"
FROM = f"{IN}.from[0]"
TO = f"{OUT}.to[0]"
PROTOCOL = f"{IN}.protocols[0]"

AT_LEAST_ONE = "Invalid value: 0: should have at least 1 properties"
AT_MOST_ONE = "Invalid value: 2: should have at most 1 properties"
NO_ITEMS = "Invalid value: 0: should have at least 1 items"
NAMED_PORTS = (
    'Invalid value: "object": networks/nodes/domainNames peer cannot be set with namedPorts since there are no'
)


def policy(spec: Spec, **metadata: Any) -> ClusterNetworkPolicy:
    header = {"kind": "ClusterNetworkPolicy", "apiVersion": "policy.networking.k8s.io/v1alpha2"}
    return msgspec.convert({**header, "metadata": {"name": "p"} | metadata, "spec": spec}, ClusterNetworkPolicy)


def spec(**fields: Any) -> dict[str, Any]:
    return {k: v for k, v in (VALID_SPEC | fields).items() if v != "absent"}


def ingress(**fields: Any) -> dict[str, Any]:
    rule = {"action": "Deny", "from": [EVERYONE]} | fields
    return spec(ingress=[{k: v for k, v in rule.items() if v != "absent"}])


def egress(**fields: Any) -> dict[str, Any]:
    rule = {"action": "Accept", "to": [EVERYONE]} | fields
    return spec(egress=[{k: v for k, v in rule.items() if v != "absent"}])


def peer(**fields: Any) -> dict[str, Any]:
    return egress(to=[fields])


def protocol(**fields: Any) -> dict[str, Any]:
    return ingress(protocols=[fields])


def port(**fields: Any) -> dict[str, Any]:
    return protocol(tcp={"destinationPort": fields})


def networks(*cidrs: str | None) -> dict[str, Any]:
    return peer(networks=list(cidrs))


def domains(*names: str | None) -> dict[str, Any]:
    return peer(domainNames=list(names))


VALID: dict[str, Spec] = {
    "nothing but what is required": VALID_SPEC,
    "tier Baseline": spec(tier="Baseline"),
    "lowest priority": spec(priority=0),
    "highest priority": spec(priority=1000),
    "subject of pods": spec(subject={"pods": PODS}),
    "subject of pods of some namespaces": spec(subject={"pods": PODS | {"namespaceSelector": {}}}),
    "empty lists of rules": spec(ingress=[], egress=[]),
    "null lists": spec(ingress=None, egress=None),
    "null fields are absent ones": spec(subject={"namespaces": {}, "pods": None}, ingress=[]),
    "25 rules": spec(ingress=[{"action": "Pass", "from": [EVERYONE]}] * 25),
    "25 peers": ingress(**{"from": [EVERYONE] * 25}),
    "25 protocols": ingress(protocols=[{"destinationNamedPort": "http"}] * 25),
    "25 networks": networks(*(f"10.{i}.0.0/16" for i in range(25))),
    "25 names": domains(*(f"n{i}.example.com" for i in range(25))),
    "name of 100 characters": ingress(name="é" * 100),
    "empty name": ingress(name=""),
    "actions": spec(ingress=[{"action": a, "from": [{"pods": PODS}]} for a in ("Accept", "Deny", "Pass")]),
    "each protocol": ingress(protocols=[{p: {"destinationPort": {"number": 53}}} for p in ("tcp", "udp", "sctp")]),
    "first and last port": ingress(protocols=[{"tcp": {"destinationPort": {"range": {"start": 1, "end": 65535}}}}]),
    "shortest range": port(range={"start": 80, "end": 81}),
    "named port": protocol(destinationNamedPort="http"),
    "nodes": peer(nodes={"matchLabels": {"role": "worker"}}),
    "networks": networks("0.0.0.0/0", "::/0"),
    "names": domains("example.com", "*.example.com"),
    "named port and networks in other rules": spec(
        egress=[
            {"action": "Deny", "to": [{"networks": ["10.0.0.0/8"]}]},
            {"action": "Deny", "to": [EVERYONE], "protocols": [{"destinationNamedPort": "http"}]},
        ]
    ),
}

INVALID: dict[str, tuple[Spec, Expected]] = {
    "no spec": (None, {"spec": "Required value"}),
    "empty spec": (
        {},
        {
            "spec.tier": "Required value; write Admin or Baseline",
            "spec.priority": "Required value; write a number from 0 to 1000",
            "spec.subject": "Required value; for every pod",
        },
    ),
    "tier": (
        spec(tier="admin"),
        {"spec.tier": 'Unsupported value: "admin": supported values: "Admin", "Baseline"; write Admin'},
    ),
    "priority too low": (
        spec(priority=-1),
        {"spec.priority": "Invalid value: -1: should be greater than or equal to 0"},
    ),
    "priority too high": (
        spec(priority=1001),
        {"spec.priority": "Invalid value: 1001: should be less than or equal to 1000"},
    ),
    "empty subject": (spec(subject={}), {"spec.subject": f"{AT_LEAST_ONE}; write one of namespaces, pods"}),
    "two subjects": (spec(subject={"namespaces": {}, "pods": PODS}), {"spec.subject": f"{AT_MOST_ONE}; it has"}),
    "subject without a podSelector": (
        spec(subject={"pods": {"namespaceSelector": {}}}),
        {"spec.subject.pods.podSelector": "Required value; for every pod write podSelector: {}"},
    ),
    "V8 selector of namespaces": (
        spec(subject={"namespaces": {"matchExpressions": [{"key": "", "operator": "Is", "values": ["!"]}]}}),
        {
            "spec.subject.namespaces.matchExpressions[0].key": 'Invalid value: "": name part must be non-empty',
            "spec.subject.namespaces.matchExpressions[0].operator": 'Invalid value: "Is": not a valid selector',
            "spec.subject.namespaces.matchExpressions[0].values[0]": 'Invalid value: "!"',
        },
    ),
    "V8 selectors of pods": (
        peer(pods={"namespaceSelector": {"matchLabels": {"a": "!"}}, "podSelector": {"matchLabels": {"b": "!"}}}),
        {
            f"{TO}.pods.namespaceSelector.matchLabels.a": 'Invalid value: "!"',
            f"{TO}.pods.podSelector.matchLabels.b": 'Invalid value: "!"',
        },
    ),
    "V8 selector of nodes": (
        peer(nodes={"matchLabels": {"a": "!"}}),
        {f"{TO}.nodes.matchLabels.a": 'Invalid value: "!"'},
    ),
    "26 rules": (
        spec(ingress=[{"action": "Pass", "from": [EVERYONE]}] * 26),
        {"spec.ingress": "Too many: 26: must have at most 25 items"},
    ),
    "26 egress rules": (
        spec(egress=[{"action": "Pass", "to": [EVERYONE]}] * 26),
        {"spec.egress": "Too many: 26: must have at most 25 items"},
    ),
    "null rule": (
        spec(ingress=[None]),
        {IN: 'Invalid value: "null": must be of type object; remove it'},
    ),
    "null peer": (ingress(**{"from": [None]}), {FROM: 'Invalid value: "null": must be of type object'}),
    "null protocol": (ingress(protocols=[None]), {PROTOCOL: 'Invalid value: "null": must be of type object'}),
    "rule without anything": (
        spec(ingress=[{}], egress=[{}]),
        {
            f"{IN}.action": "Required value; write Accept, Deny or Pass",
            f"{IN}.from": "Required value; for every pod write from: [{namespaces: {}}]",
            f"{OUT}.action": "Required value",
            f"{OUT}.to": "Required value; for every pod write to: [{namespaces: {}}], for every address {networks",
        },
    ),
    "action of the older kind": (
        ingress(action="Allow"),
        {f"{IN}.action": 'Unsupported value: "Allow": supported values: "Accept", "Deny", "Pass"'},
    ),
    "name of 101 characters": (
        ingress(name="n" * 101),
        {f"{IN}.name": "Too long: may not be more than 100 characters"},
    ),
    "no peers": (ingress(**{"from": []}), {f"{IN}.from": NO_ITEMS}),
    "26 peers": (ingress(**{"from": [EVERYONE] * 26}), {f"{IN}.from": "Too many: 26: must have at most 25 items"}),
    "26 egress peers": (egress(to=[EVERYONE] * 26), {f"{OUT}.to": "Too many: 26"}),
    "empty peer": (ingress(**{"from": [{}]}), {FROM: f"{AT_LEAST_ONE}; write one of namespaces, pods"}),
    "empty egress peer": (
        peer(),
        {TO: f"{AT_LEAST_ONE}; write one of namespaces, pods, nodes, networks, domainNames"},
    ),
    "two kinds of peer": (
        peer(namespaces={}, nodes={}),
        {TO: f"{AT_MOST_ONE}; it has namespaces and nodes"},
    ),
    "no protocols": (ingress(protocols=[]), {f"{IN}.protocols": NO_ITEMS}),
    "26 protocols": (ingress(protocols=[{"destinationNamedPort": "a"}] * 26), {f"{IN}.protocols": "Too many: 26"}),
    "empty protocol": (protocol(), {PROTOCOL: f"{AT_LEAST_ONE}; write one of tcp, udp, sctp, destinationNamedPort"}),
    "two protocols in one entry": (
        protocol(tcp={"destinationPort": {"number": 80}}, udp={"destinationPort": {"number": 80}}),
        {PROTOCOL: f"{AT_MOST_ONE}; it has tcp and udp"},
    ),
    "protocol and named port in one entry": (
        protocol(sctp={"destinationPort": {"number": 80}}, destinationNamedPort="http"),
        {PROTOCOL: AT_MOST_ONE},
    ),
    "C10 protocol without a port": (
        protocol(tcp={}),
        {f"{PROTOCOL}.tcp": f"{AT_LEAST_ONE}; for every port write destinationPort: {{range: {{start: 1, end: 65535"},
    ),
    "C10 UDP without a port": (protocol(udp={"destinationPort": None}), {f"{PROTOCOL}.udp": AT_LEAST_ONE}),
    "C10 SCTP without a port": (protocol(sctp={}), {f"{PROTOCOL}.sctp": AT_LEAST_ONE}),
    "empty port": (
        port(),
        {f"{PROTOCOL}.tcp.destinationPort": f"{AT_LEAST_ONE}; write one of number, range"},
    ),
    "number and range": (
        port(number=80, range={"start": 80, "end": 90}),
        {f"{PROTOCOL}.tcp.destinationPort": AT_MOST_ONE},
    ),
    "port 0": (
        port(number=0),
        {f"{PROTOCOL}.tcp.destinationPort.number": "Invalid value: 0: should be greater than or equal to 1"},
    ),
    "port 65536": (
        port(number=65536),
        {f"{PROTOCOL}.tcp.destinationPort.number": "Invalid value: 65536: should be less than or equal to 65535"},
    ),
    "range without bounds": (
        port(range={}),
        {
            f"{PROTOCOL}.tcp.destinationPort.range.start": "Required value; write a number from 1 to 65535",
            f"{PROTOCOL}.tcp.destinationPort.range.end": "Required value",
        },
    ),
    "range of one": (
        port(range={"start": 80, "end": 80}),
        {
            f"{PROTOCOL}.tcp.destinationPort.range": 'Invalid value: "object": Start port must be less than '
            "End port; for one port write number: 80"
        },
    ),
    "range that falls, out of bounds": (
        port(range={"start": 65536, "end": 0}),
        {
            f"{PROTOCOL}.tcp.destinationPort.range": 'Invalid value: "object": Start port must be less than End port',
            f"{PROTOCOL}.tcp.destinationPort.range.start": "Invalid value: 65536",
            f"{PROTOCOL}.tcp.destinationPort.range.end": "Invalid value: 0",
        },
    ),
    "no networks": (networks(), {f"{TO}.networks": NO_ITEMS}),
    "26 networks": (
        networks(*(f"10.{i}.0.0/16" for i in range(26))),
        {f"{TO}.networks": "Too many: 26: must have at most 25 items"},
    ),
    "no names": (domains(), {f"{TO}.domainNames": NO_ITEMS}),
    "networks and names": (
        egress(to=[{"networks": ["x"]}, {"domainNames": ["com"]}]),
        {
            f"{OUT}.to[0].networks[0]": 'Invalid value: "x": Invalid CIDR format provided',
            f"{OUT}.to[1].domainNames[0]": 'Invalid value: "com": should match',
        },
    ),
    "26 names": (
        domains(*(f"n{i}.example.com" for i in range(26))),
        {f"{TO}.domainNames": "Too many: 26: must have at most 25 items"},
    ),
    "C11 networks and a named port": (
        egress(to=[EVERYONE, {"networks": ["10.0.0.0/8"]}], protocols=[{"destinationNamedPort": "http"}]),
        {OUT: f"{NAMED_PORTS} namedPorts for networks/nodes/domainNames; write the port's number"},
    ),
    "C11 nodes and a named port": (
        egress(
            to=[{"nodes": {}}], protocols=[{"tcp": {"destinationPort": {"number": 1}}}, {"destinationNamedPort": "a"}]
        ),
        {OUT: NAMED_PORTS},
    ),
    "C11 names and a named port": (
        egress(to=[{"domainNames": ["a.b"]}], protocols=[{"destinationNamedPort": "http"}]),
        {OUT: NAMED_PORTS},
    ),
}

WARNED: dict[str, tuple[Spec, Expected]] = {
    "C12 names for Deny": (
        egress(action="Deny", to=[EVERYONE, {"domainNames": ["a.b"]}]),
        {f"{OUT}.to[1].domainNames": "domainNames is only supported for Accept rules"},
    ),
    "V5 name that no port has": (
        protocol(destinationNamedPort="80"),
        {f"{PROTOCOL}.destinationNamedPort": 'Invalid value: "80": must contain at least one letter (a-z); the API'},
    ),
    "empty name of a port": (
        protocol(destinationNamedPort=""),
        {f"{PROTOCOL}.destinationNamedPort": 'Invalid value: "": it is empty; the API server takes it'},
    ),
}

# The standard channel: what differs from the experimental one.
STANDARD: dict[str, tuple[Spec, Expected, bool]] = {
    "nodes": (peer(nodes={}), {TO: f"{AT_LEAST_ONE}; nodes is a field of the experimental channel"}, False),
    "domainNames": (domains("a.b"), {TO: f"{AT_LEAST_ONE}; domainNames is a field of the experimental"}, False),
    "networks and a named port": (
        egress(to=[{"networks": ["10.0.0.0/8"]}], protocols=[{"destinationNamedPort": "http"}]),
        {OUT: NAMED_PORTS},
        True,
    ),
    "networks": (networks("10.0.0.0/8"), {}, False),
    "named port": (protocol(destinationNamedPort="http"), {}, False),
}


def check(wrong: Spec, expected: Expected, *, warning: bool, channel: str = "experimental") -> None:
    found = problems(policy(wrong), channel)
    assert [field(f.path) for f in found] == list(expected)
    for finding, beginning in zip(found, expected.values(), strict=True):
        assert finding.message.startswith(beginning)
        assert finding.warning == warning


@pytest.mark.parametrize("valid", VALID.values(), ids=VALID)
def test_valid_policies_have_no_problems(valid: Spec) -> None:
    assert problems(policy(valid)) == []


@pytest.mark.parametrize(("wrong", "expected"), INVALID.values(), ids=INVALID)
def test_invalid_policies(wrong: Spec, expected: Expected) -> None:
    check(wrong, expected, warning=False)


@pytest.mark.parametrize(("doubtful", "expected"), WARNED.values(), ids=WARNED)
def test_valid_policies_that_get_a_warning(doubtful: Spec, expected: Expected) -> None:
    check(doubtful, expected, warning=True)


@pytest.mark.parametrize(("given", "expected", "warning"), STANDARD.values(), ids=STANDARD)
def test_the_standard_channel(given: Spec, expected: Expected, warning: bool) -> None:
    check(given, expected, warning=warning, channel="standard")


def test_the_namespace_of_a_policy_is_dropped_unread_and_its_name_is_not() -> None:
    found = problems(policy(VALID_SPEC, name="Web", namespace="Not A Name"))
    assert [field(f.path) for f in found] == ["metadata.name"]


def test_all_mistakes_of_a_policy_are_reported_in_the_order_of_its_fields() -> None:
    wrong = {
        "egress": [{"to": [{}, {"networks": ["x"]}], "protocols": [{"tcp": {}}, {}]}],
        "ingress": [{"action": "no"}],
        "subject": {},
        "priority": 5000,
    }
    assert [field(f.path) for f in problems(policy(wrong, labels={"a": "!"}))] == [
        "metadata.labels.a",
        "spec.tier",
        "spec.priority",
        "spec.subject",
        "spec.ingress[0].action",
        "spec.ingress[0].from",
        "spec.egress[0].action",
        "spec.egress[0].to[0]",
        "spec.egress[0].to[1].networks[0]",
        "spec.egress[0].protocols[0].tcp",
        "spec.egress[0].protocols[1]",
    ]


STRUCTS: list[type[msgspec.Struct]] = [
    meta.LabelSelector,
    meta.LabelSelectorRequirement,
    api.ClusterNetworkPolicyEgressPeer,
    api.ClusterNetworkPolicyEgressRule,
    api.ClusterNetworkPolicyIngressPeer,
    api.ClusterNetworkPolicyIngressRule,
    api.ClusterNetworkPolicyProtocol,
    api.ClusterNetworkPolicySpec,
    api.ClusterNetworkPolicySubject,
    api.NamespacedPod,
    api.Port,
    api.PortRange,
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda s: s.__name__)
def test_every_field_of_the_api_has_a_case_with_a_finding(struct: type[msgspec.Struct]) -> None:
    tables = [wrong for table in (INVALID, WARNED) for wrong, _ in table.values()]
    steps = {step for wrong in tables for finding in problems(policy(wrong)) for step in finding.path}
    assert {f.encode_name for f in msgspec.structs.fields(struct)} <= steps
