"""The few words that random clusters are made of, so that selectors, names, ports and blocks collide often."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")
Object = dict[str, Any]

NAMESPACES = ("alpha", "beta", "default", "gamma", "ghost")  # ghost is never declared (D11)
WEIGHTS = (5, 3, 2, 1, 1)  # most of what happens, happens in few namespaces
LABELS: dict[str, tuple[str, ...]] = {"app": ("web", "db", "api"), "tier": ("front", "back", ""), "role": ("cron",)}
NAMESPACE_LABELS: dict[str, tuple[str, ...]] = {"team": ("red", "blue"), "env": ("dev", "prod", "")}
PORT_NAMES = ("http", "dns", "metrics")
NUMBERS = (53, 80, 443, 8080, 8081, 9090)
PROTOCOLS = ("TCP", "UDP", "SCTP")
NODES = ("n1", "n2", "n3")
NODE_LABELS: dict[str, tuple[str, ...]] = {"role": ("worker", "edge"), "zone": ("a", "")}

# A block with blocks strictly inside it (V2). Pods are 10.244.N.I, nodes 192.168.0.N, Services 10.96.0.I.
BLOCKS: dict[str, tuple[str, ...]] = {
    "0.0.0.0/0": ("10.0.0.0/8", "192.168.0.0/16", "10.244.1.0/24", "203.0.113.0/24", "10.244.2.3/32"),
    "10.0.0.0/8": ("10.244.0.0/16", "10.244.1.0/24", "10.96.0.0/12"),
    "10.244.0.0/16": ("10.244.1.0/24", "10.244.2.0/25", "10.244.2.3/32"),
    "10.244.2.2/31": ("10.244.2.3/32",),
    "10.244.1.9/24": ("10.244.1.1/25",),  # host bits (D13)
    "10.96.0.0/16": ("10.96.0.4/30",),
    "192.168.0.0/24": ("192.168.0.2/32",),
    "203.0.113.0/24": ("203.0.113.128/25", "203.0.113.9/32"),
    "::/0": ("fd00::/8", "fd00:10:244::/64", "2001:db8::/32"),
    "fd00:10:244::/48": ("fd00:10:244:1::/64", "fd00:10:244:2::3/128"),
    "2001:db8::/64": ("2001:db8::8/125",),
    "fd00:192:168::/64": ("fd00:192:168::2/128",),
}
EXTERNAL = ("203.0.113.9", "203.0.113.200", "198.51.100.1", "10.244.99.99", "2001:db8::9", "2001:db8:1::1")
DOMAINS = ("example.com", "www.example.com", "a.www.example.com", "example.net", "otherexample.com")
PATTERNS = ("example.com", "www.example.com", "*.example.com", "*.www.example.com", "*.example.net", "Example.net.")


def maybe(rng: random.Random, chance: float) -> bool:
    """True with a chance of 0..1."""
    return rng.random() < chance


def namespace(rng: random.Random) -> str:
    """A namespace, the first ones more often."""
    return rng.choices(NAMESPACES, WEIGHTS)[0]


def some(rng: random.Random, items: Sequence[T], most: int) -> list[T]:
    """Between none and `most` different items."""
    return rng.sample(list(items), rng.randint(0, min(most, len(items))))


def labels(rng: random.Random, words: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Each key with one of its values, or absent."""
    return {key: rng.choice(values) for key, values in words.items() if maybe(rng, 0.6)}
