"""A cluster as teams run it, and questions about its pods."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import count
from random import Random

import msgspec

from benchmarks.generate.cluster_policies import cluster_policies
from benchmarks.generate.objects import (
    Object,
    Workload,
    filled,
    make_namespace,
    make_pod,
    make_policy,
    namespace_name,
    pod_name,
    pods_in,
)

__all__ = ["Shape", "queries", "shape"]

INFRASTRUCTURE = 3  # pods that are no application: two of DNS, one Prometheus
TIERS = ("frontend", "backend", "cache", "worker")
OWNERS = ("amber", "cobalt", "jade")


class Shape(msgspec.Struct, frozen=True):
    """The numbers of a `shape`. `pods` counts every Pod object; `replicas` pods share an owner and a label set;
    `cluster_policies` come on top of the namespaces' own.
    """

    pods: int
    policies_per_ns: int = 8
    pods_per_ns: int = 20
    replicas: int = 1
    cluster_policies: int = 0
    seed: int = 1
    full: bool = False

    def __post_init__(self) -> None:
        if self.pods <= INFRASTRUCTURE or min(self.pods_per_ns, self.replicas) < 1 or self.policies_per_ns < 0:
            raise ValueError(f"pods must exceed {INFRASTRUCTURE}; pods_per_ns and replicas must be positive")

    @property
    def namespaces(self) -> int:
        """Namespaces with an application in them; the last may be smaller."""
        return -(-(self.pods - INFRASTRUCTURE) // self.pods_per_ns)

    def pods_of(self, namespace: int) -> int:
        """How many pods the namespace of this number has."""
        return min(self.pods_per_ns, self.pods - INFRASTRUCTURE - namespace * self.pods_per_ns)

    def workloads_of(self, namespace: int) -> int:
        """How many workloads the namespace of this number has."""
        return -(-self.pods_of(namespace) // self.replicas)


class Call(msgspec.Struct, frozen=True):
    """One allowed call between two workloads: an egress policy at its source, an ingress policy at its target."""

    number: int
    source: Workload
    target: Workload


def shape(spec: Shape) -> Iterator[Object]:
    """The objects of a cluster as teams run it: Namespaces, then Pods, then policies."""
    yield make_namespace("kube-system")
    yield make_namespace("monitoring")
    for number in range(spec.namespaces):
        stage = "production" if number % 2 else "staging"
        yield make_namespace(namespace_name(number), owner=OWNERS[number % len(OWNERS)], stage=stage)
    pods = _shape_pods(spec)
    yield from map(filled, pods) if spec.full else pods
    yield from _shape_policies(spec)
    yield from cluster_policies(spec.cluster_policies)


def _workload(spec: Shape, namespace: int, index: int) -> Workload:
    release = zlib.crc32(f"{spec.seed}/{namespace}/{index}".encode()) & 1
    return Workload(
        namespace=namespace_name(namespace),
        name=f"app{index:02d}",
        labels={"app": f"app{index:02d}", "release": f"r{release}", "tier": TIERS[index % len(TIERS)]},
        ports=(("http", 8000 + 10 * index, "TCP"), ("metrics", 9100 + index % 3, "TCP")),
    )


def _shape_pods(spec: Shape) -> Iterator[Object]:
    dns = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"))
    coredns = Workload("kube-system", "coredns", {"k8s-app": "kube-dns"}, dns)
    yield make_pod(coredns, 0, 0)
    yield make_pod(coredns, 1, 1)
    yield make_pod(Workload("monitoring", "prometheus", {"app": "prometheus"}, (("web", 9090, "TCP"),)), 0, 2)
    serial = INFRASTRUCTURE
    for namespace in range(spec.namespaces):
        for place in range(spec.pods_of(namespace)):
            index, replica = divmod(place, spec.replicas)
            yield make_pod(_workload(spec, namespace, index), replica, serial)
            serial += 1


def _shape_policies(spec: Shape) -> Iterator[Object]:
    calls = _calls(spec)
    for namespace in range(spec.namespaces):
        yield from _baseline(namespace_name(namespace))[: spec.policies_per_ns]
        for call, outgoing in calls[namespace]:
            yield _outgoing(call) if outgoing else _incoming(call)


def _baseline(namespace: str) -> list[Object]:
    dns = pods_in("kube-system", {"matchLabels": {"k8s-app": "kube-dns"}})
    dns_ports = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    prometheus = pods_in("monitoring", {"matchLabels": {"app": "prometheus"}})
    outside = {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]}
    neighbors: Object = {"podSelector": {}}
    return [
        make_policy(namespace, "default-deny", {}, ingress=None, egress=None),
        make_policy(namespace, "dns", {}, egress=[{"ports": dns_ports, "to": [dns]}]),
        make_policy(namespace, "same-namespace", {}, ingress=[{"from": [neighbors]}], egress=[{"to": [neighbors]}]),
        make_policy(
            namespace,
            "metrics",
            {},
            ingress=[{"from": [prometheus], "ports": [{"port": "metrics", "protocol": "TCP"}]}],
        ),
        make_policy(
            namespace,
            "outside",
            {"matchLabels": {"tier": "frontend"}},
            egress=[{"ports": [{"port": 443, "protocol": "TCP"}], "to": [{"ipBlock": outside}]}],
        ),
    ]


def _calls(spec: Shape) -> list[list[tuple[Call, bool]]]:
    """Per namespace the calls that fill its budget of policies, with True at the end that sends.

    A call costs a policy at both ends. Where no other namespace has room left, it stays inside its own, which is open
    inside: the sending end is enough.
    """
    rng = Random(spec.seed)
    room = [max(0, spec.policies_per_ns - len(_baseline("")))] * spec.namespaces
    ends: list[list[tuple[Call, bool]]] = [[] for _ in room]
    numbers = count()
    for source in range(spec.namespaces):
        while room[source]:
            others = [namespace for namespace in range(source + 1, spec.namespaces) if room[namespace]]
            target = rng.choice(others) if others else source
            call = Call(next(numbers), _any_workload(spec, source, rng), _any_workload(spec, target, rng))
            ends[source].append((call, True))
            room[source] -= 1
            if target != source:
                ends[target].append((call, False))
                room[target] -= 1
    return ends


def _any_workload(spec: Shape, namespace: int, rng: Random) -> Workload:
    return _workload(spec, namespace, rng.randrange(spec.workloads_of(namespace)))


def _outgoing(call: Call) -> Object:
    target = pods_in(call.target.namespace, {"matchLabels": {"app": call.target.name}})
    rule = {"ports": [_call_port(call)], "to": [target]}
    return make_policy(call.source.namespace, f"call-{call.number:05d}-out", _call_sources(call), egress=[rule])


def _incoming(call: Call) -> Object:
    rule = {"from": [pods_in(call.source.namespace, _call_sources(call))], "ports": [_call_port(call)]}
    target = {"matchLabels": {"app": call.target.name}}
    return make_policy(call.target.namespace, f"call-{call.number:05d}-in", target, ingress=[rule])


def _call_port(call: Call) -> Object:
    """A single port, a range, or UDP, in turn."""
    port = call.target.ports[0][1]
    variants: tuple[Object, ...] = (
        {"port": port, "protocol": "TCP"},
        {"endPort": port + 9, "port": port, "protocol": "TCP"},
        {"port": port, "protocol": "UDP"},
    )
    return variants[call.number % len(variants)]


def _call_sources(call: Call) -> Object:
    """The source by label, by a set of one, or by its whole tier, in turn."""
    source = call.source
    variants: tuple[Object, ...] = (
        {"matchLabels": {"app": source.name}},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": [source.name]}]},
        {
            "matchExpressions": [{"key": "release", "operator": "Exists"}],
            "matchLabels": {"tier": source.labels["tier"]},
        },
    )
    return variants[call.number % len(variants)]


def queries(spec: Shape, number: int) -> Iterator[Object]:
    """Questions for `podwall verdict` between pods of a `shape`, every second one inside one namespace."""
    rng = Random(spec.seed)
    for question in range(number):
        source = rng.randrange(spec.namespaces)
        target = source if question % 2 else rng.randrange(spec.namespaces)
        source_pod, _ = _any_pod(spec, source, rng)
        target_pod, port = _any_pod(spec, target, rng)
        protocol = "UDP" if question % 7 == 0 else "TCP"
        yield {"dst": target_pod, "port": 443 if question % 5 == 0 else port, "protocol": protocol, "src": source_pod}


def _any_pod(spec: Shape, namespace: int, rng: Random) -> tuple[str, int]:
    index, replica = divmod(rng.randrange(spec.pods_of(namespace)), spec.replicas)
    workload = _workload(spec, namespace, index)
    return f"{workload.namespace}/{pod_name(workload.name, replica)}", workload.ports[0][1]
