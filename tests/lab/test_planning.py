"""From a cluster to a plan: who sits where, with which addresses, and what the engine says of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from podwall.engine.verdict import Connection
from podwall.errors import InputError
from podwall.lab.plan import Plan, PlannedNode, Seat, SeatKind, Translation
from podwall.lab.planning import DNS_CACHE, LabOptions, plan_of
from podwall.lab.seated import seated
from tests.lab.worlds import deployment, model, node, pod, policy, service
from tests.truth.vocabulary import Object

DUAL = ("10.244.0.0/16", "fd00:10:244::/64")


def planned(*objects: Object, cidrs: Sequence[str] = (), **options: Any) -> Plan:
    return plan_of(model(objects, cidrs), LabOptions(**options))


def seat(plan: Plan, name: str) -> Seat:
    return next(s for s in plan.seats if s.name == name)


def names(plan: Plan) -> list[str]:
    return [s.name for s in plan.seats if s.kind is not SeatKind.EXTERNAL]


@pytest.mark.parametrize(
    ("objects", "options", "expected"),
    [
        ([deployment("web")], {}, ["default/web", "node/node-1"]),
        ([deployment("web", replicas=0)], {}, ["default/web", "node/node-1"]),
        ([deployment("web")], {"replicas": 3}, ["default/web", "default/web-1", "default/web-2", "node/node-1"]),
        (
            [deployment("web"), deployment("web-1")],
            {"replicas": 2},
            ["default/web", "default/web-1", "default/web-1-1", "default/web-2", "node/node-1"],
        ),
        ([pod("web", "10.1.1.1")], {"replicas": 3}, ["default/web", "node/node-1"]),
        (
            [pod("web", "10.1.1.1"), deployment("web")],
            {},
            ["default/Deployment/web", "default/web", "node/node-1"],
        ),
        (
            [deployment("web"), deployment("web", kind="StatefulSet")],
            {},
            ["default/Deployment/web", "default/StatefulSet/web", "node/node-1"],
        ),
        ([deployment("web", hostNetwork=True)], {"replicas": 3}, ["default/web", "node/node-1"]),
        (
            [deployment("web", hostNetwork=True)],
            {"replicas": 3, "nodes": 2},
            ["default/web", "default/web-1", "node/node-1", "node/node-2"],
        ),
        ([deployment("web")], {"dns": True}, ["default/web", "kube-system/podwall-dns", "node/node-1"]),
        ([], {}, ["node/node-1"]),
    ],
)
def test_seats(objects: list[Object], options: dict[str, Any], expected: list[str]) -> None:
    assert names(planned(*objects, **options)) == expected


def test_a_replicas_seat_stands_for_its_workload_and_moves_no_address() -> None:
    alone, several = planned(deployment("web")), planned(deployment("web"), replicas=3)
    assert seat(several, "default/web").endpoint == seat(alone, "default/web").endpoint
    assert [s.stands_for for s in several.seats if s.kind is SeatKind.POD] == ["default/web"] * 3
    assert len({s.endpoint.addresses for s in several.seats if s.kind is SeatKind.POD}) == 3


def test_pods_keep_their_nodes_and_addresses() -> None:
    plan = planned(node("a", "192.168.7.1"), pod("web", "10.1.1.1", node="a"), pod("db", "10.1.1.2"), nodes=2)
    assert plan.nodes == (PlannedNode("a", ("192.168.7.1",)), PlannedNode("node-1", ("192.168.0.11",)))
    assert (seat(plan, "default/web").node, seat(plan, "default/web").endpoint.addresses) == ("a", ("10.1.1.1",))
    assert {s.node for s in plan.seats if s.kind is SeatKind.POD} <= {"a", "node-1"}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([node("a", "192.168.7.1", "192.168.7.2")], [("a", ("192.168.7.1", "192.168.7.2"))]),
        ([node("a", "fd00::7", "192.168.7.1")], [("a", ("192.168.7.1", "fd00::7"))]),
        ([node("a")], [("a", ("192.168.0.11",))]),
        ([pod("web", "10.1.1.1", node="b")], [("b", ("192.168.0.11",))]),
        ([pod("agent", "192.168.9.9", host=True)], [("192.168.9.9", ("192.168.9.9",))]),
        ([pod("agent", "192.168.9.9", node="c", host=True)], [("c", ("192.168.9.9",))]),
        ([node("a", "192.168.0.11"), node("b")], [("a", ("192.168.0.11",)), ("b", ("192.168.0.12",))]),
        ([pod("web", "192.168.0.11")], [("node-1", ("192.168.0.12",))]),
        ([pod("web", "fd00::1")], [("node-1", ("fd00:192:168::b",))]),
    ],
)
def test_nodes(objects: list[Object], expected: list[tuple[str, tuple[str, ...]]]) -> None:
    found = planned(*objects).nodes
    assert [(n.name, n.addresses) for n in found] == expected


def test_the_host_networks_seat_has_its_nodes_addresses_and_labels() -> None:
    plan = planned(node("a", "192.168.7.1", zone="x"), deployment("agent", hostNetwork=True))
    agent = seat(plan, "default/agent")
    assert (agent.kind, agent.node) == (SeatKind.HOST, "a")
    assert (agent.endpoint.addresses, agent.endpoint.host_labels) == (("192.168.7.1",), {"zone": "x"})
    assert not agent.endpoint.assumed


def test_two_pods_with_one_address_are_refused() -> None:
    with pytest.raises(InputError, match=r"default/a and default/b both have the address 10\.1\.1\.1"):
        planned(pod("a", "10.1.1.1"), pod("b", "10.1.1.1"))


def test_the_order_of_the_input_does_not_matter() -> None:
    objects = [
        *(deployment(n, ("http", 80)) for n in ("a", "b", "c")),
        service("a", 80, "http"),
        service("b", 80, 8080),
        node("n1", "192.168.7.1"),
        pod("x", "10.1.1.1", node="n2"),
        policy("p", podSelector={}, egress=[{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}]),
    ]
    first = planned(*objects, nodes=4, replicas=2, dns=True)
    for seed in range(5):
        random.Random(seed).shuffle(objects)
        assert planned(*objects, nodes=4, replicas=2, dns=True) == first


# Outside


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([], {"192.0.2.1": "0.0.0.0/0"}),
        (["203.0.113.0/24"], {"192.0.2.1": "0.0.0.0/1", "203.0.113.1": "203.0.113.0/24"}),
        (["203.0.113.7/32"], {"192.0.2.1": "0.0.0.0/1", "203.0.113.7": "203.0.113.7/32"}),
        (["127.0.0.0/8"], {"192.0.2.1": "0.0.0.0/2"}),  # nothing can be sent to a loopback address
        (["169.254.169.254/32"], {"192.0.2.1": "0.0.0.0/1", "169.254.169.254": "169.254.169.254/32"}),
        (["10.1.1.1/32"], {"192.0.2.1": "0.0.0.0/5"}),  # a pod has it
        (["10.1.1.0/30"], {"192.0.2.1": "0.0.0.0/5", "10.1.1.2": "10.1.1.0/30"}),
    ],
)
def test_external_addresses(blocks: list[str], expected: dict[str, str]) -> None:
    peers = [{"ipBlock": {"cidr": block}} for block in blocks]
    rules = [{"to": [peer]} for peer in peers]
    plan = planned(pod("web", "10.1.1.1"), policy("p", podSelector={}, policyTypes=["Egress"], egress=rules))
    assert {s.name: s.stands_for for s in plan.seats if s.kind is SeatKind.EXTERNAL} == expected


# Services


def test_services_lead_to_the_seats() -> None:
    plan = planned(
        deployment("web", ("http", 8080)),
        pod("old", "10.1.1.1", app="web"),
        service("web", 80, "http", clusterIP="10.96.3.4", externalIPs=["198.51.100.7"]),
        service("none", 81, 8081, clusterIP="10.96.3.5"),
        service("bare", 82, 8082),
        replicas=2,
    )
    targets = tuple((seat(plan, name).endpoint.addresses[0], 8080) for name in ("default/web", "default/web-1"))
    found = {(t.service, t.address): t for t in plan.translations}
    expected = Translation("default/web", "10.96.3.4", "TCP", 80, tuple(sorted(targets)))
    assert found["default/web", "10.96.3.4"] == expected  # the old Pod has no port of that name
    assert found["default/web", "198.51.100.7"].targets == expected.targets
    assert found["default/none", "10.96.3.5"].targets == ()
    (bare,) = (t for t in plan.translations if t.service == "default/bare")
    assert bare.address.startswith("10.96.")


def test_slices_lead_to_addresses_outside_too() -> None:
    slices = {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": "s", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4",
        "ports": [{"port": 5432}],
        "endpoints": [{"addresses": ["192.0.2.77"]}],
    }
    plan = planned(pod("web", "10.1.1.1"), service("db", 5432, 5432, selector=None, clusterIP="10.96.3.4"), slices)
    assert plan.translations == (Translation("default/db", "10.96.3.4", "TCP", 5432, (("192.0.2.77", 5432),)),)
    assert seat(plan, "192.0.2.77").kind is SeatKind.EXTERNAL


def test_names() -> None:
    plan = planned(
        deployment("db", kind="StatefulSet"),
        service("db", 80, 80, clusterIP="None"),
        service("web", 80, 80, clusterIP="10.96.3.4", externalIPs=["198.51.100.7"]),
        replicas=2,
    )
    first, second = (seat(plan, name).endpoint.addresses for name in ("default/db", "default/db-1"))
    assert dict(plan.names) == {
        "db.default.svc.cluster.local": tuple(sorted(first + second)),
        "db-0.db.default.svc.cluster.local": first,
        "db-1.db.default.svc.cluster.local": second,
        "web.default.svc.cluster.local": ("10.96.3.4",),
    }


def test_the_dns_of_the_input_is_the_labs() -> None:
    coredns = deployment("coredns")
    coredns["metadata"]["namespace"] = "kube-system"
    coredns["spec"]["template"]["metadata"]["labels"] = {"k8s-app": "kube-dns"}
    plan = planned(coredns, deployment("web"), dns=True)
    assert plan.dns == ("kube-system/coredns",)
    assert {(t.address, t.protocol, t.port) for t in plan.translations} == {
        ("10.96.0.10", "TCP", 53),
        ("10.96.0.10", "UDP", 53),
    }
    assert plan.dns_cache == ""


def test_a_cache_brings_dns() -> None:
    plan = planned(deployment("web"), dns_cache=True)
    assert (plan.dns, plan.dns_cache) == (("kube-system/podwall-dns",), DNS_CACHE)
    assert planned(deployment("web")).dns == ()


# The engine's view


def test_verdicts_are_about_the_seats() -> None:
    objects = [
        deployment("web"),
        deployment("agent", hostNetwork=True),
        policy("closed", podSelector={"matchLabels": {"app": "web"}}, policyTypes=["Ingress"]),
    ]
    built = model(objects, DUAL)
    plan = plan_of(built, LabOptions(nodes=2, replicas=2))
    found = seated(built, plan)
    web = found.ends["default/web"]

    def allowed(source: str) -> bool:
        return found.judge.verdict(Connection(found.ends[source], web, "TCP", 80, 4)).allowed

    own = f"node/{seat(plan, 'default/web').node}"
    other = next(f"node/{n.name}" for n in plan.nodes if f"node/{n.name}" != own)
    agent = next(s.name for s in plan.seats if s.stands_for == "default/agent" and f"node/{s.node}" == own)
    expected = {"default/web": True, "default/web-1": False, own: True, other: False, agent: True}
    assert {name: allowed(name) for name in expected} == expected
    assert set(found.ends) == {s.name for s in plan.seats}
    assert sum(1 for _ in found.index.endpoints()) == 4
