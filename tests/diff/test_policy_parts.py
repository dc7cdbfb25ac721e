"""Changed policies taken apart: the fields that are named, and the policy with some of its edits undone."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from podwall.api.networking import NetworkPolicy
from podwall.api.policy import ClusterNetworkPolicy
from podwall.diff.policy_parts import policy_change
from podwall.engine.policies import clusternetworkpolicy, networkpolicy
from podwall.engine.rules import Direction, PolicyRules
from tests.truth.policies import random_spec

WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
API = {"podSelector": {"matchLabels": {"app": "api"}}}
ALL = {"ipBlock": {"cidr": "0.0.0.0/0"}}
HTTP, TLS = {"port": 80}, {"port": 443}


def policy(**spec: Any) -> PolicyRules:
    return networkpolicy.rules_of(msgspec.convert({"metadata": {"name": "p"}, "spec": spec}, NetworkPolicy), "ns")


def tiered(*rules: Any, priority: int = 1, tier: str = "Admin") -> PolicyRules:
    spec = {"tier": tier, "priority": priority, "subject": {"namespaces": {}}, "ingress": list(rules)}
    return clusternetworkpolicy.rules_of(
        msgspec.convert({"metadata": {"name": "p"}, "spec": spec}, ClusterNetworkPolicy)
    )


def rule(action: str, *namespaces: str) -> dict[str, Any]:
    return {"action": action, "from": [{"namespaces": {"matchLabels": {"n": name}}} for name in namespaces]}


def ingress(*rules: Any, **spec: Any) -> PolicyRules:
    return policy(ingress=list(rules), **spec)


CASES = [
    ("nothing", ingress({"from": [WEB]}), ingress({"from": [WEB]}), []),
    ("order of rules", ingress({"from": [WEB]}, {"ports": [HTTP]}), ingress({"ports": [HTTP]}, {"from": [WEB]}), []),
    ("a rule", ingress({"from": [WEB]}), ingress({"from": [WEB]}, {"ports": [HTTP]}), ["spec.ingress[1] added"]),
    ("no rule", ingress({"ports": [HTTP]}, {"from": [WEB]}), ingress({"from": [WEB]}), ["spec.ingress[0] removed"]),
    ("a peer", ingress({"from": [WEB]}), ingress({"from": [API, WEB]}), ["spec.ingress[0].from[0] added"]),
    ("no peer", ingress({"from": [API, WEB]}), ingress({"from": [WEB]}), ["spec.ingress[0].from[0] removed"]),
    (
        "another peer",
        ingress({"from": [WEB], "ports": [HTTP]}),
        ingress({"from": [ALL], "ports": [HTTP]}),
        ["spec.ingress[0].from[0] removed", "spec.ingress[0].from[0] added"],
    ),
    (
        "everyone",
        ingress({"from": [WEB], "ports": [HTTP]}),
        ingress({"ports": [HTTP]}),
        ["spec.ingress[0].from changed"],
    ),
    (
        "a port",
        ingress({"from": [WEB], "ports": [HTTP]}),
        ingress({"from": [WEB], "ports": [HTTP, TLS]}),
        ["spec.ingress[0].ports[1] added"],
    ),
    (
        "all ports",
        ingress({"from": [WEB], "ports": [HTTP]}),
        ingress({"from": [WEB]}),
        ["spec.ingress[0].ports changed"],
    ),
    (
        "another rule",
        ingress({"from": [WEB], "ports": [HTTP]}),
        ingress({"from": [API], "ports": [TLS]}),
        ["spec.ingress[0] added", "spec.ingress[0] removed"],
    ),
    ("another subject", policy(podSelector={"matchLabels": {"a": "b"}}), policy(), ["spec.podSelector changed"]),
    (
        "a direction",
        ingress({"from": [WEB]}),
        ingress({"from": [WEB]}, policyTypes=["Ingress", "Egress"]),
        ["spec.policyTypes added Egress"],
    ),
    ("a priority", tiered(rule("Deny", "a")), tiered(rule("Deny", "a"), priority=2), ["spec.priority changed"]),
    ("a tier", tiered(rule("Deny", "a")), tiered(rule("Deny", "a"), tier="Baseline"), ["spec.tier changed"]),
    (
        "an action",
        tiered(rule("Deny", "a")),
        tiered(rule("Accept", "a")),
        ["spec.ingress[0] removed", "spec.ingress[0] added"],
    ),
    (
        "order of tiered rules",
        tiered(rule("Deny", "a"), rule("Accept", "b")),
        tiered(rule("Accept", "b"), rule("Deny", "a")),
        ["spec.ingress[0] added", "spec.ingress[1] removed"],
    ),
    (
        "a peer of a tiered rule",
        tiered(rule("Deny", "a"), rule("Accept", "b")),
        tiered(rule("Deny", "a"), rule("Accept", "b", "c")),
        ["spec.ingress[1].from[1] added"],
    ),
]


@pytest.mark.parametrize(("old", "new", "parts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_named(old: PolicyRules, new: PolicyRules, parts: list[str]) -> None:
    found = policy_change(old, new).parts
    assert sorted(f"{p.path} {p.what} {p.about}".strip() for p in found) == sorted(parts)


def sense(found: PolicyRules, *, in_order: bool) -> list[object]:
    """All that a policy says; rules of NetworkPolicies in any order."""
    rules = [(r.direction, r.tier, r.order[0], r.subject, r.peers, r.ports, r.action) for r in found.rules]
    ordered = [[str(r) for r in rules if r[0] is d] for d in Direction] if in_order else [sorted(map(str, rules))]
    return [sorted(map(str, found.isolations)), *ordered]


@pytest.mark.parametrize(("old", "new"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_nothing_undone_is_the_new_policy_and_all_undone_the_old_one(old: PolicyRules, new: PolicyRules) -> None:
    found, in_order = policy_change(old, new), old.policy.kind != "NetworkPolicy"
    assert sense(found.undone(frozenset()), in_order=in_order) == sense(new, in_order=in_order)
    everything = frozenset(range(len(found.parts)))
    assert not found.parts or found.undone(everything) == old


@pytest.mark.parametrize("seed", range(300))
def test_random_policies_with_their_parts_undone(seed: int) -> None:
    rng = random.Random(seed)
    old, new = (policy(**random_spec(rng)) for _ in range(2))
    found = policy_change(old, new)
    assert sense(found.undone(frozenset()), in_order=False) == sense(new, in_order=False)
    if not found.parts:
        assert sense(old, in_order=False) == sense(new, in_order=False)
    for number in range(len(found.parts)):  # any mixture is a policy that can be judged
        found.undone(frozenset({number}))


def test_a_peer_and_a_port_are_undone_one_by_one() -> None:
    old, new = ingress({"from": [WEB], "ports": [HTTP]}), ingress({"from": [WEB, API], "ports": [HTTP, TLS]})
    found = policy_change(old, new)
    peer, port = (n for n, part in enumerate(found.parts) if "[1]" in part.path)
    assert sense(found.undone(frozenset({peer})), in_order=False) == sense(
        ingress({"from": [WEB], "ports": [HTTP, TLS]}), in_order=False
    )
    assert sense(found.undone(frozenset({port})), in_order=False) == sense(
        ingress({"from": [WEB, API], "ports": [HTTP]}), in_order=False
    )
