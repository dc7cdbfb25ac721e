"""Random cluster policies that the API server would take (2.2, 2.3): three kinds, every peer, every form of ports.

Priorities, subjects and ports are few, so that rules of several policies meet; Pass and equal priorities come often.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tests.truth.policies import NAME_LABEL, namespace_selector, selector, subject
from tests.truth.vocabulary import (
    BLOCKS,
    DOMAINS,
    EXTERNAL,
    NODE_LABELS,
    NUMBERS,
    PATTERNS,
    PORT_NAMES,
    Object,
    maybe,
    namespace,
    some,
)

GROUP = "policy.networking.k8s.io"
PRIORITIES = (0, 9, 10, 10, 10, 100, 1000)
TRANSPORTS = ("tcp", "tcp", "udp", "sctp")
OUTSIDE = ("networks", "networks", "nodes", "domainNames")  # what only egress knows (C7)
NETWORKS = (*(cidr for cidr in BLOCKS if cidr != "10.244.1.9/24"), "10.244.2.3/32", "203.0.113.9/32")  # no host bits


def random_cluster_policies(rng: random.Random, most: int) -> list[Object]:
    """Some policies of the three kinds; at most one BaselineAdminNetworkPolicy, which is called default (2.3)."""
    names = [f"{letter}{i}" for i, letter in enumerate(rng.choices("abc", k=rng.randint(1, most)))]
    made = [admin_policy(rng, name) if maybe(rng, 0.25) else cluster_policy(rng, name) for name in names]
    if made and maybe(rng, 0.1):  # one name, two kinds (D9)
        other = "AdminNetworkPolicy" if made[0]["kind"] == "ClusterNetworkPolicy" else "ClusterNetworkPolicy"
        made.append((admin_policy if other == "AdminNetworkPolicy" else cluster_policy)(rng, names[0]))
    if maybe(rng, 0.3):
        spec = {"subject": old_pods(rng, a_subject(rng)), **sections(rng, ("Allow", "Deny"), old=True, domains=False)}
        made.append(cluster_object("BaselineAdminNetworkPolicy", "v1alpha1", "default", spec))
    return made


def random_resolutions(rng: random.Random) -> dict[str, list[str]]:
    """What some of the domain names mean: external addresses, now and then a pod's, or a block (C12)."""
    addresses = (*EXTERNAL, "10.244.2.1", "10.244.1.3", "10.244.1.1", "203.0.113.0/25", "2001:db8::/64")
    names = some(rng, DOMAINS, len(DOMAINS))
    spelled = (f"{name.title()}." if maybe(rng, 0.2) else name for name in names)
    return {name: rng.sample(addresses, rng.randint(0, 2)) for name in spelled}


def cluster_policy(rng: random.Random, name: str) -> Object:
    """A ClusterNetworkPolicy of the experimental channel (D17)."""
    spec: Object = {
        "tier": rng.choice(("Admin", "Admin", "Baseline")),
        "priority": rng.choice(PRIORITIES),
        "subject": a_subject(rng),
        **sections(rng, ("Accept", "Deny", "Pass"), old=False),
    }
    return cluster_object("ClusterNetworkPolicy", "v1alpha2", name, spec)


def admin_policy(rng: random.Random, name: str) -> Object:
    """An AdminNetworkPolicy."""
    spec: Object = {
        "priority": rng.choice(PRIORITIES),
        "subject": old_pods(rng, a_subject(rng)),
        **sections(rng, ("Allow", "Deny", "Pass"), old=True),
    }
    return cluster_object("AdminNetworkPolicy", "v1alpha1", name, spec)


def cluster_object(kind: str, version: str, name: str, spec: Object) -> Object:
    """An object of the group; its status says nothing (C15)."""
    return {"apiVersion": f"{GROUP}/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}


def a_subject(rng: random.Random) -> Object:
    """Namespaces or pods; exactly one (C6)."""
    return {"namespaces": spaces(rng)} if maybe(rng, 0.5) else {"pods": pods(rng)}


def spaces(rng: random.Random) -> Object:
    """All namespaces, one by its name, or some by any selector."""
    return rng.choice(({}, {}, {"matchLabels": {NAME_LABEL: namespace(rng)}}, namespace_selector(rng)))


def pods(rng: random.Random) -> Object:
    """Pods by label, of some namespaces; an absent namespaceSelector is all of them (C6)."""
    made: Object = {"podSelector": {} if maybe(rng, 0.3) else subject(rng)}
    if maybe(rng, 0.6):
        made["namespaceSelector"] = spaces(rng)
    return made


def old_pods(rng: random.Random, peer: Object) -> Object:
    """The same for v1alpha1, which requires the namespaceSelector (2.3)."""
    if "pods" in peer:
        peer["pods"].setdefault("namespaceSelector", {})
    return peer


def sections(rng: random.Random, actions: Sequence[str], *, old: bool, domains: bool = True) -> Object:
    """The rules of both directions, of one, or of none (C2)."""
    made: Object = {}
    for section in ("ingress", "egress"):
        chance = rng.random()
        if chance < 0.8:
            number = rng.choice((1, 1, 2, 3))
            made[section] = [a_rule(rng, section, actions, old=old, domains=domains) for _ in range(number)]
        elif chance < 0.9:
            made[section] = rng.choice(([], None))
    return made


def a_rule(rng: random.Random, section: str, actions: Sequence[str], *, old: bool, domains: bool) -> Object:
    """One rule. A named port stands beside pods alone (2.2)."""
    ingress = section == "ingress"
    made: Object = {"action": rng.choice(actions)}
    if maybe(rng, 0.3):
        made["name"] = f"rule of {section}"
    outside = not ingress and maybe(rng, 0.5)
    peers = [a_peer(rng, outside=outside) for _ in range(rng.choice((1, 1, 2)))]
    if made["action"] not in ("Accept", "Allow") or not domains:  # names are for what accepts (C12)
        peers = [{"networks": ["0.0.0.0/0"]} if "domainNames" in p else p for p in peers]
    made["from" if ingress else "to"] = [old_pods(rng, p) for p in peers] if old else peers
    key, named = "ports" if old else "protocols", not any({*OUTSIDE} & {*p} for p in peers)
    chance = rng.random()
    if chance < 0.45:
        number = rng.choice((1, 1, 2))
        made[key] = [(old_port if old else protocol)(rng, named=named) for _ in range(number)]
    elif chance < 0.5:
        made[key] = None
    return made


def a_peer(rng: random.Random, *, outside: bool) -> Object:
    """One peer of exactly one field (2.2)."""
    kind = rng.choice(OUTSIDE) if outside and maybe(rng, 0.8) else rng.choice(("namespaces", "pods", "pods"))
    if kind == "namespaces":
        return {"namespaces": spaces(rng)}
    if kind == "pods":
        return {"pods": pods(rng)}
    if kind == "networks":
        return {"networks": rng.sample(NETWORKS, rng.randint(1, 2))}
    if kind == "nodes":
        return {"nodes": {} if maybe(rng, 0.2) else selector(rng, NODE_LABELS)}
    return {"domainNames": rng.sample(PATTERNS, rng.randint(1, 2))}


def protocol(rng: random.Random, *, named: bool) -> Object:
    """One entry of protocols: a number, a rising range, or a name (C10, C11)."""
    shape = rng.choice(("number", "number", "range", "name", "name"))
    if shape == "name" and named:
        return {"destinationNamedPort": rng.choice(PORT_NAMES)}
    number = rng.choice(NUMBERS)
    port: Object = {"number": number}
    if shape == "range":
        port = {"range": {"start": number, "end": min(65535, number + rng.choice((1, 30, 2000, 65535)))}}
    return {rng.choice(TRANSPORTS): {"destinationPort": port}}


def old_port(rng: random.Random, *, named: bool) -> Object:
    """One entry of v1alpha1's ports; nothing orders the ends of a range (2.3)."""
    shape = rng.choice(("portNumber", "portNumber", "portRange", "name"))
    if shape == "name" and named:
        return {"namedPort": rng.choice(PORT_NAMES)}
    number = rng.choice(NUMBERS)
    made: dict[str, Any] = {"port": number}
    if shape == "portRange":
        made = {"start": number, "end": min(65535, max(1, number + rng.choice((-10, 0, 1, 30, 65535))))}
    if maybe(rng, 0.5):
        made["protocol"] = rng.choice(TRANSPORTS).upper()
    return {"portRange" if shape == "portRange" else "portNumber": made}
