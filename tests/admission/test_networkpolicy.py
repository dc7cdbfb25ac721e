"""V1–V9 as tables: a spec, and for each mistake in it the field's path and how the message begins."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podwall.admission.networkpolicy import Finding, problems
from podwall.api import meta, networking
from podwall.api.networking import NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec
from podwall.text.where import field

Spec = dict[str, Any] | None
Expected = dict[str, str]


def policy(spec: Spec, **metadata: Any) -> NetworkPolicy:
    header = {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1"}
    return msgspec.convert({**header, "metadata": {"name": "p"} | metadata, "spec": spec}, NetworkPolicy)


def ingress(rule: Any) -> dict[str, Any]:
    return {"ingress": [rule]}


def port(**fields: Any) -> dict[str, Any]:
    return ingress({"ports": [fields]})


def block(cidr: str, *excepts: str | None) -> dict[str, Any]:
    return ingress({"from": [{"ipBlock": {"cidr": cidr, "except": list(excepts)}}]})


def selector(**fields: Any) -> dict[str, Any]:
    return {"podSelector": fields}


def expression(**fields: Any) -> dict[str, Any]:
    return selector(matchExpressions=[fields])


def listed(found: list[Finding]) -> list[tuple[str, str]]:
    return [(field(f.path), f.message) for f in found]


PODS = {"matchLabels": {"app": "web"}}

PORT = "spec.ingress[0].ports[0]"
PEER = "spec.ingress[0].from[0]"
EXPRESSION = "spec.podSelector.matchExpressions[0]"

VALID: dict[str, Spec] = {
    "no spec": None,
    "V9 empty spec": {},
    "V9 empty lists": {"podSelector": {}, "ingress": [], "egress": [], "policyTypes": []},
    "V9 nulls": {"podSelector": None, "ingress": None, "egress": None, "policyTypes": None},
    "V9 empty rules": {"ingress": [{}], "egress": [{"to": [], "ports": None}]},
    "V1 pods": ingress({"from": [{"podSelector": PODS}]}),
    "V1 every pod of the namespace": ingress({"from": [{"podSelector": {}}]}),
    "V1 namespaces": {"egress": [{"to": [{"namespaceSelector": {}}]}]},
    "V1 both": ingress({"from": [{"podSelector": PODS, "namespaceSelector": {}}]}),
    "V1 block": block("10.0.0.0/8"),
    "V2 excepts": block("10.0.0.0/8", "10.0.0.0/9", "10.255.255.255/32"),
    "V2 IPv6": block("fd00::/8", "fd00::/9"),
    "V2 everything": block("0.0.0.0/0", "10.0.0.0/8"),
    "V4 lowest and highest": port(port=1, endPort=65535),
    "V4 range of one": port(port=80, endPort=80),
    "V5 name": port(port="http"),
    "V5 longest name": port(port="metrics-0123456"),
    "V5 one letter": port(port="8080-a"),
    "V6 protocols": {"egress": [{"ports": [{"protocol": "TCP"}, {"protocol": "UDP"}, {"protocol": "SCTP"}]}]},
    "V6 empty port": port(),
    "V7 twice the same": {"policyTypes": ["Egress", "Egress"]},
    "V7 other than the sections": {"policyTypes": ["Egress"], "ingress": [{}]},
    "V8 operators": selector(
        matchExpressions=[
            {"key": "a", "operator": "In", "values": ["x", ""]},
            {"key": "a.b/c", "operator": "NotIn", "values": ["y"]},
            {"key": "a", "operator": "Exists"},
            {"key": "a", "operator": "DoesNotExist", "values": []},
        ]
    ),
    "V8 labels": selector(matchLabels={"app.kubernetes.io/name": "", "A_b.c": "X" * 63}),
}

INVALID: dict[str, tuple[Spec, Expected]] = {
    "V1 empty peer": (
        ingress({"from": [{}]}),
        {PEER: "Required value: must specify a peer; for everyone leave `from` out"},
    ),
    "V1 null peer": (
        {"egress": [{"to": [None]}]},
        {"spec.egress[0].to[0]": "Required value: must specify a peer; null is read as {}: for everyone"},
    ),
    "V1 block and pods": (
        ingress({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}),
        {PEER: "Forbidden: may not specify both ipBlock and another peer; make them two"},
    ),
    "V1 block and namespaces, and the block is wrong, too": (
        {"egress": [{"to": [{"ipBlock": {"cidr": "x"}, "namespaceSelector": {}}]}]},
        {
            "spec.egress[0].to[0]": "Forbidden: may not specify both ipBlock and another peer",
            "spec.egress[0].to[0].ipBlock.cidr": 'Invalid value: "x": must be a valid CIDR value',
        },
    ),
    "V2 no cidr, and its except is read all the same": (
        ingress({"from": [{"ipBlock": {"except": ["y"]}}]}),
        {
            PEER + ".ipBlock.cidr": "Required value; write the block",
            PEER + ".ipBlock.except[0]": 'Invalid value: "y": must be a valid CIDR value',
        },
    ),
    "V2 except outside": (
        block("10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/16"),
        {
            PEER + ".ipBlock.except[1]": 'Invalid value: "11.0.0.0/16": '
            "must be a strict subset of `cidr`; it is not inside 10.0.0.0/8"
        },
    ),
    "V4 zero": (
        port(port=0, endPort=0),
        {
            PORT + ".port": "Invalid value: 0: must be between 1 and 65535, inclusive",
            PORT + ".endPort": "Invalid value: 0: must be between 1 and 65535, inclusive",
        },
    ),
    "V4 too high": (
        port(port=65536),
        {PORT + ".port": "Invalid value: 65536: must be between 1 and 65535, inclusive"},
    ),
    "V4 more than 32 bits": (
        port(port=2**31, endPort=2**40),
        {
            PORT + ".port": "Invalid value: 2147483648: must be between 1 and 65535, inclusive; the API",
            PORT + ".endPort": "Invalid value: 1099511627776: must be between 1 and 65535, inclusive",
        },
    ),
    "V4 backwards": (
        port(port=443, endPort=80),
        {PORT + ".endPort": "Invalid value: 80: must be greater than or equal to `port`; `port` is 443"},
    ),
    "V4 named with endPort": (
        port(port="http", endPort=90),
        {
            PORT + ".endPort": "Invalid value: 90: may not be specified when `port` is non-numeric",
        },
    ),
    "V4 endPort alone": (
        port(endPort=90),
        {PORT + ".endPort": "Invalid value: 90: may not be specified when `port` is not specified"},
    ),
    "V5 quoted number": (
        port(port="80"),
        {
            PORT + ".port": 'Invalid value: "80": must contain at least one letter (a-z); '
            "the number is quoted; write port: 80"
        },
    ),
    "V5 range": (
        port(port="8000-9000"),
        {
            PORT + ".port": 'Invalid value: "8000-9000": must contain at least one letter (a-z); '
            "a range is two fields; write port: 8000 and endPort: 9000"
        },
    ),
    "V5 upper case": (
        port(port="Http"),
        {
            PORT + ".port": 'Invalid value: "Http": must contain only alpha-numeric characters '
            "(a-z, 0-9), and hyphens (-); write http"
        },
    ),
    "V5 no letter of ASCII": (
        port(port="ab\u0661"),
        {PORT + ".port": 'Invalid value: "ab\u0661": must contain only alpha-numeric characters'},
    ),
    "V6 case": (
        port(protocol="tcp"),
        {PORT + ".protocol": 'Unsupported value: "tcp": supported values: "TCP", "UDP", "SCTP"; write TCP'},
    ),
    "V6 unknown, and the port is wrong, too": (
        port(protocol="ICMP", port=-1),
        {
            PORT + ".protocol": 'Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
            PORT + ".port": "Invalid value: -1: must be between 1 and 65535, inclusive",
        },
    ),
    "V6 empty": (port(protocol=""), {PORT + ".protocol": 'Unsupported value: "": supported values'}),
    "V7 case": (
        {"policyTypes": ["ingress"]},
        {"spec.policyTypes[0]": 'Unsupported value: "ingress": supported values: "Ingress", "Egress"; write Ingress'},
    ),
    "V7 null": ({"policyTypes": [None]}, {"spec.policyTypes[0]": 'Unsupported value: "": supported values'}),
    "V7 three": (
        {"policyTypes": ["Ingress", "Egress", "All"]},
        {
            "spec.policyTypes": 'Invalid value: ["Ingress", "Egress", "All"]: may not specify more than two',
            "spec.policyTypes[2]": 'Unsupported value: "All"',
        },
    ),
    "V8 In without values": (
        expression(key="a", operator="In"),
        {EXPRESSION + ".values": "Required value: must be specified when `operator` is 'In' or 'NotIn'"},
    ),
    "V8 NotIn with an empty list": (
        expression(key="a", operator="NotIn", values=[]),
        {EXPRESSION + ".values": "Required value: must be specified"},
    ),
    "V8 Exists with values": (
        expression(key="a", operator="Exists", values=["x"]),
        {
            EXPRESSION + ".values": "Forbidden: may not be specified when `operator` is 'Exists' "
            "or 'DoesNotExist'; remove the values, or write In"
        },
    ),
    "V8 operator of another case": (
        expression(key="a", operator="notin", values=["x"]),
        {EXPRESSION + ".operator": 'Invalid value: "notin": not a valid selector operator; write NotIn'},
    ),
    "V8 operator of node selectors": (
        expression(key="a", operator="Gt", values=["1"]),
        {
            EXPRESSION + ".operator": 'Invalid value: "Gt": not a valid selector operator; '
            "write In, NotIn, Exists or DoesNotExist"
        },
    ),
    "V8 empty requirement": (
        expression(),
        {
            EXPRESSION + ".key": 'Invalid value: "": name part must be non-empty',
            EXPRESSION + ".operator": 'Invalid value: "": not a valid selector operator',
        },
    ),
    "V8 value of an expression": (
        expression(key="a", operator="In", values=["x", "a b"]),
        {EXPRESSION + ".values[1]": 'Invalid value: "a b": a valid label must be an empty string'},
    ),
    "V8 wildcard": (
        selector(matchLabels={"app": "web-*"}),
        {
            "spec.podSelector.matchLabels.app": 'Invalid value: "web-*": a valid label must be an empty string or '
            "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            "character (e.g. 'my.name'); there are no wildcards"
        },
    ),
    "V8 key": (
        selector(matchLabels={"a/b/c": "x", "-": "y"}),
        {
            "spec.podSelector.matchLabels[-]": 'Invalid value: "-": name part must consist of alphanumeric',
            "spec.podSelector.matchLabels[a/b/c]": 'Invalid value: "a/b/c": a valid label key must consist of',
        },
    ),
    "V8 selectors of peers": (
        ingress(
            {"from": [{"podSelector": {"matchLabels": {"a": "é"}}, "namespaceSelector": {"matchLabels": {"/b": ""}}}]}
        ),
        {
            PEER + ".podSelector.matchLabels.a": 'Invalid value: "é": a valid label',
            PEER + ".namespaceSelector.matchLabels[/b]": 'Invalid value: "/b": prefix part must be',
        },
    ),
}

WARNED: dict[str, tuple[Spec, Expected]] = {
    "N6 null ingress rule": (ingress(None), {"spec.ingress[0]": "null is read as {}: a rule that allows every"}),
    "N6 null egress rule": (
        {"egress": [{}, None]},
        {"spec.egress[1]": "null is read as {}: a rule that allows every connection of this direction; kubectl"},
    ),
    "N6 null port": (
        ingress({"ports": [None]}),
        {PORT: "null is read as {}: every TCP port; kubectl refuses it"},
    ),
    "V3 host bits": (
        block("10.0.0.5/8"),
        {
            PEER + ".ipBlock.cidr": 'Invalid value: "10.0.0.5/8": must not have bits set beyond the '
            "prefix length; Kubernetes 1.36 and later reject it, earlier versions read it as 10.0.0.0/8: "
            "write 10.0.0.0/8, or 10.0.0.5/32 for the one address"
        },
    ),
    "V3 except": (
        block("10.0.0.0/8", "10.01.0.0/16"),
        {PEER + ".ipBlock.except[0]": 'Invalid value: "10.01.0.0/16": must not have leading 0s'},
    ),
    "V3 spelling": (
        block("FD00::/8"),
        {PEER + ".ipBlock.cidr": 'IPv6 CIDR value "FD00::/8" should be in RFC 5952 canonical format'},
    ),
}


@pytest.mark.parametrize("spec", VALID.values(), ids=VALID)
def test_valid_policies_have_no_problems(spec: Spec) -> None:
    assert problems(policy(spec)) == []


def check(spec: Spec, expected: Expected, *, warning: bool) -> None:
    found = problems(policy(spec))
    assert [field(f.path) for f in found] == list(expected)
    for finding, beginning in zip(found, expected.values(), strict=True):
        assert finding.message.startswith(beginning)
        assert finding.warning == warning


@pytest.mark.parametrize(("spec", "expected"), INVALID.values(), ids=INVALID)
def test_invalid_policies(spec: Spec, expected: Expected) -> None:
    check(spec, expected, warning=False)


@pytest.mark.parametrize(("spec", "expected"), WARNED.values(), ids=WARNED)
def test_valid_policies_that_get_a_warning(spec: Spec, expected: Expected) -> None:
    check(spec, expected, warning=True)


def test_all_mistakes_of_a_policy_are_reported_in_the_order_of_its_fields() -> None:
    wrong = policy(
        {
            "egress": [{"to": [{}, {"ipBlock": {"cidr": "10.0.0.0"}}], "ports": [{"port": "80", "protocol": "udp"}]}],
            "policyTypes": ["Both"],
            "podSelector": {"matchLabels": {"b": "!", "a": "!"}},
            "ingress": [{}, {"ports": [{}, {"port": 70000}], "from": [{"podSelector": {}}, None]}],
        },
        name="Web_App",
        namespace="a.b",
        labels={"team": "x y"},
        annotations={"": "x"},
    )
    assert [path for path, _ in listed(problems(wrong))] == [
        "metadata.name",
        "metadata.namespace",
        "metadata.labels.team",
        'metadata.annotations[""]',
        "spec.podSelector.matchLabels.a",
        "spec.podSelector.matchLabels.b",
        "spec.policyTypes[0]",
        "spec.ingress[1].from[1]",
        "spec.ingress[1].ports[1].port",
        "spec.egress[0].to[0]",
        "spec.egress[0].to[1].ipBlock.cidr",
        "spec.egress[0].ports[0].protocol",
        "spec.egress[0].ports[0].port",
    ]


def test_several_mistakes_of_one_port_name() -> None:
    assert [message for _, message in listed(problems(policy(port(port="-0--1234567890123-"))))] == [
        'Invalid value: "-0--1234567890123-": must be no more than 15 bytes',
        'Invalid value: "-0--1234567890123-": must contain at least one letter (a-z)',
        'Invalid value: "-0--1234567890123-": must not contain consecutive hyphens',
        'Invalid value: "-0--1234567890123-": must not begin or end with a hyphen',
    ]


def test_the_order_of_a_map_does_not_matter() -> None:
    bad = {"z": "!", "a": "!", "/": "x"}
    turned = dict(reversed(bad.items()))
    assert problems(policy(selector(matchLabels=bad))) == problems(policy(selector(matchLabels=turned)))


def test_values_are_shown_so_that_they_cannot_control_a_terminal() -> None:
    nasty = 'a"\\\x1b[2J\u202e\U000e0001'
    [finding] = problems(policy(selector(matchLabels={"app": nasty})))
    assert finding.message.startswith(r'Invalid value: "a\"\\\u001b[2J\u202e\U000e0001": a valid label')


def test_long_values_are_cut() -> None:
    findings = problems(policy(selector(matchLabels={"app": "x" * 10_000})))
    assert [f.message for f in findings] == [f'Invalid value: "{"x" * 300}…": must be no more than 63 bytes']


def test_a_number_of_thousands_of_digits_is_refused_like_any_other() -> None:
    huge = NetworkPolicyPort(port=10**5000)
    rule = NetworkPolicyIngressRule(ports=[huge])
    [finding] = problems(NetworkPolicy(metadata=policy(None).metadata, spec=NetworkPolicySpec(ingress=[rule])))
    assert finding.path == ("spec", "ingress", 0, "ports", 0, "port")
    assert finding.message.startswith("Invalid value: 0x")


STRUCTS: list[type[msgspec.Struct]] = [
    meta.LabelSelector,
    meta.LabelSelectorRequirement,
    networking.IPBlock,
    networking.NetworkPolicyEgressRule,
    networking.NetworkPolicyIngressRule,
    networking.NetworkPolicyPeer,
    networking.NetworkPolicyPort,
    networking.NetworkPolicySpec,
]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda s: s.__name__)
def test_every_field_of_the_api_has_an_invalid_case(struct: type[msgspec.Struct]) -> None:
    steps = {step for spec, _ in INVALID.values() for finding in problems(policy(spec)) for step in finding.path}
    assert {f.encode_name for f in msgspec.structs.fields(struct)} <= steps
