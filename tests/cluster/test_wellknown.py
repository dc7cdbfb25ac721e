"""What the well-known sets stand for, from what an input holds."""

from __future__ import annotations

from typing import Any

import pytest

from podwall.cluster.wellknown import BUILT_IN, Definition, Members, WellKnown
from tests.truth.engine import model_of

Object = dict[str, Any]


def pod(namespace: str, name: str, labels: dict[str, str], *ports: Object) -> Object:
    meta = {"namespace": namespace, "name": name, "labels": labels}
    spec = {"containers": [{"name": "c", "ports": list(ports)}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def service(namespace: str, name: str, selector: dict[str, str] | None, *ports: Object) -> Object:
    spec: Object = {"ports": list(ports), **({"selector": selector} if selector else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": namespace, "name": name}, "spec": spec}


def slice_of(name: str, port: int, *addresses: str) -> Object:
    meta = {"namespace": "default", "name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}}
    endpoints = [{"addresses": [a]} for a in addresses]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta,
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "https", "port": port}],
    }


def node(name: str, address: str, **labels: str) -> Object:
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def known(*objects: Object) -> WellKnown:
    model = model_of(objects)
    return WellKnown(model.cluster, model.endpoints)


def seen(parts: tuple[Members, ...]) -> list[tuple[list[str], tuple[str, ...], tuple[str, ...] | None]]:
    return [([e.name for e in part.endpoints], part.cidrs, part.ports) for part in parts]


DNS_PORTS = ({"port": 53, "protocol": "UDP", "name": "dns", "targetPort": "dns"}, {"port": 53, "name": "dns-tcp"})
HTTPS = {"name": "https", "port": 443, "targetPort": 6443}


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ([pod("kube-system", "coredns-1", {"k8s-app": "kube-dns"})], [(["coredns-1"], ("53/UDP", "53/TCP"))]),
        ([pod("kube-system", "c", {"app.kubernetes.io/name": "coredns"})], [(["c"], ("53/UDP", "53/TCP"))]),
        ([pod("other", "coredns-1", {"k8s-app": "kube-dns"})], []),  # anyone may label a pod
        (
            [
                service("kube-system", "kube-dns", {"a": "b"}, *DNS_PORTS, {"port": 9153, "name": "metrics"}),
                pod("kube-system", "one", {"a": "b"}, {"name": "dns", "containerPort": 5353, "protocol": "UDP"}),
                pod("kube-system", "two", {"a": "c"}),
            ],
            [(["one"], ("5353/UDP", "53/TCP"))],
        ),
    ],
)
def test_dns(objects: list[Object], found: object) -> None:
    assert [(names, ports) for names, _, ports in seen(known(*objects).built_in("dns"))] == found


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        (
            [service("default", "kubernetes", None, HTTPS), slice_of("kubernetes", 6443, "192.0.2.10", "192.0.2.11")],
            [([], ("192.0.2.10/32", "192.0.2.11/32"), ("6443/TCP",))],
        ),
        (
            [
                service("default", "kubernetes", None, {**HTTPS, "targetPort": 8443}),
                node("a", "192.0.2.1"),
                pod("kube-system", "api", {"component": "kube-apiserver"}),
            ],
            [(["api"], (), ("8443/TCP",))],
        ),
        (
            [node("a", "192.0.2.1", **{"node-role.kubernetes.io/control-plane": ""}), node("b", "192.0.2.2")],
            [([], ("192.0.2.1/32",), ("6443/TCP",))],
        ),
        ([node("b", "192.0.2.2")], []),
    ],
)
def test_apiserver(objects: list[Object], found: object) -> None:
    assert seen(known(*objects).built_in("apiserver")) == found


@pytest.mark.parametrize(
    ("labels", "name", "is_in"),
    [
        ({"app.kubernetes.io/name": "prometheus"}, "x", True),
        ({"app": "vmagent"}, "x", True),
        ({"app": "grafana"}, "x", False),
        ({}, "prometheus-k8s-0", True),
        ({}, "web", False),
    ],
)
def test_monitoring(labels: dict[str, str], name: str, is_in: bool) -> None:
    found = known(pod("any", name, labels), pod("any", "web-1", {"app": "web"})).built_in("monitoring")
    assert [names for names, _, _ in seen(found)] == ([[name]] if is_in else [])


def test_internet_is_what_is_not_private() -> None:
    (part,) = known(pod("a", "b", {})).built_in("internet")
    assert (part.cidrs, part.endpoints) == (("0.0.0.0/0", "::/0"), ())
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} <= set(part.excepts)
    assert not any(cidr.startswith(("192.0.2", "198.51.100", "203.0.113", "2001:db8")) for cidr in part.excepts)


def test_all_names_are_known_and_mean_nothing_in_an_empty_cluster_but_the_internet() -> None:
    empty = known(pod("a", "b", {}))
    assert [name for name in BUILT_IN if empty.built_in(name)] == ["internet"]


@pytest.mark.parametrize(
    ("definition", "names"),
    [
        (Definition(namespace="a"), ["x", "y"]),
        (Definition(pod_labels={"app": "x"}), ["x", "x"]),
        (Definition(namespace="b", pod_labels={"app": "x"}), ["x"]),
        (Definition(namespace_labels={"team": "red"}), ["x", "y"]),
        (Definition(namespace_labels={}), ["x", "y", "x"]),
        (Definition(cidrs=["10.0.0.0/8"]), []),
    ],
)
def test_definitions(definition: Definition, names: list[str]) -> None:
    a = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"team": "red"}}}
    found = known(a, pod("a", "x", {"app": "x"}), pod("a", "y", {}), pod("b", "x", {"app": "x"})).defined(definition)
    assert [e.name for part in found for e in part.endpoints] == names
    assert found[0].cidrs == tuple(definition.cidrs or ())
