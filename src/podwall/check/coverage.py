"""Which namespaces are closed by default, and what opens one again as a whole. For checks and for the posture."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Policy
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import (
    Action,
    AnyPeer,
    AnyPort,
    Direction,
    NamespacesMatching,
    Pods,
    Rule,
    Tier,
)

__all__ = ["BRACKET", "default_deny", "is_bracket", "lived_in", "opened_again"]

BRACKET = "podwall.io/bracket"
"""The label of an allow-all that holds a namespace open while policies are rolled out."""


def lived_in(facts: Facts) -> list[str]:
    """The namespaces with an endpoint that policies can see, by name."""
    return [name for name, held in facts.endpoints.items() if any(not e.host_network for e in held)]


def default_deny(facts: Facts, namespace: str, direction: Direction) -> list[Policy]:
    """The policies that deny a direction to every present and future pod of a namespace, unless a rule allows it."""
    own = [
        policy
        for policy in facts.policies_in(namespace)
        if any(i.direction is direction and i.subject.selector == EVERYTHING for i in policy.isolations)
    ]
    wide = [
        policy
        for policy in facts.policies_in("")
        if any(_denies_all(facts, rule, namespace, direction) for rule in policy.rules)
    ]
    return own + wide


def _denies_all(facts: Facts, rule: Rule, namespace: str, direction: Direction) -> bool:
    """Whether a Baseline rule denies every pod of the cluster, on every port, to a whole namespace (D8)."""
    return (
        rule.tier is Tier.BASELINE
        and rule.direction is direction
        and rule.action is Action.DENY
        and rule.subject.selector == EVERYTHING
        and facts.is_in(namespace, rule.subject.scope)
        and any(isinstance(port, AnyPort) for port in rule.ports)
        and any(_is_every_pod(peer) for peer in rule.peers)
    )


def _is_every_pod(peer: object) -> bool:
    if isinstance(peer, AnyPeer):
        return True
    if not isinstance(peer, Pods) or peer.selector != EVERYTHING:
        return False
    return isinstance(peer.scope, NamespacesMatching) and peer.scope.selector == EVERYTHING


def opened_again(facts: Facts, namespace: str, direction: Direction) -> Iterator[tuple[Policy, Rule]]:
    """The rules that allow everything to all pods of a namespace: a default deny beside them denies nothing."""
    for policy in facts.policies_in(namespace):
        for rule in policy.rules:
            everyone = any(isinstance(peer, AnyPeer) for peer in rule.peers)
            everything = any(isinstance(port, AnyPort) for port in rule.ports)
            if rule.direction is direction and rule.subject.selector == EVERYTHING and everyone and everything:
                yield policy, rule


def is_bracket(policy: Policy) -> bool:
    """Whether an allow-all says that it belongs to a rollout."""
    return (policy.object.metadata.labels or {}).get(BRACKET) == "true"
