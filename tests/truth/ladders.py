"""Small clusters in which the tiers are gone through: few plain Pods, broad rules, and rules behind a Pass that decide.

In random_cluster the tiers seldom meet; here nearly every connection comes by several of them, so a reader who takes a
step wrong, or names the wrong policy for it, is seen after few clusters.
"""

from __future__ import annotations

import random

from tests.truth.cluster_policies import cluster_object
from tests.truth.policies import NAME_LABEL
from tests.truth.vocabulary import PATTERNS, Object, maybe

HOMES = ("alpha", "beta")
APPS = ("web", "db", "api")
PORTS = (80, 443, 8080)
ACTIONS = ("Pass", "Pass", "Pass", "Accept", "Accept", "Deny")
BLOCKS = ("0.0.0.0/0", "::/0", "10.244.0.0/16", "10.244.1.0/31", "203.0.113.0/24", "fd00:10:244::/64")
TYPES = (["Ingress"], ["Egress"], ["Ingress", "Egress"])


def random_ladder(rng: random.Random) -> list[Object]:
    """Two namespaces, up to four Pods, a few ClusterNetworkPolicies and NetworkPolicies, in random order."""
    objects: list[Object] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in HOMES]
    dual = maybe(rng, 0.3)
    objects += [pod(rng, i, dual=dual) for i in range(rng.randint(2, 4))]
    objects += [step(rng, f"{rng.choice('ab')}{i}") for i in range(rng.randint(2, 5))]
    objects += [policy(rng, f"p{i}") for i in range(rng.choice((0, 1, 2, 3)))]
    rng.shuffle(objects)
    return objects


def pod(rng: random.Random, index: int, *, dual: bool) -> Object:
    """A running Pod that says nothing of a node; it may have a port by name."""
    addresses = [f"10.244.1.{index}", *([f"fd00:10:244::{index + 1}"] if dual else [])]
    ports = [{"name": "http", "containerPort": rng.choice(PORTS)}] if maybe(rng, 0.5) else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": rng.choice(HOMES), "name": f"pod-{index}", "labels": {"app": rng.choice(APPS)}},
        "spec": {"containers": [{"name": "main", "image": "app:1", "ports": ports}]},
        "status": {"phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": a} for a in addresses]},
    }


def step(rng: random.Random, name: str) -> Object:
    """A ClusterNetworkPolicy of broad rules, of which many pass."""
    spec: Object = {
        "tier": rng.choice(("Admin", "Admin", "Baseline")),
        "priority": rng.choice((10, 10, 20, 30)),
        "subject": whom(rng),
    }
    for section, key in (("egress", "to"), ("ingress", "from")):
        if maybe(rng, 0.7):
            spec[section] = [rule(rng, key) for _ in range(rng.choice((1, 2, 2, 3)))]
    return cluster_object("ClusterNetworkPolicy", "v1alpha2", name, spec)


def rule(rng: random.Random, key: str) -> Object:
    """One rule of it; names are for what accepts (C12)."""
    made: Object = {"action": rng.choice(ACTIONS)}
    peer = whom(rng)
    if key == "to" and maybe(rng, 0.4):
        peer = {"networks": rng.sample(BLOCKS, rng.choice((1, 2)))}
        if made["action"] == "Accept" and maybe(rng, 0.6):
            peer = {"domainNames": rng.sample(PATTERNS, rng.choice((1, 2)))}
    made[key] = [peer]
    if maybe(rng, 0.4):
        made["protocols"] = [protocol(rng, named=peer.keys() <= {"namespaces", "pods"})]
    return made


def whom(rng: random.Random) -> Object:
    """Pods of everywhere, of one namespace, or of one application: a subject or a peer."""
    chance = rng.random()
    if chance < 0.5:
        return {"namespaces": {}}
    if chance < 0.7:
        return {"namespaces": {"matchLabels": {NAME_LABEL: rng.choice(HOMES)}}}
    return {"pods": {"podSelector": {"matchLabels": {"app": rng.choice(APPS)}}}}


def protocol(rng: random.Random, *, named: bool) -> Object:
    """One entry of protocols."""
    if named and maybe(rng, 0.2):
        return {"destinationNamedPort": "http"}
    first = rng.choice(PORTS)
    ports: Object = {"number": first} if maybe(rng, 0.7) else {"range": {"start": first, "end": first + 500}}
    return {"tcp": {"destinationPort": ports}}


def policy(rng: random.Random, name: str) -> Object:
    """A NetworkPolicy that isolates, and allows some of it again."""
    types = rng.choice(TYPES)
    spec: Object = {"podSelector": {"matchLabels": {"app": rng.choice(APPS)}}, "policyTypes": types}
    if maybe(rng, 0.5):
        spec["podSelector"] = {}
    for direction, section, key in (("Ingress", "ingress", "from"), ("Egress", "egress", "to")):
        if direction in types and maybe(rng, 0.8):
            spec[section] = [allowing(rng, key)]
    meta = {"namespace": rng.choice(HOMES), "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def allowing(rng: random.Random, key: str) -> Object:
    """One rule of it."""
    made: Object = {}
    if maybe(rng, 0.7):
        block = {"ipBlock": {"cidr": rng.choice(BLOCKS)}}
        made[key] = [rng.choice((block, {"namespaceSelector": {}}, {"podSelector": {}}))]
    if maybe(rng, 0.5):
        made["ports"] = [{"port": rng.choice(PORTS)}]
    return made
