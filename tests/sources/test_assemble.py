"""Objects → a cluster: namespaces given, duplicates settled, invalid objects taken out, in any order the same."""

from __future__ import annotations

import itertools

import pytest

from podwall.cluster.objects import kind_of, name_of
from podwall.sources.files import Text
from tests.sources.reading import Reading, read


def pod(name: str, namespace: str = "", **labels: str) -> str:
    home = f", namespace: {namespace}" if namespace else ""
    listed = ", ".join(f"{key}: {value}" for key, value in labels.items())
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}{home}, labels: {{{listed}}}}}\n"


def held(found: Reading) -> dict[str, list[str]]:
    """What each namespace holds."""
    out = {}
    for name, bucket in found.assembled.cluster.namespaces.items():
        parts = (bucket.pods, bucket.workloads, bucket.services, bucket.slices, bucket.policies)
        out[name] = [f"{kind_of(o.object)} {name_of(o.object.metadata)}" for part in parts for o in part]
    return out


def joined(*documents: str) -> str:
    return "---\n".join(documents)


NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n"


def test_namespaces() -> None:
    found = Reading(
        Text("f", joined(pod("a"), pod("b", "shop"), pod("c", "other"), NAMESPACE).encode()), namespace="ns"
    )
    assert held(found) == {"ns": ["Pod a"], "other": ["Pod c"], "shop": ["Pod b"]}
    assert found.assembled.undeclared == ("ns", "other")
    labels = {name: bucket.labels for name, bucket in found.assembled.cluster.namespaces.items()}
    assert labels["shop"] == {"team": "a", "kubernetes.io/metadata.name": "shop"}
    assert labels["other"] == {"kubernetes.io/metadata.name": "other"}


def test_every_kind_has_its_place() -> None:
    kinds = {
        "apps/v1": ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
        "batch/v1": ["CronJob", "Job"],
        "v1": ["Namespace", "Node", "Pod", "ReplicationController", "Service"],
        "discovery.k8s.io/v1": ["EndpointSlice"],
        "networking.k8s.io/v1": ["NetworkPolicy"],
    }
    found = read(
        joined(*(f"apiVersion: {v}\nkind: {k}\nmetadata: {{name: x}}\n" for v, listed in kinds.items() for k in listed))
    )
    assert found.mistakes() == []
    workloads = ["CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"]
    assert held(found)["default"] == [
        f"{kind} x" for kind in ["Pod", *workloads, "Service", "EndpointSlice", "NetworkPolicy"]
    ]
    assert [name_of(node.object.metadata) for node in found.assembled.cluster.nodes] == ["x"]


# ----------------------------------------------------------------------------------------------------- duplicates
def test_identical_objects_count_once() -> None:
    found = read(joined(pod("a", app="web"), pod("a", app="web"), pod("a", "default", app="web")))
    assert (held(found), found.mistakes()) == ({"default": ["Pod a"]}, [])


def test_one_name_in_two_namespaces_or_kinds_is_no_duplicate() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
    found = read(joined(pod("a", app="web"), pod("a", "other", app="db"), service))
    assert (held(found), found.mistakes()) == ({"default": ["Pod a", "Service a"], "other": ["Pod a"]}, [])


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_different_objects_of_one_name_are_a_mistake_of_the_later_ones(order: tuple[int, ...]) -> None:
    """In whatever order they are read: "later" is by name of the file and by line."""
    data = [
        ("a.yaml", "# one\n" + pod("a", app="web")),
        ("b.yaml", pod("a", app="db")),
        ("c.yaml", pod("a", app="web")),
    ]
    texts = [Text(name, text.encode()) for name, text in [*data, ("d.yaml", pod("a", app="api"))]]
    found = Reading(*(texts[n] for n in order))
    message = "differs from another Pod default/a; keep one of the two"
    assert found.mistakes() == [("b.yaml:1", "", message), ("d.yaml:1", "", message)]
    others = [m.other for m in found.assembled.mistakes]
    assert [found.positions.where(other) for other in others if other] == ["a.yaml:2", "a.yaml:2"]
    assert held(found) == {"default": ["Pod a"]}
    assert found.assembled.cluster.namespaces["default"].pods[0].origin.source == "a.yaml"


# -------------------------------------------------------------------------------------------------- invalid objects
INVALID = [
    ("v1", "Pod", "metadata: {name: A_b}", "metadata.name"),
    ("v1", "Pod", "metadata: {}", "metadata.name"),
    ("v1", "Pod", "metadata: {name: a, namespace: X}", "metadata.namespace"),
    ("v1", "Namespace", "metadata: {name: a.b}", "metadata.name"),
    ("apps/v1", "Deployment", "metadata: {name: a, labels: {'a b': c}}", "metadata.labels"),
    ("v1", "Pod", "metadata: {name: a}\nstatus: {podIP: 10.0.0}", "status"),
    ("v1", "Pod", "metadata: {name: a}\nstatus: {podIPs: [{ip: 10.0.0.1}, {ip: x}]}", "status"),
    ("v1", "Pod", "metadata: {name: a}\nstatus: {hostIP: 300.0.0.1}", "status"),
    ("v1", "Node", "metadata: {name: a}\nstatus: {addresses: [{type: InternalIP, address: x}]}", "status"),
    ("v1", "Service", "metadata: {name: a}\nspec: {clusterIP: 10.0.0.0.1}", "status"),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "metadata: {name: a}\naddressType: IPv4\nendpoints: [{addresses: [x]}]",
        "status",
    ),
    ("networking.k8s.io/v1", "NetworkPolicy", "metadata: {name: a}\nspec: {ingress: [{from: [{}]}]}", "spec"),
]


@pytest.mark.parametrize(("version", "kind", "rest", "path"), INVALID)
def test_an_invalid_object_is_left_out(version: str, kind: str, rest: str, path: str) -> None:
    found = read(joined(pod("good"), f"apiVersion: {version}\nkind: {kind}\n{rest}\n"))
    assert held(found) == {"default": ["Pod good"]}
    assert found.assembled.cluster.nodes == ()
    (said,) = found.mistakes()
    assert said[1].startswith(path)


VALID = [
    ("v1", "Node", "metadata: {name: a}\nstatus: {addresses: [{type: Hostname, address: x}]}"),
    ("v1", "Service", "metadata: {name: a}\nspec: {clusterIP: None}"),
    ("v1", "Service", "metadata: {name: a}\nspec: {type: ExternalName, externalName: example.com}"),
    ("v1", "Pod", "metadata: {generateName: a-}\nstatus: {podIP: '', podIPs: []}"),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "metadata: {name: a}\naddressType: FQDN\nendpoints: [{addresses: [example.com]}]",
    ),
]


@pytest.mark.parametrize(("version", "kind", "rest"), VALID)
def test_what_is_no_address_may_stand_where_none_is_wanted(version: str, kind: str, rest: str) -> None:
    assert read(f"apiVersion: {version}\nkind: {kind}\n{rest}\n").mistakes() == []


def test_host_bits_are_a_warning() -> None:
    found = read(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a}\n"
        "spec:\n  egress:\n  - to:\n    - ipBlock:\n        cidr: 10.0.0.1/8\n"
    )
    assert held(found) == {"default": ["NetworkPolicy a"]}
    assert found.mistakes() == []
    ((where, path, message),) = found.warnings()
    assert (where, path) == ("f.yaml:8", "spec.egress[0].to[0].ipBlock.cidr")
    assert "write 10.0.0.0/8" in message


# ----------------------------------------------------------------------------------------------------------- order
def test_the_order_of_objects_and_files_changes_nothing() -> None:
    documents = [pod(name, space) for name in "abc" for space in ("", "x", "y")] + [NAMESPACE]
    expected = held(read(joined(*documents)))
    assert list(expected) == sorted(expected)
    for shift in range(len(documents)):
        turned = documents[shift:] + documents[:shift]
        assert held(read(joined(*turned))) == expected
        texts = [Text(f"{n}.yaml", text.encode()) for n, text in enumerate(turned)]
        assert held(Reading(*texts)) == expected
        assert list(held(Reading(*texts))) == list(expected)
