"""A rule whose every connection is denied at the other end: it opens nothing.

A connection needs both ends: egress at the source and ingress at the destination. Where both are isolated, a rule on
one side alone is half a permission, and nothing tells: each policy looks right.

Said of rules that name narrow peers (pods, not whole namespaces or everyone), where no pair and no port gets through.
The other end's policies are named, because that is where something is missing.

**What to do:** add the matching rule at the other end. `podwall explain` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Policy, Witness
from podwall.check.pairs import BEYOND, Budget, TooManyPairs, connection, pairs, pieces
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.engine.judge import ports_on
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import Direction, Pods
from podwall.engine.rules import Rule as PolicyRule
from podwall.engine.verdict import Connection, Side

__all__ = ["RULE"]

_OTHER = {Direction.EGRESS: Direction.INGRESS, Direction.INGRESS: Direction.EGRESS}


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    budget = Budget()
    for policy in facts.network_policies:
        for rule in policy.rules:
            if all(isinstance(peer, Pods) and peer.selector != EVERYTHING for peer in rule.peers):
                try:
                    denied = _denied(facts, rule, budget)
                except TooManyPairs:
                    yield Skipped(policy.shown, BEYOND)
                    continue
                if denied is not None:
                    yield _finding(facts, policy, rule, *denied)


def _denied(facts: Facts, rule: PolicyRule, budget: Budget) -> tuple[Connection, Side] | None:
    """The first connection and what denies it, if all are denied; None if one gets through, or there is none."""
    first: tuple[Connection, Side] | None = None
    judge, other = facts.model.judge, _OTHER[rule.direction]
    for source, destination in pairs(facts, rule, budget):
        within = ports_on(rule.ports, destination)
        asked = connection(facts, source, destination, within) if within else None
        if asked is None:
            continue
        rules = judge.rules(other, asked.destination if other is Direction.INGRESS else asked.source)
        for piece in pieces(rules, destination, within):
            one = connection(facts, source, destination, piece)
            if one is not None:
                side = judge.side(other, one)
                if side.allowed:
                    return None
                first = first or (one, side)
    return first


def _finding(facts: Facts, policy: Policy, rule: PolicyRule, asked: Connection, side: Side) -> Finding:
    end = "destination" if side.direction is Direction.INGRESS else "source"
    by = sorted({i.policy.name for i in side.isolated_by} | {m.rule.policy.name for m in side.matches})
    word = side.direction.value
    where = asked.destination if side.direction is Direction.INGRESS else asked.source
    return Finding(
        policy.what,
        facts.field(rule),
        f"opens nothing: every connection is denied at its {end}, as {word} of {where.name} by {', '.join(by[:3])}",
        f"add a rule for {word} at the {end}; podwall explain prints it",
        witness=Witness(asked.source.name, asked.destination.name, asked.protocol, asked.port),
    )


_PODS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [%s]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
"""
_OUT = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: db}}}]
    ports: [{port: %s}]
"""

RULE = Rule(
    id="PW140",
    severity=Severity.WARNING,
    says="a one-sided rule: everything it would allow is denied at the other end",
    check=_check,
    good=(
        Good(_PODS % "Ingress", because="egress is open"),
        Good(_PODS % "Ingress, Egress" + _OUT % "5432"),
        Good(_PODS % "Ingress, Egress" + _OUT % "5000, endPort: 6000"),
    ),
    bad=(
        Bad(_PODS % "Ingress, Egress", ("shop/db spec.ingress[0]",)),
        Bad(_PODS % "Ingress, Egress" + _OUT % "5433", ("shop/db spec.ingress[0]", "shop/web spec.egress[0]")),
    ),
)
