"""What `explain` answers: its fields for the shop, and every form of question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from podwall.errors import UnknownReference
from podwall.ops.explaining import Asking, asking, explain
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.verdicts import answers

ROOT = Path(__file__).parents[2]
SHOP = "examples/shop/{}"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def shop(which: str) -> Opened:
    return open_cluster(Inputs((SHOP.format(which),)))


def answered(opened: Opened, src: str, dst: str, port: str | None = None, **more: Any) -> Any:
    """The answer as whoever reads the JSON has it."""
    return msgspec.to_builtins(explain(opened, asking(src, dst, port, **more)).answer)


ASKED = [
    (("a", "b", None), Asking("a", "b")),
    (("a", "b", "80"), Asking("a", "b", "80")),
    (("a", "b", "80/udp"), Asking("a", "b", "80", "UDP")),
    (("a", "b", "udp/80"), Asking("a", "b", "80", "UDP")),
    (("a", "b", "tcp/http"), Asking("a", "b", "http", "TCP")),
    (("a", "b:80", None), Asking("a", "b", "80")),
    (("a:99", "b:80", "80"), Asking("a", "b", "80")),
    (("[fd00::1]", "[fd00::2]:443", None), Asking("fd00::1", "fd00::2", "443")),
]


@pytest.mark.parametrize(("typed", "want"), ASKED)
def test_asking(typed: tuple[str, str, str | None], want: Asking) -> None:
    assert asking(*typed) == want


@pytest.mark.parametrize(("dst", "port"), [("b:80", "81"), ("b", "80/icmp"), ("b", "/udp")])
def test_asking_refuses(dst: str, port: str) -> None:
    with pytest.raises(UnknownReference, match="port"):
        asking("a", dst, port)


def test_an_allow() -> None:
    found = answered(shop("good"), "shop/web", "shop/catalog", "8080")
    assert {k: found[k] for k in ("apiVersion", "kind", "src", "dst", "protocol", "port", "verdict", "profile")} == {
        "apiVersion": "podwall.io/v1",
        "kind": "Explanation",
        "src": "shop/web",
        "dst": "shop/catalog",
        "protocol": "TCP",
        "port": 8080,
        "verdict": "allow",
        "profile": "kubernetes",
    }
    side = found["ingress"]
    assert [ref["name"] for ref in side["isolatedBy"]] == ["allow-metrics", "catalog", "default-deny"]
    (decision,) = side["decidedBy"]
    policy = decision.pop("policy")
    assert decision == {
        "tier": "NetworkPolicy",
        "action": "Allow",
        "rule": "spec.ingress[0]",
        "peer": "from[0]",
        "port": "ports[0]",
        "line": line("good/shop-policies.yaml", "catalog", "- from:"),
    }
    assert (policy["kind"], policy["namespace"], policy["name"]) == ("NetworkPolicy", "shop", "catalog")
    assert policy["file"] == "examples/shop/good/shop-policies.yaml"
    assert [tier["outcome"] for tier in side["tiers"]] == ["no rule", "accept", "not reached"]
    assert side["otherwise"] == {"verdict": "deny", "reason": "no rule", "decidedBy": []}
    assert side["nearMisses"] == found["changes"] == []


def line(file: str, policy: str, text: str) -> int:
    """The first line with a text behind the name of a policy."""
    lines = (ROOT / "examples" / "shop" / file).read_text(encoding="utf-8").splitlines()
    start = lines.index(f"  name: {policy}")
    return 1 + next(n for n in range(start, len(lines)) if lines[n].strip() == text)


def test_a_deny_has_near_misses_and_changes() -> None:
    found = answered(shop("broken"), "shop/web", "shop/catalog", "8080")
    assert (found["verdict"], found["egress"]["verdict"], found["ingress"]["verdict"]) == ("deny", "allow", "deny")
    nearest = found["ingress"]["nearMisses"][0]
    assert (nearest["policy"]["name"], nearest["rule"], nearest["peer"]) == ("catalog", "spec.ingress[0]", "from[0]")
    assert [term["wanted"] for term in nearest["terms"]] == ["app=wbe"]
    assert found["changes"][0]["opens"] == {"connections": [], "more": 0}
    (patch,) = found["changes"][0]["patches"]
    assert patch["policy"]["name"] == "catalog"


def test_the_slip_that_opens_too_much() -> None:
    found = answered(shop("broken"), "monitoring/grafana", "payments/ledger-db", "5432", change=True)
    assert found["ingress"]["decidedBy"][0]["peer"] == "from[1]"
    first, second = found["changes"][:2]
    assert first["title"] == "make an exception from spec.ingress[0] of NetworkPolicy payments/ledger-db"
    assert first["closes"] == {"connections": [], "more": 0}
    assert second["title"] == "remove peers of spec.ingress[0] of NetworkPolicy payments/ledger-db"
    closed = {pair["src"] for pair in second["closes"]["connections"]}
    assert closed == {"monitoring/postgres-exporter", "monitoring/prometheus"}
    assert answered(shop("good"), "monitoring/grafana", "payments/ledger-db", "5432")["verdict"] == "deny"


def test_without_a_port() -> None:
    found = answered(shop("good"), "monitoring/prometheus", "shop/web")
    assert (found["verdict"], found["port"], found["protocol"]) == ("allow", None, None)
    first, rest = found["ports"]
    assert first["ports"] == [{"protocol": "TCP", "port": 9100, "endPort": 9100}]
    assert first["named"] == {"TCP 9100": "metrics"}
    assert (rest["verdict"], rest["named"]) == ("deny", {"TCP 8080": "http"})


def test_a_service_has_every_backend() -> None:
    found = answered(shop("good"), "payments/gateway", "kube-system/service/kube-dns")
    assert found["verdict"] == "allow"
    assert [(b["dst"], b["protocol"], b["port"]) for b in found["backends"]] == [
        ("kube-system/coredns", "TCP", 53),
        ("kube-system/coredns", "UDP", 53),
    ]
    assert "egress" not in found
    one = answered(shop("good"), "payments/gateway", "kube-system/service/kube-dns", "53/udp")
    assert [b["protocol"] for b in one["backends"]] == ["UDP"]


def test_a_service_port_goes_to_the_pods_port() -> None:
    found = answered(shop("good"), "shop/web", "shop/service/catalog", "80")
    assert [(b["dst"], b["port"], b["verdict"]) for b in found["backends"]] == [("shop/catalog", 8080, "allow")]


def test_an_external_end_has_no_tiers() -> None:
    found = answered(shop("good"), "198.51.100.7", "ingress/controller", "8443")
    assert (found["egress"]["reason"], found["egress"]["tiers"]) == ("external", [])
    assert found["verdict"] == "allow"


def test_a_trace_says_the_same() -> None:
    opened = shop("broken")
    asked = [b'{"src": "shop/web", "dst": "shop/catalog", "port": 8080}']
    (answer,) = answers(opened, asked, trace=True)
    found = answered(opened, "shop/web", "shop/catalog", "8080")
    (trace,) = msgspec.to_builtins(answer["trace"])
    assert trace == {key: found[key] for key in trace}


BOTH_FAMILIES = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: a}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.2}, {ip: "fd00::2"}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: a}
spec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}
"""


def test_families_that_differ(tmp_path: Path) -> None:
    (tmp_path / "pods.yaml").write_text(BOTH_FAMILIES, encoding="utf-8")
    opened = open_cluster(Inputs((str(tmp_path),)))
    found = answered(opened, "a/web", "a/db", "80")
    assert (found["family"], found["verdict"]) == (4, "allow")
    assert found["otherFamily"] == {"family": 6, "verdict": "deny"}
    six = answered(opened, "a/web", "a/db", "80", family=6)
    assert (six["family"], six["verdict"]) == (6, "deny")
    assert "otherFamily" not in six


TIERS = """
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: a, labels: {app: db}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  ingress:
  - action: Pass
    from: [{pods: {podSelector: {matchLabels: {app: web}}}}]
    protocols: [{tcp: {destinationPort: {number: 5432}}}]
  - action: Deny
    from: [{namespaces: {}}]
"""


def test_the_walk_through_the_tiers(tmp_path: Path) -> None:
    (tmp_path / "tiers.yaml").write_text(TIERS, encoding="utf-8")
    opened = open_cluster(Inputs((str(tmp_path),)))
    passed = answered(opened, "a/web", "a/db", "5432")["ingress"]
    assert (passed["verdict"], passed["reason"], passed["decidedBy"]) == ("allow", "not isolated", [])
    assert [(d["action"], d["rule"], d["port"]) for d in passed["passed"]] == [
        ("Pass", "spec.ingress[0]", "protocols[0]")
    ]
    assert [tier["outcome"] for tier in passed["tiers"]] == ["pass", "not isolated", "no rule"]
    denied = answered(opened, "a/web", "a/db", "80")
    assert [tier["outcome"] for tier in denied["ingress"]["tiers"]] == ["deny", "not reached", "not reached"]
    assert denied["ingress"]["otherwise"]["verdict"] == "allow"
    assert denied["refused"] == [{"direction": "ingress", "reason": "admin tier"}]


@pytest.mark.parametrize(
    ("src", "dst", "port", "message"),
    [
        ("shop/wbe", "shop/web", None, "did you mean web"),
        ("shop/web", "shop/catalog", "nope", "stands for nothing"),
        ("shop/web", "shop/service/nope", None, "no Service"),
        ("shop/web", "shop/service/catalog", "8080", "it has: 80/TCP"),
    ],
)
def test_what_cannot_be_answered(src: str, dst: str, port: str | None, message: str) -> None:
    with pytest.raises(UnknownReference, match=message):
        explain(shop("good"), asking(src, dst, port))


def test_a_change_is_told_as_an_edit_with_its_place() -> None:
    found = answered(shop("broken"), "shop/web", "shop/catalog", "8080")
    (patch,) = found["changes"][0]["patches"]
    at = "spec.ingress[0].from[0].podSelector.matchLabels.app"
    assert found["changes"][0]["title"] == f"{at} of NetworkPolicy shop/catalog should be web, not wbe"
    assert patch["edits"] == [{"field": at, "line": 107, "old": "wbe", "new": "web"}]
    assert patch["operations"] == [
        {"op": "replace", "path": "/spec/ingress/0/from/0/podSelector/matchLabels/app", "value": "web"}
    ]
    assert (found["ingress"]["nearMisses"][0]["slip"], found["ingress"]["nearMisses"][0]["matched"]) == (True, 2)
    assert "changesFor" not in found
    assert "notComputed" not in found["changes"][0]


def test_what_is_added_has_no_old_value() -> None:
    found = answered(shop("broken"), "payments/gateway", "kube-system/coredns", "53/udp")
    (edit,) = found["changes"][0]["patches"][0]["edits"]
    assert (edit["field"], "old" in edit, edit["new"]["ports"]) == (
        "spec.egress[2]",
        False,
        [{"protocol": "UDP", "port": 53}],
    )


@pytest.mark.parametrize("port", [None, "80"])
def test_changes_for_a_service_are_about_one_pair(port: str | None) -> None:
    found = answered(shop("broken"), "shop/web", "shop/service/catalog", port)
    assert found["changesFor"] == "shop/web -> shop/catalog TCP 8080"
    assert found["changes"][0]["title"].endswith("of NetworkPolicy shop/catalog should be web, not wbe")


def test_ends_that_policies_do_not_see(tmp_path: Path) -> None:
    host = {"metadata": {"name": "h", "namespace": "a"}, "spec": {"hostNetwork": True, "nodeName": "n"}}
    status = {"phase": "Running", "podIP": "192.168.0.1", "hostIP": "192.168.0.1"}
    node = {"metadata": {"name": "n"}, "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]}}
    other = {"metadata": {"name": "m"}, "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.2"}]}}
    objects = [
        {"apiVersion": "v1", "kind": "Pod", **host, "status": status},
        {"apiVersion": "v1", "kind": "Node", **node},
        {"apiVersion": "v1", "kind": "Node", **other},
    ]
    path = tmp_path / "cluster.json"
    path.write_bytes(msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": objects}))
    found = answered(open_cluster(Inputs((str(path),))), "node/m", "a/h", "80")
    assert (found["egress"]["reason"], found["ingress"]["reason"]) == ("node", "host network")
