"""The summary's counts three ways: source by source, by blocks of word matrices, by listing every edge of the map."""

from __future__ import annotations

import random

import pytest

from podwall.engine import matrix
from podwall.engine.connections import edges
from podwall.engine.grouping import weights_of
from podwall.engine.model import Model
from tests.truth.engine import model_of
from tests.truth.vocabulary import Object

NAMESPACES = tuple(f"n{i}" for i in range(6))
APPS = tuple(f"a{i}" for i in range(40))
BLOCKS = ("10.244.0.0/24", "10.244.1.0/25", "10.244.0.0/16", "fd00:10:244::/64", "203.0.113.0/24")


def large_cluster(rng: random.Random, pods: int, policies: int) -> list[Object]:
    """Many label sets and policies that look across namespaces: more classes than a machine word has bits."""
    spaces = [{"kind": "Namespace", "metadata": {"name": n, "labels": {"team": rng.choice("ab")}}} for n in NAMESPACES]
    made = [*spaces, *(pod(rng, i) for i in range(pods)), *(policy(rng, i) for i in range(policies))]
    for obj in made:
        obj["apiVersion"] = "networking.k8s.io/v1" if obj["kind"] == "NetworkPolicy" else "v1"
    return made


def pod(rng: random.Random, number: int) -> Object:
    """A Pod; some are replicas of one workload, some are on their host's network."""
    addresses = [f"10.244.{number // 200}.{number % 200}", f"fd00:10:244:{number % 2}::{number:x}"]
    listed = [{"ip": a} for a in rng.choice((addresses, addresses[:1], addresses[1:]))]
    meta: Object = {"namespace": rng.choice(NAMESPACES), "name": f"p{number}", "labels": {"app": rng.choice(APPS)}}
    if rng.random() < 0.5:
        meta["labels"]["tier"] = rng.choice(("front", "back"))
    if rng.random() < 0.3:
        meta["ownerReferences"] = [{"kind": "StatefulSet", "name": f"s{number % 9}", "controller": True}]
    spec = {"containers": [{"ports": [{"name": "http", "containerPort": rng.choice((80, 8080))}]}]}
    if rng.random() < 0.03:
        spec["hostNetwork"] = True  # type: ignore[assignment]
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"podIPs": listed}}


def policy(rng: random.Random, number: int) -> Object:
    """A policy whose peers are often of all namespaces."""
    spec: Object = {"podSelector": some_apps(rng, 8), "policyTypes": rng.choice((["Ingress"], ["Egress"]))}
    for section, peers in (("ingress", "from"), ("egress", "to")):
        spec[section] = [{peers: [peer(rng) for _ in range(rng.randint(0, 2))], "ports": ports(rng)} for _ in range(2)]
    meta = {"namespace": rng.choice(NAMESPACES), "name": f"q{number}"}
    return {"kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def some_apps(rng: random.Random, most: int) -> Object:
    operator = rng.choice(("In", "In", "NotIn"))
    values = rng.sample(APPS, rng.randint(1, most))
    return {"matchExpressions": [{"key": "app", "operator": operator, "values": values}]}


def peer(rng: random.Random) -> Object:
    if rng.random() < 0.2:
        return {"ipBlock": {"cidr": rng.choice(BLOCKS)}}
    teams = rng.choice(({}, {"matchLabels": {"team": "a"}}, None))
    made: Object = {"podSelector": some_apps(rng, 20)}
    return made if teams is None else {**made, "namespaceSelector": teams}


def ports(rng: random.Random) -> list[Object]:
    some: tuple[list[Object], ...] = (
        [],
        [{"port": 80}],
        [{"port": "http"}],
        [{"port": 80, "endPort": 9000}, {"protocol": "UDP"}],
    )
    return rng.choice(some)


def by_words(model: Model) -> int:
    return matrix.open_pairs(model.reach, weights_of(model.index, model.reach.layout))


@pytest.mark.parametrize(("pods", "policies"), [(3, 1), (60, 20), (200, 60), (200, 150)])
@pytest.mark.parametrize("seed", range(2))
def test_three_ways_to_count(pods: int, policies: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(large_cluster(random.Random(seed), pods, policies))
    groups = model.groups(model.reach)
    names = {g.name for g in groups}
    listed = sum(1 for e in edges(model.reach, groups) if e.src != e.dst and {e.src, e.dst} <= names)
    counts = model.counts()
    assert (counts.endpoints, counts.open_pairs) == (len(groups), listed)
    assert by_words(model) == listed
    monkeypatch.setattr(matrix, "_BLOCK_BYTES", 1)  # blocks of one word of sources
    assert by_words(model) == listed
    monkeypatch.setattr(matrix, "_TABLE_WORDS", 0)  # and no stretch of destinations is short enough for a table
    assert by_words(model) == listed


def test_more_classes_than_bits_of_a_word() -> None:
    model = model_of(large_cluster(random.Random(0), 200, 60))
    assert model.counts().classes > 2 * 64


def test_no_endpoint_is_no_pair() -> None:
    model = model_of([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}])
    counts = model.counts()
    assert (counts.endpoints, counts.pairs, counts.open_pairs) == (0, 0, 0)
    assert by_words(model) == 0
