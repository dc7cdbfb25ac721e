"""What stands on a map: who is shown, under which name, and how the addresses outside are cut."""

from __future__ import annotations

import random

import pytest

from podwall.engine.connections import Edge, edges, externals_of
from podwall.engine.model import Model
from podwall.engine.rules import Direction
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, NO_PORTS, AddrSet, PortSet
from tests.truth.clusters import random_cluster
from tests.truth.engine import model_of
from tests.truth.vocabulary import Object


def pod(name: str, *addresses: str, owner: str = "", **labels: str) -> Object:
    meta: Object = {"namespace": "x", "name": name, "labels": {"app": name, **labels}}
    if owner:
        kind, _, of = owner.partition("/")
        meta["ownerReferences"] = [{"kind": kind, "name": of, "controller": True}]
    status = {"phase": "Running", "podIPs": [{"ip": a} for a in addresses]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": []}, "status": status}


def workload(kind: str, name: str, **spec: object) -> Object:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}
    made = {"template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"namespace": "x", "name": name}, "spec": made}


def policy(name: str, **spec: object) -> Object:
    meta = {"namespace": "x", "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def selects(**labels: str) -> Object:
    return {"podSelector": {"matchLabels": labels}}


def block(cidr: str) -> Object:
    return {"ipBlock": {"cidr": cidr}}


def edges_of(model: Model) -> dict[tuple[str, str], Edge]:
    found = edges(model.reach, model.groups(model.reach), model.judge)
    return {(e.src, e.dst): e for e in found}


def names(model: Model) -> list[str]:
    return [g.name for g in model.groups(model.reach)]


# External addresses


def test_a_rule_without_effect_does_not_shift_the_external_sets() -> None:
    model = model_of(
        [
            pod("web", "10.244.0.1"),
            policy("nobody", **selects(app="none"), policyTypes=["Egress"], egress=[{"to": [block("10.9.0.0/16")]}]),
            policy("web", **selects(app="web"), policyTypes=["Egress"], egress=[{"to": [block("203.0.113.0/24")]}]),
        ]
    )
    assert [dst for src, dst in edges_of(model) if src == "x/web"] == ["203.0.113.0/24"]
    (cell,) = [c for c in externals_of(model.reach) if c.name == "203.0.113.0/24"]
    assert cell.addresses.cidrs() == ["203.0.113.0/24"]


@pytest.mark.parametrize("seed", range(40))
def test_external_sets_are_all_addresses_once(seed: int) -> None:
    model = model_of(random_cluster(random.Random(seed)))
    families = {6 if ":" in a else 4 for e in model.endpoints for a in e.addresses}
    union = NO_ADDRESSES
    for cell in externals_of(model.reach):
        assert cell.name == cell.addresses.cidrs()[0]
        assert not cell.addresses & union
        union |= cell.addresses
    everything = NO_ADDRESSES
    for family in families:
        everything |= AddrSet.of("0.0.0.0/0" if family == 4 else "::/0")
    assert union == everything


@pytest.mark.parametrize("seed", range(40))
def test_classes_are_what_rules_tell_apart_inside(seed: int) -> None:
    model = model_of(random_cluster(random.Random(seed)))
    assert model.counts().classes == len({g.atom for g in model.groups(model.reach)})


def test_two_external_ends_are_no_pair() -> None:
    model = model_of(
        [pod("web", "10.244.0.1"), policy("web", podSelector={}, ingress=[{"from": [block("10.0.0.0/8")]}])]
    )
    outside = {c.name for c in externals_of(model.reach)}
    assert len(outside) == 2
    assert not [pair for pair in edges_of(model) if {*pair} <= outside]


# Families and ports


def test_an_edge_has_the_families_that_both_ends_have() -> None:
    model = model_of(
        [
            pod("both", "10.244.0.1", "fd00::1"),
            pod("four", "10.244.0.2"),
            pod("six", "fd00::3"),
            pod("also", "10.244.0.4", "fd00::4"),
            policy("also", **selects(app="also"), ingress=[{"from": [block("::/0")], "ports": [{"port": 80}]}]),
        ]
    )
    found = edges_of(model)
    assert found["x/both", "x/four"].ports == {4: ALL_PORTS}
    assert found["x/six", "x/both"].ports == {6: ALL_PORTS}
    assert found["x/both", "x/also"].ports == {4: NO_PORTS, 6: PortSet.of("TCP", 80)}
    assert ("x/four", "x/six") not in found
    assert ("x/four", "x/also") not in found


# Names and groups


def test_pods_of_one_controller_are_one_until_a_rule_tells_them_apart() -> None:
    replicas = [pod(f"web-{i}", f"10.244.0.{i}", owner="StatefulSet/web", app="web", role=str(i)) for i in range(3)]
    assert names(model_of(replicas)) == ["x/web"]
    told = policy("leader", **selects(role="0"), ingress=[{}])
    assert names(model_of([*replicas, told])) == ["x/web", "x/web-0"]
    blocked = policy("block", podSelector={}, ingress=[{"from": [block("10.244.0.2/32")]}])
    assert names(model_of([*replicas, blocked])) == ["x/web", "x/web-2"]


def test_of_equal_classes_the_one_with_the_first_pod_keeps_the_name() -> None:
    replicas = [pod(f"web-{i}", f"10.244.0.{i}", owner="StatefulSet/web", role=str(i % 2)) for i in range(4)]
    told = policy("odd", **selects(role="1"), ingress=[{}])
    groups = {g.name: g.pods for g in model_of([*replicas, told]).groups(model_of([*replicas, told]).reach)}
    assert groups == {"x/web": 2, "x/web-1": 1, "x/web-3": 1}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([workload("Deployment", "web"), workload("StatefulSet", "web")], ["x/Deployment/web", "x/StatefulSet/web"]),
        ([workload("Deployment", "web"), pod("web", "10.244.0.1")], ["x/Deployment/web", "x/web"]),
        ([workload("Deployment", "web"), workload("StatefulSet", "db")], ["x/db", "x/web"]),
    ],
)
def test_where_names_collide_the_kind_is_said(objects: list[Object], expected: list[str]) -> None:
    assert names(model_of(objects)) == expected


def test_labels_of_a_group_are_those_that_all_share() -> None:
    replicas = [pod(f"web-{i}", f"10.244.0.{i}", owner="StatefulSet/web", app="web", index=str(i)) for i in range(2)]
    (group,) = model_of(replicas).groups(model_of(replicas).reach)
    assert (group.labels, group.pods, group.many) == ({"app": "web"}, 2, True)


@pytest.mark.parametrize(
    ("objects", "has_self_pair"),
    [
        ([pod("web", "10.244.0.1")], False),
        ([workload("Deployment", "web")], False),
        ([workload("Deployment", "web", replicas=0)], True),
        ([workload("Deployment", "web", replicas=3)], True),
        ([workload("DaemonSet", "web")], True),
        ([pod(f"web-{i}", f"10.244.0.{i}", owner="StatefulSet/web") for i in range(2)], True),
        ([pod("web-0", "10.244.0.1", owner="StatefulSet/web")], False),
        ([pod("web-0", "10.244.0.1", owner="StatefulSet/web"), workload("StatefulSet", "web", replicas=3)], True),
    ],
)
def test_self_pair_means_two_replicas(objects: list[Object], has_self_pair: bool) -> None:
    assert (("x/web", "x/web") in edges_of(model_of(objects))) is has_self_pair


# Reasons


def test_reasons_are_the_policies_that_permit() -> None:
    model = model_of(
        [
            pod("web", "10.244.0.1"),
            pod("db", "10.244.0.2"),
            policy("deny", podSelector={}, policyTypes=["Ingress"]),
            policy("any", **selects(app="db"), ingress=[{"from": [selects(app="web")]}]),
            policy("other", **selects(app="db"), ingress=[{"from": [selects(app="none")]}]),
            policy("port", **selects(app="db"), ingress=[{"ports": [{"port": 80}]}]),
        ]
    )
    edge = edges_of(model)["x/web", "x/db"]
    assert edge.egress_by is None
    assert edge.ingress_by is not None
    assert [rule.policy.name for rule in edge.ingress_by] == ["any", "port"]
    assert ("x/db", "x/web") not in edges_of(model)


def test_isolation_of_endpoints() -> None:
    model = model_of([pod("web", "10.244.0.1"), pod("db", "10.244.0.2"), policy("db", **selects(app="db"))])
    said = {
        g.name: {d.value: bool(model.reach.isolated[d] >> g.atom & 1) for d in Direction}
        for g in model.groups(model.reach)
    }
    assert said == {"x/web": {"egress": False, "ingress": False}, "x/db": {"egress": False, "ingress": True}}


def test_no_endpoint_is_an_empty_map() -> None:
    model = model_of([policy("deny", podSelector={})])
    assert edges_of(model) == {}
    assert names(model) == []
