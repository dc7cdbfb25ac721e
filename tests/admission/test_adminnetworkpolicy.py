"""The schemas of the v1alpha1 kinds (2.3) as tables: a spec, and for each mistake its path and how the message begins.

What stands inside of networks and domainNames has its table in test_clusterwide.py.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podwall.admission.adminnetworkpolicy import problems
from podwall.admission.finding import Finding
from podwall.api import policy as api
from podwall.api.policy import AdminNetworkPolicy, BaselineAdminNetworkPolicy
from podwall.text.where import field

Spec = dict[str, Any] | None
Expected = dict[str, str]

EVERYONE: dict[str, Any] = {"namespaces": {}}
ADMIN_SPEC: dict[str, Any] = {"priority": 10, "subject": EVERYONE}
PODS: dict[str, Any] = {"namespaceSelector": {}, "podSelector": {}}

IN = "spec.ingress[0]"
OUT = "spec.egress[0]"
FROM = f"{IN}.from[0]"
TO = f"{OUT}.to[0]"
PORT = f"{IN}.ports[0]"

AT_LEAST_ONE = "Invalid value: 0: should have at least 1 properties"
AT_MOST_ONE = "Invalid value: 2: should have at most 1 properties"
NO_ITEMS = "Invalid value: 0: should have at least 1 items"
NAMED_PORTS = 'Invalid value: "object": networks/nodes/domainNames peer cannot be set with namedPorts'
OLD = "is a field of v0.1.1 and older, and later API servers drop it"


def decoded(kind: type[Any], spec: Spec, **metadata: Any) -> Any:
    tag = kind.__struct_config__.tag
    header = {
        "kind": tag,
        "apiVersion": "policy.networking.k8s.io/v1alpha1",
        "metadata": {"name": "default"} | metadata,
    }
    return msgspec.convert({**header, "spec": spec}, kind)


def admin(spec: Spec, channel: str = "experimental") -> list[Finding]:
    return problems(decoded(AdminNetworkPolicy, spec), channel)


def baseline(spec: Spec, channel: str = "experimental") -> list[Finding]:
    return problems(decoded(BaselineAdminNetworkPolicy, spec), channel)


def ingress(**fields: Any) -> dict[str, Any]:
    return ADMIN_SPEC | {"ingress": [{"action": "Deny", "from": [EVERYONE]} | fields]}


def egress(**fields: Any) -> dict[str, Any]:
    return ADMIN_SPEC | {"egress": [{"action": "Allow", "to": [EVERYONE]} | fields]}


def port(**fields: Any) -> dict[str, Any]:
    return ingress(ports=[fields])


VALID: dict[str, Spec] = {
    "nothing but what is required": ADMIN_SPEC,
    "priorities": ADMIN_SPEC | {"priority": 0},
    "highest priority": ADMIN_SPEC | {"priority": 1000},
    "subject of pods": ADMIN_SPEC | {"subject": {"pods": PODS}},
    "100 rules": ADMIN_SPEC | {"ingress": [{"action": "Pass", "from": [EVERYONE]}] * 100},
    "100 peers": egress(to=[EVERYONE] * 100),
    "100 ports": ingress(ports=[{"namedPort": "http"}] * 100),
    "name of 100 characters": ingress(name="n" * 100),
    "actions": ADMIN_SPEC | {"egress": [{"action": a, "to": [{"pods": PODS}]} for a in ("Allow", "Deny", "Pass")]},
    "port": port(portNumber={"port": 65535}),
    "protocols": ingress(ports=[{"portNumber": {"protocol": p, "port": 1}} for p in ("TCP", "UDP", "SCTP")]),
    "range": port(portRange={"protocol": "UDP", "start": 1, "end": 65535}),
    "range of one": port(portRange={"start": 80, "end": 80}),
    "all peers": egress(to=[{"nodes": {}}, {"networks": ["10.0.0.0/8"]}, {"domainNames": ["*.example.com"]}]),
    "null fields": egress(to=[{"namespaces": {}, "pods": None}], ports=None),
}

INVALID: dict[str, tuple[Spec, Expected]] = {
    "no spec": (None, {"spec": "Required value"}),
    "empty spec": ({}, {"spec.priority": "Required value", "spec.subject": "Required value"}),
    "priority too low": (ADMIN_SPEC | {"priority": -1}, {"spec.priority": "Invalid value: -1: should be greater"}),
    "priority too high": (ADMIN_SPEC | {"priority": 1001}, {"spec.priority": "Invalid value: 1001: should be less"}),
    "empty subject": (ADMIN_SPEC | {"subject": {}}, {"spec.subject": AT_LEAST_ONE}),
    "two subjects": (ADMIN_SPEC | {"subject": {"namespaces": {}, "pods": PODS}}, {"spec.subject": AT_MOST_ONE}),
    "subject without selectors": (
        ADMIN_SPEC | {"subject": {"pods": {}}},
        {
            "spec.subject.pods.namespaceSelector": "Required value; for pods of every namespace write",
            "spec.subject.pods.podSelector": "Required value; for every pod write",
        },
    ),
    "V8 selector": (
        ingress(**{"from": [{"namespaces": {"matchLabels": {"a": "!"}}}]}),
        {f"{FROM}.namespaces.matchLabels.a": 'Invalid value: "!"'},
    ),
    "V8 operator": (
        egress(to=[{"namespaces": {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]}}]),
        {f"{TO}.namespaces.matchExpressions[0].operator": 'Invalid value: "in": not a valid selector operator; write'},
    ),
    "101 rules": (
        ADMIN_SPEC | {"ingress": [{"action": "Pass", "from": [EVERYONE]}] * 101},
        {"spec.ingress": "Too many: 101: must have at most 100 items"},
    ),
    "101 egress rules": (
        ADMIN_SPEC | {"egress": [{"action": "Pass", "to": [EVERYONE]}] * 101},
        {"spec.egress": "Too many: 101"},
    ),
    "101 peers": (ingress(**{"from": [EVERYONE] * 101}), {f"{IN}.from": "Too many: 101"}),
    "101 ports": (ingress(ports=[{"namedPort": "a"}] * 101), {f"{IN}.ports": "Too many: 101"}),
    "no peers": (ingress(**{"from": []}), {f"{IN}.from": NO_ITEMS}),
    "no ports": (ingress(ports=[]), {f"{IN}.ports": NO_ITEMS}),
    "null items": (
        ADMIN_SPEC | {"ingress": [None], "egress": [{"action": "Deny", "to": [None], "ports": [None]}]},
        {
            IN: 'Invalid value: "null": must be of type object',
            TO: 'Invalid value: "null": must be of type object',
            f"{OUT}.ports[0]": 'Invalid value: "null": must be of type object',
        },
    ),
    "rules without anything": (
        ADMIN_SPEC | {"ingress": [{}], "egress": [{}]},
        {
            f"{IN}.action": "Required value; write Allow, Deny or Pass",
            f"{IN}.from": "Required value",
            f"{OUT}.action": "Required value",
            f"{OUT}.to": "Required value",
        },
    ),
    "action of the newer kind": (
        ingress(action="Accept"),
        {f"{IN}.action": 'Unsupported value: "Accept": supported values: "Allow", "Deny", "Pass"'},
    ),
    "long name": (ingress(name="n" * 101), {f"{IN}.name": "Too long: may not be more than 100 characters"}),
    "empty peer": (ingress(**{"from": [{}]}), {FROM: f"{AT_LEAST_ONE}; write one of namespaces, pods"}),
    "two kinds of peer": (egress(to=[{"nodes": {}, "networks": ["::/0"]}]), {TO: AT_MOST_ONE}),
    "pods without a namespaceSelector": (
        egress(to=[{"pods": {"podSelector": {}}}]),
        {f"{TO}.pods.namespaceSelector": "Required value; for pods of every namespace write namespaceSelector: {}"},
    ),
    "pods without a podSelector": (
        egress(to=[{"pods": {"namespaceSelector": {}}}]),
        {f"{TO}.pods.podSelector": "Required value"},
    ),
    "networks": (
        egress(to=[{"networks": ["10.0.0.0/8", "10.0.0.0/8", "x"]}]),
        {
            f"{TO}.networks[2]": 'Invalid value: "x": Invalid CIDR format provided',
            f"{TO}.networks[1]": 'Duplicate value: "10.0.0.0/8"',
        },
    ),
    "names": (egress(to=[{"domainNames": ["com"]}]), {f"{TO}.domainNames[0]": 'Invalid value: "com": should match'}),
    "empty port": (port(), {PORT: f"{AT_LEAST_ONE}; write one of portNumber, namedPort, portRange"}),
    "two kinds of port": (port(namedPort="http", portNumber={"port": 80}), {PORT: AT_MOST_ONE}),
    "port without a number": (port(portNumber={"protocol": "TCP"}), {f"{PORT}.portNumber.port": "Required value"}),
    "port out of bounds": (port(portNumber={"port": 65536}), {f"{PORT}.portNumber.port": "Invalid value: 65536"}),
    "protocol of a port": (
        port(portNumber={"protocol": "tcp", "port": 80}),
        {f"{PORT}.portNumber.protocol": 'Unsupported value: "tcp": supported values: "TCP", "UDP", "SCTP"; write TCP'},
    ),
    "protocol of a range": (
        port(portRange={"protocol": "ICMP", "start": 1, "end": 2}),
        {f"{PORT}.portRange.protocol": 'Unsupported value: "ICMP"'},
    ),
    "range without bounds": (
        port(portRange={}),
        {f"{PORT}.portRange.start": "Required value", f"{PORT}.portRange.end": "Required value"},
    ),
    "range out of bounds": (
        port(portRange={"start": 0, "end": 65536}),
        {f"{PORT}.portRange.start": "Invalid value: 0", f"{PORT}.portRange.end": "Invalid value: 65536"},
    ),
    "C11 names and a named port": (
        egress(to=[{"domainNames": ["a.b"]}], ports=[{"namedPort": "http"}]),
        {OUT: NAMED_PORTS},
    ),
}

WARNED: dict[str, tuple[Spec, Expected]] = {
    "range that falls": (
        port(portRange={"start": 90, "end": 80}),
        {f"{PORT}.portRange": "the API server takes a range from 90 to 80, but no port is in it; swap the two"},
    ),
    "name that no port has": (
        port(namedPort="HTTP"),
        {f"{PORT}.namedPort": 'Invalid value: "HTTP": must contain only'},
    ),
    "C12 names for Pass": (
        egress(action="Pass", to=[{"domainNames": ["a.b"]}]),
        {f"{TO}.domainNames": "domainNames is only supported for Allow rules"},
    ),
    "older shape of namespaces": (
        ingress(**{"from": [{"namespaces": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}]}),
        {f"{FROM}.namespaces": f"namespaceSelector {OLD}: write the selector itself, as namespaces: {{matchLabels"},
    ),
    "older shapes of namespaces": (
        egress(to=[{"namespaces": {"sameLabels": ["a"], "notSameLabels": ["b"]}}]),
        {f"{TO}.namespaces": f"sameLabels {OLD}: nothing took its place"},
    ),
}

# The baseline kind has no priority, no Pass and no domainNames.
BASELINE: dict[str, tuple[Spec, Expected]] = {
    "nothing but what is required": ({"subject": EVERYONE}, {}),
    "empty spec": ({}, {"spec.subject": "Required value"}),
    "Pass": (
        {"subject": EVERYONE, "ingress": [{"action": "Pass", "from": [EVERYONE]}]},
        {f"{IN}.action": 'Unsupported value: "Pass": supported values: "Allow", "Deny"'},
    ),
    "missing action": (
        {"subject": EVERYONE, "egress": [{"to": [EVERYONE]}]},
        {f"{OUT}.action": "Required value; write Allow or Deny"},
    ),
    "101 rules": (
        {"subject": EVERYONE, "egress": [{"action": "Deny", "to": [EVERYONE]}] * 101},
        {"spec.egress": "Too many: 101"},
    ),
    "101 peers": (
        {"subject": EVERYONE, "egress": [{"action": "Deny", "to": [EVERYONE] * 101, "name": "n" * 101}]},
        {f"{OUT}.name": "Too long", f"{OUT}.to": "Too many: 101"},
    ),
    "every peer it has": (
        {
            "subject": EVERYONE,
            "egress": [{"action": "Deny", "to": [{"pods": PODS}, {"nodes": {}}, {"networks": ["::/0"]}]}],
        },
        {},
    ),
    "C11 its CEL rule does not speak of names": (
        {
            "subject": EVERYONE,
            "egress": [{"action": "Deny", "to": [{"nodes": {}}], "ports": [{"namedPort": "http"}]}],
        },
        {OUT: 'Invalid value: "object": networks/nodes peer cannot be set with namedPorts since'},
    ),
}

STANDARD: dict[str, tuple[Spec, Expected]] = {
    "named port": (port(namedPort="http"), {PORT: f"{AT_LEAST_ONE}; namedPort is a field of the experimental channel"}),
    "nodes": (egress(to=[{"nodes": {}}]), {TO: f"{AT_LEAST_ONE}; nodes is a field of the experimental"}),
    "names": (egress(to=[{"domainNames": ["a.b"]}]), {TO: f"{AT_LEAST_ONE}; domainNames is a field"}),
    "networks": (egress(to=[{"networks": ["::/0"]}]), {}),
}


def check(found: list[Finding], expected: Expected, *, warning: bool = False) -> None:
    assert [field(f.path) for f in found] == list(expected)
    for finding, beginning in zip(found, expected.values(), strict=True):
        assert finding.message.startswith(beginning)
        assert finding.warning == warning


@pytest.mark.parametrize("spec", VALID.values(), ids=VALID)
def test_valid_policies_have_no_problems(spec: Spec) -> None:
    assert admin(spec) == []


@pytest.mark.parametrize(("spec", "expected"), INVALID.values(), ids=INVALID)
def test_invalid_policies(spec: Spec, expected: Expected) -> None:
    check(admin(spec), expected)


@pytest.mark.parametrize(("spec", "expected"), BASELINE.values(), ids=BASELINE)
def test_the_baseline_kind(spec: Spec, expected: Expected) -> None:
    check(baseline(spec), expected)


@pytest.mark.parametrize(("spec", "expected"), STANDARD.values(), ids=STANDARD)
def test_the_standard_channel(spec: Spec, expected: Expected) -> None:
    check(admin(spec, "standard"), expected)


@pytest.mark.parametrize(("spec", "expected"), WARNED.values(), ids=WARNED)
def test_valid_policies_that_get_a_warning(spec: Spec, expected: Expected) -> None:
    found = admin(spec)
    check(found[:1], expected, warning=True)
    assert all(f.warning for f in found)


def test_pods_of_the_older_shape_lack_a_selector_and_are_told_the_newer_one() -> None:
    spec = ingress(**{"from": [{"pods": {"namespaces": {"sameLabels": ["a"]}, "podSelector": {}}}]})
    older, missing = admin(spec)
    assert (field(older.path), older.warning) == (f"{FROM}.pods", True)
    assert (
        older.message
        == f"namespaces {OLD}: write pods: {{namespaceSelector: {{matchLabels: {{team: blue}}}}, podSelector: {{}}}}"
    )
    assert (field(missing.path), missing.warning) == (f"{FROM}.pods.namespaceSelector", False)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, []),
        ({"name": "other"}, ["metadata.name"]),
        ({"name": "Other"}, ["metadata.name", "metadata.name"]),
        ({"name": None}, ["metadata.name"]),
        ({"name": None, "generateName": "default-"}, ["metadata.name"]),
    ],
)
def test_the_baseline_policy_is_called_default(metadata: dict[str, Any], expected: list[str]) -> None:
    found = problems(decoded(BaselineAdminNetworkPolicy, {"subject": EVERYONE}, **metadata))
    assert [field(f.path) for f in found] == expected


def test_an_admin_policy_may_have_any_name() -> None:
    assert problems(decoded(AdminNetworkPolicy, ADMIN_SPEC, name="any", namespace="Dropped Unread")) == []


STRUCTS: list[type[msgspec.Struct]] = [
    api.AdminNetworkPolicyEgressPeer,
    api.AdminNetworkPolicyEgressRule,
    api.AdminNetworkPolicyIngressPeer,
    api.AdminNetworkPolicyIngressRule,
    api.AdminNetworkPolicyPort,
    api.AdminNetworkPolicySpec,
    api.AdminNetworkPolicySubject,
    api.AdminPort,
    api.AdminPortRange,
    api.BaselineAdminNetworkPolicyEgressPeer,
    api.BaselineAdminNetworkPolicyEgressRule,
    api.BaselineAdminNetworkPolicySpec,
    api.NamespacedPod,
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda s: s.__name__)
def test_every_field_of_the_api_has_a_case_with_a_finding(struct: type[msgspec.Struct]) -> None:
    found = [f for table in (INVALID, WARNED, STANDARD) for spec, _ in table.values() for f in admin(spec)]
    found += [f for spec, _ in BASELINE.values() for f in baseline(spec)]
    unnamed = {"nodes"}  # a selector: its mistakes are in the table of ClusterNetworkPolicy
    steps = {step for finding in found for step in finding.path}
    assert {f.encode_name for f in msgspec.structs.fields(struct)} <= steps | unnamed


def test_every_field_of_the_older_shapes_is_known() -> None:
    older = {*api.NamespaceSet.__struct_fields__, *api.AdminNamespaces.__struct_fields__}
    assert older - {"matchLabels", "matchExpressions"} == {"namespaceSelector", "sameLabels", "notSameLabels"}
    messages = " ".join(f.message for spec, _ in WARNED.values() for f in admin(spec))
    assert all(f"{name} {OLD}" in messages for name in api.NamespaceSet.__struct_fields__)
