"""A map with a focus is the whole map cut down: on random clusters, and what each reference stands for."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from podwall.engine.sets import PortSet
from podwall.errors import UnknownReference
from podwall.ops.exposing import make_exposure
from podwall.ops.focusing import Wanted
from podwall.ops.inputs import Inputs, Opened, open_cluster
from podwall.ops.mapping import make_map, open_map
from podwall.report.public import Connection, Map, Port
from tests.cli.program import SHOP
from tests.truth.compare import trial
from tests.truth.engine import as_json


def opened(folder: Path, objects: list[dict[str, object]], namespace: str | None = None) -> Opened:
    path = folder / "cluster.json"
    path.write_bytes(as_json(objects))
    return open_cluster(Inputs((str(path),), namespace=namespace))


def cut(
    whole: Map, keep: Callable[[Connection], bool], ports: PortSet | None = None
) -> list[tuple[str, str, set[Port]]]:
    """The connections that are kept, and of their ports those that are in a set."""
    found = ((c.src, c.dst, narrowed(c.ports, ports)) for c in whole.connections if keep(c))
    return [connection for connection in found if connection[2]]


def narrowed(ports: list[Port], wanted: PortSet | None) -> set[Port]:
    if wanted is None:
        return set(ports)
    return {
        Port(*span, port.family)
        for port in ports
        for span in (PortSet.of(port.protocol, port.port, port.endPort) & wanted).ranges()
    }


def listed(found: Map) -> list[tuple[str, str, set[Port]]]:
    return [(c.src, c.dst, set(c.ports)) for c in found.connections]


@pytest.mark.parametrize("seed", range(40))
def test_a_focus_keeps_what_it_names_and_nothing_else(seed: int, tmp_path: Path) -> None:
    cluster = opened(tmp_path, trial(seed, (2, 4, 2, 0)).objects)
    rng = random.Random(seed)
    whole = make_map(cluster, why=True)
    names = [e.name for e in whole.endpoints if e.name.count("/") == 1]
    spaces = sorted({e.namespace for e in whole.endpoints})
    if not names:
        return
    one, other, space = rng.choice(names), rng.choice(names), rng.choice(spaces)
    inside = {e.name for e in whole.endpoints if e.namespace == space}
    cells = {x.name for x in whole.external}
    first = rng.choice((1, 53, 80, 1000))
    dns = PortSet.of("UDP", 53)
    some = PortSet.of("TCP", first, first + 400) | dns
    cases: list[tuple[Wanted, Callable[[Connection], bool], PortSet | None]] = [
        (Wanted(sources=(f"{space}/*",)), lambda c: c.src in inside, None),
        (Wanted(destinations=(f"{space}/*",)), lambda c: c.dst in inside, None),
        (Wanted(about=(f"{space}/*",)), lambda c: c.src in inside or c.dst in inside, None),
        (Wanted(sources=("internet",)), lambda c: c.src in cells, None),
        (Wanted(("internet",), (f"{space}/*",)), lambda c: c.src in cells and c.dst in inside, None),
        (Wanted((f"{space}/*",), ("internet",), (), ("53/udp",)), lambda c: c.src in inside and c.dst in cells, dns),
        (Wanted(ports=(f"{first}-{first + 400}", "udp/53")), lambda _: True, some),
    ]  # fmt: skip
    for wanted, keep, ports in cases:
        found = make_map(cluster, wanted)
        assert listed(found) == cut(whole, keep, ports), wanted
        check_endpoints(whole, found)
        if ports is None:
            assert [(c.egressBy, c.ingressBy) for c in make_map(cluster, wanted, why=True).connections] == [
                (c.egressBy, c.ingressBy) for c in whole.connections if keep(c)
            ]
    for wanted in (Wanted((one,), (other,)), Wanted(about=(one,)), Wanted(destinations=(one, other))):
        answer = open_map(cluster, wanted)
        got, scope = list(answer.connections), answer.scope
        want = [
            c
            for c in make_map(cluster).connections
            if (scope.sources is None or c.src in scope.sources)
            and (scope.destinations is None or c.dst in scope.destinations)
            and (scope.about is None or {c.src, c.dst} & scope.about)
        ]
        assert got == want


def check_endpoints(whole: Map, found: Map) -> None:
    """Every end of a connection is there, as it is on the whole map, and in its order."""
    names = {e.name for e in found.endpoints}
    assert found.endpoints == [e for e in whole.endpoints if e.name in names]
    assert {end for c in found.connections for end in (c.src, c.dst)} <= names | {x.name for x in found.external}
    assert found.external == whole.external


# --------------------------------------------------------------------------------------------------------- references
def shop(namespace: str | None = None) -> Opened:
    return open_cluster(Inputs((str(SHOP / "good"),), namespace=namespace))


SHOPS = {f"shop/{name}" for name in ("cart", "catalog", "checkout", "web")}
NAMED = [
    ("shop/web", {"shop/web"}),
    ("shop/Deployment/web", {"shop/web"}),
    ("shop/*", SHOPS),
    ("shop/service/web", {"shop/web"}),
    ("203.0.113.9", {"203.0.113.0/24"}),
    ("203.0.113.0/24", {"203.0.113.0/24"}),
    ("203.0.113.128/25", {"203.0.113.0/24"}),
    ("203.0.112.0/23", {"203.0.113.0/24", "0.0.0.0/1"}),
    ("internet", {"0.0.0.0/1", "192.0.2.10/32", "203.0.113.0/24"}),
]


@pytest.mark.parametrize(("reference", "names"), NAMED, ids=[reference for reference, _ in NAMED])
def test_references(reference: str, names: set[str]) -> None:
    assert open_map(shop(), Wanted(sources=(reference,))).scope.sources == frozenset(names)


def test_names_without_a_namespace_are_those_of_the_one_that_is_given() -> None:
    answer = open_map(shop("shop"), Wanted(about=("web",)))
    assert answer.scope.about == frozenset(("shop/web",))
    assert answer.scope.namespace == "shop"


UNKNOWN = [
    (Wanted(sources=("shop/wbe",)), "--from: there is no Pod or workload shop/wbe in the input; did you mean web?"),
    (Wanted(sources=("10.0.0.1/8",)), "--from: 10.0.0.1/8 has host bits set"),
    (Wanted(sources=("10.0.0.0/33",)), "--from: '10.0.0.0/33' does not appear to be an IPv4 or IPv6 network"),
    (Wanted(destinations=("shp/*",)), "--to: there is no namespace 'shp' in the input; did you mean shop?"),
    (Wanted(about=("shop/service/wbe",)), "--about: there is no Service shop/wbe in the input; did you mean web?"),
    (Wanted(ports=("0",)), "--port 0: not a port or range between 1 and 65535"),
    (Wanted(ports=("90-80",)), "--port 90-80: not a port or range between 1 and 65535"),
    (Wanted(ports=("80/xdp",)), "port '80/xdp': write 53, 53/udp or udp/53; the protocols are"),
    (Wanted(ports=("htp",)), "--port: no endpoint has a port named 'htp'; did you mean http, https?"),
    (Wanted(ports=("http/udp",)), "--port: no endpoint has a UDP port named 'http'; did you mean http, https?"),
]


@pytest.mark.parametrize(("wanted", "message"), UNKNOWN, ids=[message for _, message in UNKNOWN])
def test_what_the_input_does_not_have_is_an_error(wanted: Wanted, message: str) -> None:
    with pytest.raises(UnknownReference) as caught:
        open_map(shop(), wanted)
    assert str(caught.value).startswith(message)


def workload(name: str, pods: list[dict[str, object]]) -> list[dict[str, object]]:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "uid": "1", "controller": True}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{name}-{at}", "namespace": "a", "labels": pod["labels"], "ownerReferences": [owner]},
            "spec": {"containers": [{"name": "c", "ports": pod["ports"]}]},
        }
        for at, pod in enumerate(pods)
    ]


POLICY: dict[str, object] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "a"},
    "spec": {"podSelector": {"matchLabels": {"odd": "yes"}}, "ingress": [{}]},
}
HTTP = [{"name": "http", "containerPort": 80}]
OTHER = [{"name": "http", "containerPort": 8080}]


def test_a_workload_is_all_of_its_pods_and_a_pod_is_its_group(tmp_path: Path) -> None:
    labels: tuple[dict[str, str], ...] = ({}, {}, {"odd": "yes"})
    replicas: list[dict[str, object]] = [{"labels": own, "ports": HTTP} for own in labels]
    cluster = opened(tmp_path, [*workload("db", replicas), POLICY])
    for reference, names in (("a/db", {"a/db", "a/db-2"}), ("a/db-0", {"a/db"}), ("a/db-2", {"a/db-2"})):
        assert open_map(cluster, Wanted(sources=(reference,))).scope.sources == frozenset(names)


def test_a_named_port_is_what_each_destination_calls_so(tmp_path: Path) -> None:
    objects = [*workload("x", [{"labels": {}, "ports": HTTP}]), *workload("y", [{"labels": {}, "ports": OTHER}])]
    cluster = opened(tmp_path, objects)
    found = make_map(cluster, Wanted(ports=("http",)))
    assert {(c.dst, *(p.port for p in c.ports)) for c in found.connections} == {("a/x", 80), ("a/y", 8080)}
    both = make_map(cluster, Wanted(("a/y",), ("a/x",), (), ("http", "9000-9001")))
    assert [c.ports for c in both.connections] == [[Port("TCP", 80, 80), Port("TCP", 9000, 9001)]]


def test_nodes_are_not_on_a_map(tmp_path: Path) -> None:
    node: dict[str, object] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    cluster = opened(tmp_path, [node, *workload("x", [{"labels": {}, "ports": HTTP}])])
    with pytest.raises(UnknownReference, match="--to: node/n1 is a node, and a map has none: ask podwall explain"):
        open_map(cluster, Wanted(destinations=("node/n1",)))


def test_the_exposure_of_some() -> None:
    def shown(wanted: Wanted, namespace: str | None = None) -> set[tuple[str, str]]:
        return {(e.endpoint, e.direction) for e in make_exposure(shop(namespace), wanted).exposure}

    assert shown(Wanted(sources=("shop/web",))) == {("shop/web", "egress")}
    assert shown(Wanted(destinations=("shop/web",))) == {("shop/web", "ingress")}
    assert shown(Wanted(("shop/cart",), ("shop/web",))) == {("shop/cart", "egress"), ("shop/web", "ingress")}
    assert shown(Wanted(about=("shop/web",))) == {("shop/web", "egress"), ("shop/web", "ingress")}
    assert shown(Wanted(), "shop") == {(name, side) for name in SHOPS for side in ("egress", "ingress")}
    assert len(shown(Wanted())) == 26


# ------------------------------------------------------------------------------------------------------------- memory
def test_connections_are_not_kept(tmp_path: Path) -> None:
    """To go through a map takes no memory for each connection of it."""
    pods: list[dict[str, object]] = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}", "namespace": f"n{n % 9}"}} for n in range(300)
    ]
    cluster = opened(tmp_path, pods)
    number = len(make_map(cluster).connections)
    assert number > 80_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_map(cluster).connections) == number
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * number / 4  # a quarter of what the smallest object takes
