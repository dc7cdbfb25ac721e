"""Whatever a manifest holds: objects or collected mistakes with lines, and a model of what is left. Nothing else."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from podwall.cluster.profile import PROFILES
from podwall.engine.connections import edges
from podwall.engine.model import Model
from podwall.errors import PodwallError
from podwall.sources.files import Text
from podwall.text.where import field
from tests.sources.reading import Reading
from tests.text import mutate

LABELS = {"app": "web", "tier": ""}
CONTAINERS = [{"name": "c", "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}]}]
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": CONTAINERS, "initContainers": CONTAINERS}}
OWNER = [{"kind": "ReplicaSet", "name": "web-5d8f9c7b6", "controller": True}]
SELECTOR = {"matchLabels": LABELS, "matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}
PEERS = [
    {"podSelector": SELECTOR, "namespaceSelector": {}},
    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
]
PORTS = [{"port": 80, "endPort": 90}, {"port": "http", "protocol": "UDP"}, {}]


def policy(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"p{number}", "namespace": "shop", "annotations": {"podwall.io/owner": "a"}},
        "spec": {
            "podSelector": SELECTOR,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": PEERS, "ports": PORTS}, {}],
            "egress": [{"to": PEERS, "ports": PORTS}],
        },
    }


# One object of every kind, with every field that is read.
OBJECTS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": LABELS}},
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.9.0.1"}]},
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-5d8f9c7b6-x", "namespace": "shop", "labels": LABELS, "ownerReferences": OWNER},
        "spec": {"containers": CONTAINERS, "hostNetwork": False, "nodeName": "n1"},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
    },
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": TEMPLATE}},
    {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web"}, "spec": {"template": TEMPLATE}},
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "web"},
        "spec": {"jobTemplate": {"spec": {"template": TEMPLATE, "parallelism": 2}}},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": LABELS, "clusterIPs": ["10.96.0.1"], "ports": [{"port": 80, "targetPort": "http"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}},
    },
    {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "x"}, "nodeName": "n1"}],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    },
    *(policy(number) for number in range(4)),  # policies above all
]


def nested(depth: int, leaf: object) -> object:
    for _ in range(depth):
        leaf = [leaf] if depth % 2 else {"a": leaf}
    return leaf


JUNK: list[object] = [
    *(None, True, False, 0, 1, -1, 1.5, 65536, 2**31, 2**63, 2**64, -(2**70), 10**400, 1e308),
    *(
        "",
        "x",
        "80",
        "http",
        "a" * 5000,
        "\x00",
        "\ud800",
        "\u2028",
        "{{ .Values.x }}",
        "ns/name",
        "10.0.0.0/8",
        "::/0",
    ),
    *([], {}, [None], [[]], [{}], {"": None}, {"a": 1}, ["a", 1, None], {"matchLabels": None}, "None", "fd00::1%eth0"),
    *(nested(5, 1), nested(300, None), nested(301, "x")),
]


def places(value: object) -> list[tuple[Any, Any]]:
    """Every container with each of its keys or positions."""
    found: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, dict | list):
            found += [(node, key) for key in (node if isinstance(node, dict) else range(len(node)))]
            todo += node.values() if isinstance(node, dict) else node
    return found


def slip(objects: list[Any], chance: random.Random) -> None:
    """One wrong value, missing field, field in a wrong place, or entry that is there twice."""
    node, key = chance.choice(places(objects))
    match chance.randrange(6):
        case 0:
            del node[key]
        case 1 if isinstance(node, list):
            node.insert(key, node[key])
        case 2 if isinstance(node, dict):
            node[chance.choice(["spec", "port", "ports", "from", "x", str(key).upper()])] = node.pop(key)
        case 3:
            node[key] = copy.deepcopy(chance.choice(places(OBJECTS))[0])
        case _:
            node[key] = copy.deepcopy(chance.choice(JUNK))


def dumped(objects: list[Any], chance: random.Random) -> bytes:
    """As a List, a stream or documents, in JSON, or in YAML (which JSON is, after a separator)."""
    indent = chance.choice([None, 1])
    texts = [json.dumps(each, indent=indent) for each in objects]
    whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=indent)
    return chance.choice([whole, f"# yaml\n{whole}", "\n".join(texts), "\n---\n".join(texts)]).encode()


def check(data: bytes) -> None:
    """Reads the text and uses what is left of it, as the commands do."""
    found = Reading(Text("f", data))
    mistakes = (*found.decoder.mistakes, *found.assembled.mistakes)
    found.positions.prepare((m.origin, m.path) for m in mistakes)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for mistake in mistakes:
        assert mistake.message
        assert 1 <= found.positions.line(mistake.origin, mistake.path) <= lines
        field(mistake.path)
    try:
        model = Model(found.assembled.cluster, PROFILES["kubernetes"])
        model.counts()
        for edge in edges(model.reach, model.groups(model.reach), model.judge):
            assert any(edge.ports.values())
    except PodwallError:
        return  # in its own words: addresses of Pods that leave no room, say


def test_without_slips_there_are_no_mistakes() -> None:
    for seed in range(8):
        found = Reading(Text("f", dumped(OBJECTS, random.Random(seed))))
        assert (found.mistakes(), found.warnings()) == ([], [])
        assert len(found.objects()) == len(OBJECTS)


@pytest.mark.parametrize("seed", range(6))
def test_values_of_every_sort_in_every_place(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        objects = copy.deepcopy(chance.sample(OBJECTS, 4))
        for _ in range(chance.randrange(1, 5)):
            if objects:
                slip(objects, chance)
        check(dumped(objects, chance))


def test_every_field_with_every_junk() -> None:
    """Each place of each kind once with each value; an object whose kind was hit may be passed over."""
    for position in range(len(OBJECTS) - 3):
        objects: list[Any] = []
        for at in range(len(places(OBJECTS[position]))):
            for junk in JUNK[:-2]:
                changed = copy.deepcopy(OBJECTS[position])
                node, key = places(changed)[at]
                node[key] = junk
                objects.append(changed)
        found = Reading(Text("f", "\n---\n".join(json.dumps(each) for each in objects).encode()))
        decoder = found.decoder
        assert len(decoder.objects) + len(decoder.mistakes) + len(decoder.problems) > len(objects) * 0.8
        for mistake in (*found.decoder.mistakes, *found.assembled.mistakes):
            assert mistake.message
            field(mistake.path)


@pytest.mark.parametrize("seed", range(4))
def test_texts_with_slips_of_the_keyboard(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        text = dumped(chance.sample(OBJECTS, 3), chance).decode()
        for _ in range(chance.randrange(1, 4)):
            text = mutate.slip(text, chance)
        check(text.encode("utf-8", "replace"))


DEEP = [b"[", b'{"a":', b'{"kind": "List", "items": [', b"- ", b"a:\n "]


@pytest.mark.parametrize("opening", DEEP)
@pytest.mark.parametrize("depth", [300, 5_000, 100_000])
def test_depth(opening: bytes, depth: int) -> None:
    check(opening * depth)
    check(b"# yaml\n" + opening * depth)


@pytest.mark.parametrize("depth", [100, 2_000, 100_000])
@pytest.mark.parametrize("form", ["%s", '{"apiVersion": "v1", "kind": "List", "items": [%s]}', "# yaml\n%s"])
def test_depth_where_nobody_reads(depth: int, form: str) -> None:
    policy = '{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"}, "status": %s}'
    for inner in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        check((form % (policy % inner)).encode())
