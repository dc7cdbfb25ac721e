"""Random NetworkPolicies that the API server would accept (V1-V9), in every nil, empty and absent form (N3, N6, N8)."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.truth.vocabulary import (
    BLOCKS,
    LABELS,
    NAMESPACE_LABELS,
    NAMESPACES,
    NUMBERS,
    PORT_NAMES,
    PROTOCOLS,
    Object,
    labels,
    maybe,
    namespace,
    some,
)

TYPES: tuple[list[str] | None, ...] = (
    ["Ingress"],
    ["Egress"],
    ["Ingress", "Egress"],
    ["Egress", "Ingress"],
    ["Ingress", "Ingress"],  # duplicates pass (V7)
    ["Egress", "Egress"],
    [],
    None,
)
NAME_LABEL = "kubernetes.io/metadata.name"


def random_policy(rng: random.Random, name: str) -> Object:
    """One valid policy."""
    meta: Object = {"name": name}
    home = namespace(rng)
    if home != "default" or maybe(rng, 0.5):  # without a namespace it is in default (D12)
        meta["namespace"] = home
    policy: Object = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta}
    policy["spec"] = random_spec(rng)
    if maybe(rng, 0.02):
        policy["spec"] = {}  # valid: isolates the whole namespace (V9, N2, N3)
    return policy


def random_spec(rng: random.Random) -> Object:
    """Subject, types and rules; rules may stand in a direction that types do not list (N4)."""
    spec: Object = {}
    put(rng, spec, "podSelector", lambda: subject(rng), {})
    if maybe(rng, 0.6):
        spec["policyTypes"] = rng.choice(TYPES)
    put(rng, spec, "ingress", lambda: [rule(rng, "from") for _ in range(rng.randint(1, 2))], [])
    put(rng, spec, "egress", lambda: [rule(rng, "to") for _ in range(rng.randint(1, 2))], [])
    return spec


def put(rng: random.Random, into: Object, key: str, make: Callable[[], object], empty: object) -> None:
    """A field with something in it, or in one of its three other forms: absent, null, empty."""
    chance = rng.random()
    if chance < 0.7:
        into[key] = make()
    elif chance < 0.8:
        into[key] = None
    elif chance < 0.9:
        into[key] = empty


def rule(rng: random.Random, peers: str) -> Object | None:
    """One rule; now and then a null one (N6)."""
    if maybe(rng, 0.03):
        return None
    made: Object = {}
    put(rng, made, peers, lambda: [peer(rng) for _ in range(rng.randint(1, 2))], [])
    put(rng, made, "ports", lambda: [port(rng) for _ in range(rng.randint(1, 2))], [])
    return made


def peer(rng: random.Random) -> Object:
    """One peer: selectors, with the other one absent or null, or a block (V1)."""
    shape = rng.choice(("pods", "pods", "namespaces", "both", "block", "block"))
    made: Object = {}
    if shape == "block":
        cidr = rng.choice(list(BLOCKS))
        made["ipBlock"] = {"cidr": cidr}
        put(rng, made["ipBlock"], "except", lambda: some(rng, BLOCKS[cidr], 2), [])
    if shape in ("pods", "both"):
        made["podSelector"] = selector(rng, LABELS)
    if shape in ("namespaces", "both"):
        made["namespaceSelector"] = namespace_selector(rng)
    for key in ("podSelector", "namespaceSelector", "ipBlock"):
        if key not in made and maybe(rng, 0.1):
            made[key] = None
    return made


def subject(rng: random.Random) -> Object:
    """The pods that a policy is about: one label, so that it selects some, or any selector."""
    return {"matchLabels": {"app": rng.choice(LABELS["app"])}} if maybe(rng, 0.5) else selector(rng, LABELS)


def namespace_selector(rng: random.Random) -> Object:
    """By label, or by the label that every namespace carries (N21)."""
    if maybe(rng, 0.4):
        return {"matchLabels": {NAME_LABEL: rng.choice(NAMESPACES)}}
    if maybe(rng, 0.2):
        operator = rng.choice(("In", "NotIn"))
        values = rng.sample(NAMESPACES, 2)
        return {"matchExpressions": [{"key": NAME_LABEL, "operator": operator, "values": values}]}
    return selector(rng, NAMESPACE_LABELS)


def selector(rng: random.Random, words: dict[str, tuple[str, ...]]) -> Object:
    """A label selector; both of its fields may be absent, null or empty, and then it matches everything (N9)."""
    made: Object = {}
    chance = rng.random()
    if chance < 0.5:
        made["matchLabels"] = labels(rng, words) or {"app": "web"}
    elif chance < 0.6:
        made["matchLabels"] = rng.choice((None, {}))
    chance = rng.random()
    if chance < 0.35:
        made["matchExpressions"] = [expression(rng, words) for _ in range(rng.randint(1, 2))]
    elif chance < 0.45:
        made["matchExpressions"] = rng.choice((None, []))
    return made


def expression(rng: random.Random, words: dict[str, tuple[str, ...]]) -> Object:
    """One of the four operators (V8: values exactly where they belong)."""
    key = rng.choice([*words, "absent"])
    operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    made: Object = {"key": key, "operator": operator}
    if operator in ("In", "NotIn"):
        values = words.get(key, ("x",))
        made["values"] = rng.sample(values, rng.randint(1, len(values)))
    elif maybe(rng, 0.2):
        made["values"] = rng.choice((None, []))
    return made


def port(rng: random.Random) -> Object | None:
    """One entry of ports: empty, null, protocol only, number, range or name (V4, V5, V6)."""
    if maybe(rng, 0.03):
        return None
    made: Object = {}
    if maybe(rng, 0.6):
        made["protocol"] = rng.choice((*PROTOCOLS, "TCP", "UDP"))
    elif maybe(rng, 0.1):
        made["protocol"] = None
    shape = rng.choice(("number", "number", "range", "name", "name", "none"))
    if shape in ("number", "range"):
        made["port"] = rng.choice(NUMBERS)
    if shape == "range":
        made["endPort"] = min(65535, made["port"] + rng.choice((0, 1, 30, 2000, 65535)))
    if shape == "name":
        made["port"] = rng.choice(PORT_NAMES)
    if shape == "none" and maybe(rng, 0.3):
        made["port"] = None
    return made
