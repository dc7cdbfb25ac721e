"""Pods and templates as endpoints: who stands for whom, chains of controllers, ports, host network (interface.md)."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from podwall.cluster.endpoints import Controller, Endpoint, PortName, endpoints_of
from podwall.cluster.objects import Cluster
from tests.truth.engine import as_json, read_text
from tests.truth.vocabulary import Object

GROUPS = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1", "ReplicationController": "v1"}


def made(kind: str, name: str, owner: str = "", **rest: object) -> Object:
    """An object; `owner` is the `Kind/name` of its controller."""
    meta: Object = {"namespace": "x", "name": name}
    if owner:
        of, _, called = owner.partition("/")
        meta["ownerReferences"] = [{"kind": of, "name": called, "controller": True}]
    return {"apiVersion": GROUPS.get(kind, "apps/v1"), "kind": kind, "metadata": meta, **rest}


def pod(name: str, owner: str = "", phase: str = "Running", **labels: str) -> Object:
    one = made("Pod", name, owner, spec={}, status={"phase": phase})
    one["metadata"]["labels"] = labels
    return one


def cluster(objects: Sequence[Object]) -> Cluster:
    return read_text(as_json(objects)).assembled.cluster


def endpoints(*objects: Object) -> list[Endpoint]:
    return sorted(endpoints_of(cluster(objects)), key=lambda e: (e.kind, e.name))


def named(*objects: Object) -> list[str]:
    return [f"{e.kind}/{e.name}" for e in endpoints(*objects)]


def controller(*objects: Object) -> str:
    """The controller of the only Pod."""
    (one,) = (e for e in endpoints(*objects) if e.kind == "Pod")
    return f"{one.controller.kind}/{one.controller.name}" if one.controller else ""


# Controllers


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([pod("web")], ""),
        ([pod("web-0", "StatefulSet/web")], "StatefulSet/web"),
        ([pod("agent-abcde", "DaemonSet/agent")], "DaemonSet/agent"),
        # A static Pod belongs to its node, which is no workload.
        ([pod("etcd-n1", "Node/n1")], ""),
        # A ReplicaSet that is in the input knows its Deployment, in the input or not.
        ([pod("p", "ReplicaSet/web-1"), made("ReplicaSet", "web-1", "Deployment/web")], "Deployment/web"),
        ([pod("p", "ReplicaSet/web-1"), made("ReplicaSet", "web-1")], "ReplicaSet/web-1"),
        ([pod("p", "ReplicaSet/web-5d4f9c6b5d"), made("ReplicaSet", "web-5d4f9c6b5d")], "ReplicaSet/web-5d4f9c6b5d"),
        # A ReplicaSet that is not is cut where its suffix is the template's hash, or looks like one.
        ([pod("p", "ReplicaSet/web-1", **{"pod-template-hash": "1"})], "Deployment/web"),
        ([pod("p", "ReplicaSet/web-1", **{"pod-template-hash": "2"})], "ReplicaSet/web-1"),
        ([pod("p", "ReplicaSet/web-5d4f9c6b5d")], "Deployment/web"),
        ([pod("p", "ReplicaSet/web-5d4f9c6b5d-bcdfgh")], "Deployment/web-5d4f9c6b5d"),
        ([pod("p", "ReplicaSet/bcdfgh")], "ReplicaSet/bcdfgh"),
        ([pod("p", "ReplicaSet/-bcdfgh")], "ReplicaSet/-bcdfgh"),
        ([pod("p", "ReplicaSet/web-bcdfg")], "ReplicaSet/web-bcdfg"),
        ([pod("p", "ReplicaSet/web-bcdfghjklmn")], "ReplicaSet/web-bcdfghjklmn"),
        # Vowels and 0, 1, 3 are not in a hash.
        ([pod("p", "ReplicaSet/web-canary")], "ReplicaSet/web-canary"),
        ([pod("p", "ReplicaSet/web-100000")], "ReplicaSet/web-100000"),
        # Only a ReplicaSet's name is made so.
        ([pod("p", "StatefulSet/web-5d4f9c6b5d")], "StatefulSet/web-5d4f9c6b5d"),
        # CronJob → Job → Pod.
        (
            [pod("p", "Job/backup-29"), made("Job", "backup-29", "CronJob/backup"), made("CronJob", "backup")],
            "CronJob/backup",
        ),
        ([pod("p", "Job/backup-29"), made("Job", "backup-29", "CronJob/backup")], "CronJob/backup"),
        ([pod("p", "Job/backup-29")], "Job/backup-29"),
        # Controllers beyond the kinds that are read.
        ([pod("p", "Rollout/web")], "Rollout/web"),
        ([pod("p", "ReplicaSet/web-1"), made("ReplicaSet", "web-1", "Rollout/web")], "Rollout/web"),
    ],
)
def test_controller_is_the_topmost_that_is_known(objects: list[Object], expected: str) -> None:
    assert controller(*objects) == expected


def test_an_owner_that_does_not_control_is_none() -> None:
    one = pod("p")
    one["metadata"]["ownerReferences"] = [
        {"kind": "Lease", "name": "l"},
        {"kind": "StatefulSet", "name": "old", "controller": False},
        {"kind": "StatefulSet", "name": "web", "controller": True},
    ]
    assert controller(one) == "StatefulSet/web"


@pytest.mark.parametrize(
    ("circle", "expected"),
    [
        ([made("ReplicaSet", "a", "ReplicaSet/a")], "ReplicaSet/a"),
        ([made("ReplicaSet", "a", "Deployment/b"), made("Deployment", "b", "ReplicaSet/a")], "Deployment/b"),
    ],
)
def test_owners_in_a_circle_end_somewhere(circle: list[Object], expected: str) -> None:
    assert controller(*circle, pod("p", "ReplicaSet/a")) == expected
    assert controller(pod("p", "ReplicaSet/a"), *circle[::-1]) == expected
    assert named(*circle) == [expected]


def test_controllers_are_of_the_same_namespace() -> None:
    far = made("ReplicaSet", "web-1", "Deployment/web")
    far["metadata"]["namespace"] = "far"
    assert controller(pod("p", "ReplicaSet/web-1"), far) == "ReplicaSet/web-1"


# Workloads that stand for themselves


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([made("Deployment", "web")], ["Deployment/web"]),
        ([made("Deployment", "web", spec={"replicas": 0})], ["Deployment/web"]),
        ([made("Deployment", "web"), pod("p", "ReplicaSet/web-5d4f9c6b5d")], ["Pod/p"]),
        ([made("Deployment", "web"), pod("p", "ReplicaSet/other-5d4f9c6b5d")], ["Deployment/web", "Pod/p"]),
        # A finished Pod does not stand for its workload, and is no endpoint (D10).
        ([made("Job", "once"), pod("p", "Job/once", "Succeeded")], ["Job/once"]),
        ([made("Job", "once"), pod("p", "Job/once", "Failed"), pod("q", "Job/once")], ["Pod/q"]),
        ([pod("p", phase="Failed"), pod("q", phase="Pending"), pod("r", phase="Unknown")], ["Pod/q", "Pod/r"]),
        # A Job of a CronJob is the CronJob; a finished Pod of it changes nothing.
        ([made("CronJob", "c"), made("Job", "c-1", "CronJob/c"), pod("p", "Job/c-1", "Succeeded")], ["CronJob/c"]),
        ([made("CronJob", "c"), made("Job", "c-1", "CronJob/c"), pod("p", "Job/c-1")], ["Pod/p"]),
        # Old ReplicaSets are the Deployment that they belong to.
        (
            [
                made("Deployment", "web"),
                made("ReplicaSet", "web-1", "Deployment/web", spec={"replicas": 0}),
                made("ReplicaSet", "web-2", "Deployment/web", spec={"replicas": 2}),
            ],
            ["Deployment/web"],
        ),
        ([made("ReplicaSet", "web-1", "Deployment/web")], ["Deployment/web"]),
        ([made("ReplicationController", "web")], ["ReplicationController/web"]),
        ([made("Deployment", "web"), made("StatefulSet", "web")], ["Deployment/web", "StatefulSet/web"]),
    ],
)
def test_a_workload_stands_for_pods_that_are_not_there(objects: list[Object], expected: list[str]) -> None:
    assert named(*objects) == expected
    assert named(*objects[::-1]) == expected


def test_without_the_deployment_the_larger_replica_set_stands_for_it() -> None:
    template = {"metadata": {"labels": {"version": "new"}}}
    old = made("ReplicaSet", "web-1", "Deployment/web", spec={"replicas": 0})
    new = made("ReplicaSet", "web-2", "Deployment/web", spec={"replicas": 2, "template": template})
    for objects in ((old, new), (new, old)):
        (one,) = endpoints(*objects)
        assert (one.kind, one.name, one.labels, one.replicas) == ("Deployment", "web", {"version": "new"}, 2)


@pytest.mark.parametrize(
    ("kind", "spec", "replicas", "many"),
    [
        ("Deployment", {}, 1, False),
        ("Deployment", {"replicas": None}, 1, False),
        ("Deployment", {"replicas": 1}, 1, False),
        ("Deployment", {"replicas": 0}, 0, True),
        ("StatefulSet", {"replicas": 3}, 3, True),
        ("DaemonSet", {}, 0, True),
        ("Job", {"parallelism": 4}, 4, True),
        ("Job", {"replicas": 4}, 1, False),
        ("CronJob", {"jobTemplate": {"spec": {"parallelism": 2}}}, 2, True),
        ("CronJob", {}, 1, False),
    ],
)
def test_replicas(kind: str, spec: Object, replicas: int, many: bool) -> None:
    (one,) = endpoints(made(kind, "w", spec=spec))
    assert (one.replicas, one.many) == (replicas, many)
    own = pod("p", f"{kind}/w")
    (one,) = endpoints(own, made(kind, "w", spec=spec))
    assert (one.kind, one.many) == ("Pod", many)


def test_a_template_gives_labels_ports_and_host_network() -> None:
    spec = {"containers": [{"ports": [{"name": "http", "containerPort": 80}]}], "hostNetwork": True}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    for kind, outer in (
        ("Deployment", {"template": template}),
        ("CronJob", {"jobTemplate": {"spec": {"template": template}}}),
    ):
        (one,) = endpoints(made(kind, "w", spec=outer))
        assert one.labels == {"app": "web"}
        assert one.ports == (PortName("http", "TCP", 80),)
        assert one.host_network
        assert one.controller == Controller(kind, "w")


@pytest.mark.parametrize("spec", [None, {}, {"template": None}, {"template": {}}, {"template": {"spec": None}}])
def test_an_empty_workload_is_an_endpoint(spec: object) -> None:
    (one,) = endpoints(made("Deployment", "w", spec=spec))
    assert (one.labels, one.ports, one.addresses, one.host_network) == ({}, (), (), False)


# Ports


def test_ports_of_containers_and_sidecars() -> None:
    one = pod("p")
    one["spec"] = {
        "containers": [
            {
                "ports": [
                    {"name": "http", "containerPort": 8080},
                    {"containerPort": 9},
                    {"name": "", "containerPort": 8},
                ]
            },
            {"ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
            {"ports": None},
            {"ports": [{"name": "http", "containerPort": 80}, {"name": "http", "containerPort": 8080}]},
        ],
        "initContainers": [
            {"ports": [{"name": "setup", "containerPort": 1}]},
            {"ports": [{"name": "proxy", "containerPort": 2, "protocol": "SCTP"}], "restartPolicy": "Always"},
        ],
    }
    (endpoint,) = endpoints(one)
    assert endpoint.ports == (
        PortName("http", "TCP", 8080),
        PortName("dns", "UDP", 53),
        PortName("http", "TCP", 80),
        PortName("proxy", "SCTP", 2),
    )


# Addresses and nodes


@pytest.mark.parametrize(
    ("status", "addresses"),
    [
        ({}, ()),
        ({"podIP": "10.0.0.1"}, ("10.0.0.1",)),
        ({"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}, ("10.0.0.1",)),
        ({"podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}]}, ("10.0.0.1", "fd00::1")),
        ({"podIP": "10.0.0.1", "podIPs": []}, ("10.0.0.1",)),
        ({"podIP": "", "podIPs": [{"ip": ""}]}, ()),
        ({"hostIP": "192.168.0.1"}, ()),
    ],
)
def test_addresses_of_a_pod(status: Object, addresses: tuple[str, ...]) -> None:
    (one,) = endpoints(made("Pod", "p", status=status))
    assert one.addresses == addresses


@pytest.mark.parametrize(
    ("status", "addresses"),
    [
        ({"podIP": "192.168.0.1"}, ("192.168.0.1",)),
        ({"hostIP": "192.168.0.1"}, ("192.168.0.1",)),
        ({"hostIP": "192.168.0.1", "hostIPs": [{"ip": "fd00::1"}, {"ip": "192.168.0.1"}]}, ("192.168.0.1", "fd00::1")),
        ({}, ()),
    ],
)
def test_a_host_network_pod_has_the_addresses_of_its_node(status: Object, addresses: tuple[str, ...]) -> None:
    (one,) = endpoints(made("Pod", "p", spec={"hostNetwork": True}, status=status))
    assert (one.host_network, one.addresses) == (True, addresses)


@pytest.mark.parametrize(
    ("spec", "status", "node"),
    [
        ({"nodeName": "n1"}, {"hostIP": "192.168.0.1"}, "n1"),
        ({}, {"hostIP": "192.168.0.1"}, "192.168.0.1"),
        ({}, {}, None),
    ],
)
def test_node_of_a_pod(spec: Object, status: Object, node: str | None) -> None:
    (one,) = endpoints(made("Pod", "p", spec=spec, status=status))
    assert one.node == node


@pytest.mark.parametrize("parts", [{}, {"spec": None, "status": None}])
def test_a_pod_of_nothing_is_an_endpoint(parts: Object) -> None:
    (one,) = endpoints(made("Pod", "p", **parts))
    assert (one.labels, one.addresses, one.ports, one.node, one.controller) == ({}, (), (), None, None)
