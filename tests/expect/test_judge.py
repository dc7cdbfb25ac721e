"""What an assertion is about and when it holds, case by case; random clusters are in test_truth."""

from __future__ import annotations

from typing import Any

import pytest

from podwall.engine.model import Model
from podwall.expect.judge import Outcome
from tests.expect.reading import expectations, judged
from tests.truth.engine import model_of

Object = dict[str, Any]


def pod(name: str, address: str, **further: Any) -> Object:
    labels = further.pop("labels", {"app": name.partition("-")[0]})
    meta: Object = {"name": name, "namespace": further.pop("namespace", "shop"), "labels": labels}
    owner = further.pop("owner", None)
    if owner:
        meta["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": owner, "name": name[:-2], "controller": True}]
    ports = [{"name": n, "containerPort": p} for n, p in further.pop("ports", {}).items()]
    spec: Object = {"containers": [{"name": "c", "ports": ports}], **further}
    status: Object = {"podIPs": [{"ip": a} for a in address.split(",")]}
    if "nodeName" in spec:
        status["hostIP"] = {"n1": "192.168.0.1", "n2": "192.168.0.2"}[spec["nodeName"]]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def policy(name: str, spec: Object, namespace: str = "shop") -> Object:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def ingress(app: str, *rules: Object) -> Object:
    return {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"], "ingress": list(rules)}


def of(app: str) -> Object:
    return {"podSelector": {"matchLabels": {"app": app}}}


def block(cidr: str, *excepts: str) -> Object:
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepts)} if excepts else {})}}


NAMESPACES = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": {"env": n}}} for n in ("shop", "data")
]
# The policy of the database tells the two pods of web apart: they are two ends.
SHOP = [
    *NAMESPACES,
    pod("web-0", "10.244.1.1", owner="StatefulSet", ports={"http": 8080}),
    pod("web-1", "10.244.1.2", owner="StatefulSet", ports={"http": 8081}),
    pod("api", "10.244.1.3", ports={"http": 80, "metrics": 9100}),
    pod("db", "10.244.2.1", namespace="data", ports={"sql": 5432}),
    policy("api", ingress("api", {"from": [of("web")], "ports": [{"port": 80}]})),
    policy("db", ingress("db", {"from": [block("10.244.1.0/30", "10.244.1.2/32")], "ports": [{"port": 5432}]}), "data"),
]


def judge_one(model: Model, item: object, **further: object) -> Outcome:
    (outcome,) = judged(model, expectations([item], "shop", **further))
    return outcome


@pytest.mark.parametrize(
    ("text", "pairs", "open_", "holds"),
    [
        ("web -> api:80 allow", 2, 2, True),
        ("web -> api:80,81 allow", 2, 0, False),  # all listed ports
        ("web -> api:80,81 deny", 2, 2, False),  # any of them
        ("web -> api:81 deny", 2, 0, True),
        ("web -> api allow", 2, 0, False),  # without a port: every port
        ("web -> api:http allow", 2, 2, True),
        ("web -> api:http/udp deny", 0, 0, False),  # no such port, so no pair
        ("shop/* -> api:80 allow", 2, 2, True),  # the api itself is no pair
        ("*/* -> api:80 allow", 3, 2, False),
        ("data/db -> api deny", 1, 0, True),
        ("internet -> api deny", 1, 0, True),
        ("internet -> web allow", 2, 2, True),
        ("api -> web:http allow", 2, 2, True),  # another number on each pod
        ("api -> web:8080 allow", 2, 2, True),
        ("web -> data/db:sql allow", 2, 1, False),  # a workload is all its pods, told apart or not
        ("web-0 -> data/db:sql allow", 1, 1, True),
        ("web-1 -> data/db:sql deny", 1, 0, True),
        ("10.244.1.0/24 -> data/db:5432 allow", 5, 3, False),  # three pods; .0, and .4 onwards
        ("10.244.1.1/32 -> data/db:5432 allow", 1, 1, True),
        ("10.244.1.1 -> data/db:5432 allow", 1, 1, True),
        ("api -> api allow", 1, 1, True),  # by name, a pod and itself are a pair that is always open
        ("api -> api deny", 1, 1, False),
        ("203.0.113.0/24 -> 198.51.100.7 allow", 0, 0, False),  # nobody here decides about them
        ("web -> nobody deny", 0, 0, False),
        ("web -> nowhere/* deny", 0, 0, False),
        ("web -> dns allow", 0, 0, False),
    ],
)
def test_pairs(text: str, pairs: int, open_: int, holds: bool) -> None:
    outcome = judge_one(model_of(SHOP, namespace="shop"), text)
    assert (outcome.pairs, outcome.open, outcome.holds) == (pairs, open_, holds)
    assert bool(outcome.problem) is (pairs == 0)
    assert bool(outcome.breaches) is (pairs > 0 and not holds)


@pytest.mark.parametrize(
    ("item", "holds"),
    [
        ({"from": {"namespaceLabels": {"env": "shop"}}, "to": "api", "port": 80, "verdict": "allow"}, True),
        ({"from": {"namespaceLabels": {"env": "data"}}, "to": "api", "verdict": "deny"}, True),
        (
            {"from": {"podLabels": {"app": "web"}}, "to": {"labels": {"app": "api"}}, "port": 80, "verdict": "allow"},
            True,
        ),
        (
            {"from": {"namespace": "data"}, "to": {"namespace": "shop", "labels": {"app": "api"}}, "verdict": "deny"},
            True,
        ),
        ({"from": {"podLabels": {"app": "none"}}, "to": "api", "verdict": "deny"}, False),
        ({"from": "web", "to": "data/db", "port": 5432, "verdict": "allow", "some": True}, True),
        ({"from": "api", "to": "data/db", "port": 5433, "verdict": "allow", "some": True}, False),
    ],
)
def test_labels_and_some(item: object, holds: bool) -> None:
    assert judge_one(model_of(SHOP, namespace="shop"), item).holds is holds


def test_sets_of_the_file() -> None:
    sets = {
        "dns": {"namespace": "data", "ports": [5432]},
        "near": {"cidrs": ["10.244.1.0/24"], "except": ["10.244.1.2/31"]},
    }
    model = model_of(SHOP, namespace="shop")
    assert judge_one(model, "near -> data/db:5432 allow", sets=sets).pairs == 3  # web-0, and two sorts of nobody
    assert judge_one(model, "web-0 -> dns allow", sets=sets).holds  # on the ports of the set
    assert not judge_one(model, "web-0 -> dns:5433 allow", sets=sets).holds


def test_a_workload_with_replicas_and_itself_are_two_of_them() -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": "api"}}}},
    }
    model = model_of([deployment, policy("api", ingress("api"))])
    for text in ("api -> api deny", "shop/* -> shop/* deny"):
        outcome = judge_one(model, text)
        assert (outcome.pairs, outcome.holds) == (1, True)


FAMILIES = [
    pod("web", "10.244.1.1,fd00::1"),
    pod("api", "10.244.1.2,fd00::2"),
    pod("four", "10.244.1.3"),
    policy("api", ingress("api", {"from": [block("10.244.1.0/24")]})),
]


@pytest.mark.parametrize(
    ("text", "pairs", "holds"),
    [
        ("web -> api allow", 1, True),  # one family is enough (D20)
        ("web -> api deny", 1, False),  # and one is too many
        ("fd00::1 -> api deny", 1, True),
        ("fd00::/64 -> api allow", 2, False),  # the web, and who else is there
        ("fd00::/64 -> four deny", 0, False),  # no family in common
        ("internet -> four allow", 1, True),  # IPv6 addresses are no pair with it
    ],
)
def test_families(text: str, pairs: int, holds: bool) -> None:
    outcome = judge_one(model_of(FAMILIES, namespace="shop"), text)
    assert (outcome.pairs, outcome.holds) == (pairs, holds)


def node(name: str, address: str) -> Object:
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status}


NODES = [
    pod("api", "10.244.1.2", nodeName="n1"),
    pod("agent", "192.168.0.1", nodeName="n1", hostNetwork=True),
    pod("other", "192.168.0.2", nodeName="n2", hostNetwork=True),
    node("n1", "192.168.0.1"),
    node("n2", "192.168.0.2"),
    policy("api", ingress("api")),
]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("agent -> api allow", True),  # a pod's own node is always let in (N17, D4)
        ("other -> api deny", True),
        ("node/n1 -> api allow", True),
        ("node/n2 -> api deny", True),
        ("192.168.0.0/24 -> api deny", False),
        ("192.168.0.2/32 -> api deny", True),
        ("shop/* -> api deny", False),
        ("internet -> agent allow", True),  # policies do not see pods of the host's network (D3)
    ],
)
def test_nodes(text: str, holds: bool) -> None:
    assert judge_one(model_of(NODES, namespace="shop"), text).holds is holds


def test_the_first_breaches_are_named_in_order_with_the_ports() -> None:
    outcome = judge_one(model_of(SHOP, namespace="shop"), "shop/* -> shop/* deny")
    named = [(b.source.name, b.destination.name, next(iter(b.ports.ranges()))[0]) for b in outcome.breaches]
    assert named == [
        ("shop/api", "shop/web", "SCTP"),
        ("shop/api", "shop/web-1", "SCTP"),
        ("shop/web", "shop/api", "TCP"),
        ("shop/web", "shop/web-1", "SCTP"),
        ("shop/web-1", "shop/api", "TCP"),
    ]
