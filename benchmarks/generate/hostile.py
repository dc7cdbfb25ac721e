"""A cluster that defeats shortcuts: no two pods are alike, and every peer selects over the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from benchmarks.generate.objects import (
    Object,
    Workload,
    filled,
    ipv4,
    make_namespace,
    make_pod,
    make_policy,
    namespace_name,
)

__all__ = ["Hostile", "hostile"]

SHARED: dict[str, tuple[str, ...]] = {
    "app": tuple(f"app{n:02d}" for n in range(40)),
    "owner": tuple(f"owner-{n}" for n in range(12)),
    "release": ("r0", "r1", "r2"),
    "tier": ("frontend", "backend", "cache", "worker"),
    "zone": ("a", "b", "c", "d", "e", "f"),
}
OPTIONAL = ("owner", "release")  # a quarter of the pods lacks each of them: Exists and DoesNotExist tell them apart
PORT_SETS: tuple[list[Object] | None, ...] = (
    [{"port": 8080, "protocol": "TCP"}],
    [{"port": "http", "protocol": "TCP"}],
    [{"endPort": 8999, "port": 8000, "protocol": "TCP"}],
    [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    [{"port": 443, "protocol": "TCP"}, {"port": "metrics", "protocol": "TCP"}],
    [{"endPort": 30_100, "port": 30_000, "protocol": "UDP"}, {"port": 3868, "protocol": "SCTP"}],
    [{"protocol": "TCP"}],
    None,
)


class Hostile(msgspec.Struct, frozen=True):
    """The numbers of a `hostile` cluster; `policies` is their sum over all namespaces."""

    pods: int = 60_000
    policies: int = 4_000
    namespaces: int = 100
    seed: int = 1
    full: bool = False

    def __post_init__(self) -> None:
        if min(self.pods, self.namespaces) < 1 or self.policies < 0:
            raise ValueError("pods and namespaces must be positive")


def hostile(spec: Hostile) -> Iterator[Object]:
    """The objects of a cluster in which no two pods have the same labels and every peer is cluster-wide."""
    for number in range(spec.namespaces):
        yield make_namespace(namespace_name(number), stage=("production", "staging", "test")[number % 3])
    for number in range(spec.pods):
        pod = _hostile_pod(spec, number)
        yield filled(pod) if spec.full else pod
    for number in range(spec.policies):
        yield _hostile_policy(spec, number)


def _hostile_pod(spec: Hostile, number: int) -> Object:
    rng = Random(f"{spec.seed}/pod/{number}")
    name = f"job-{number:06d}"
    labels = {key: rng.choice(values) for key, values in SHARED.items() if key not in OPTIONAL or rng.randrange(4)}
    ports = (("http", rng.choice((8080, 8081, 8443)), "TCP"), ("metrics", rng.choice((9100, 9102)), "TCP"))
    return make_pod(Workload(namespace_name(number % spec.namespaces), name, labels | {"job": name}, ports), 0, number)


def _hostile_policy(spec: Hostile, number: int) -> Object:
    rng = Random(f"{spec.seed}/policy/{number}")
    rules: dict[str, list[Object] | None] = {}
    if number % 3 != 1:
        rules["ingress"] = [_hostile_rule(spec, rng, "from") for _ in range(rng.randint(1, 2))]
    if number % 3 != 0:
        rules["egress"] = [_hostile_rule(spec, rng, "to") for _ in range(rng.randint(1, 2))]
    namespace = namespace_name(number % spec.namespaces)
    return make_policy(namespace, f"rule-{number:05d}", _hostile_selector(rng), **rules)


def _hostile_rule(spec: Hostile, rng: Random, side: str) -> Object:
    peers: list[Object] = [
        {"namespaceSelector": {}, "podSelector": _hostile_selector(rng)} for _ in range(rng.randint(1, 3))
    ]
    if rng.randrange(8) == 0:
        block = 4 * rng.randrange(1 + spec.pods // 1024)  # /22 blocks over the addresses of the pods
        inner = ipv4(10, block + rng.randrange(4) << 8)
        peers.append({"ipBlock": {"cidr": f"{ipv4(10, block << 8)}/22", "except": [f"{inner}/24"]}})
    ports = rng.choice(PORT_SETS)
    return {side: peers} if ports is None else {"ports": ports, side: peers}


def _hostile_selector(rng: Random) -> Object:
    keys = rng.sample(sorted(SHARED), rng.randint(1, 2))
    return {"matchExpressions": [_hostile_expression(rng, key) for key in keys]}


def _hostile_expression(rng: Random, key: str) -> Object:
    if key in OPTIONAL and rng.randrange(3) == 0:
        return {"key": key, "operator": rng.choice(("Exists", "DoesNotExist"))}
    values = SHARED[key]
    chosen = sorted(rng.sample(values, rng.randint(1, max(1, len(values) // 3))))
    return {"key": key, "operator": rng.choice(("In", "NotIn")), "values": chosen}
