"""Two cluster-wide policies of one tier and one priority disagree about the same connection.

Which of the two then wins is not defined: implementations differ, some go by name, and an update may turn it round.
Podwall goes by name and says so here. Policies may share a priority as long as they are about different connections.

Said where a connection between endpoints of the input is decided by one of the two, and the other one says the
opposite.

**What to do:** give one of them another priority; the lower number comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from podwall.check.facts import Facts, Policy, Witness
from podwall.check.pairs import BEYOND, Budget, TooManyPairs, connection, pairs, pieces
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.engine.judge import ports_on
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    ranked: dict[tuple[int, int], list[Policy]] = {}
    for policy in facts.policies:
        if not policy.ref.namespace and policy.rules:
            rule = policy.rules[0]
            ranked.setdefault((rule.tier, rule.order[0]), []).append(policy)
    budget = Budget()
    for (_, priority), tied in sorted(ranked.items()):
        for one, other in combinations(sorted(tied, key=lambda p: (p.ref.name, p.ref.kind)), 2):
            try:
                found = next(_disagreements(facts, one, other, budget), None)
            except TooManyPairs:
                yield Skipped(other.shown, BEYOND)
                continue
            if found is not None:
                rule, witness = found
                yield Finding(
                    other.what,
                    facts.field(rule),
                    f"disagrees with {one.ref.kind} {one.ref.name}, which has the same priority {priority}: which of"
                    " the two wins is not defined",
                    "give one of them another priority; the lower number comes first",
                    witness=witness,
                )


def _disagreements(facts: Facts, one: Policy, other: Policy, budget: Budget) -> Iterator[tuple[PolicyRule, Witness]]:
    """The rules of `other` that would decide otherwise what `one` decides, each with a connection."""
    for rule in other.rules:
        against = [r for r in one.rules if r.direction is rule.direction and r.action is not rule.action]
        for source, destination in pairs(facts, rule, budget) if against else ():
            for piece in pieces(against, destination, ports_on(rule.ports, destination)):
                asked = connection(facts, source, destination, piece)
                if asked is None:
                    continue
                side = facts.model.judge.side(rule.direction, asked)
                deciding = [*side.passed, *side.matches]
                if deciding and deciding[0].rule in against:
                    yield rule, Witness(asked.source.name, asked.destination.name, asked.protocol, asked.port)


_PODS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: data, labels: {app: db}}
"""
_POLICY = """\
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: %s}
spec:
  tier: Admin
  priority: %s
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: data}}}
  ingress:
  - action: %s
    from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: %s}}}]
"""

RULE = Rule(
    id="PW163",
    severity=Severity.WARNING,
    says="two cluster policies of one tier and priority disagree",
    check=_check,
    good=(
        Good(_PODS + _POLICY % ("a", 5, "Accept", "shop") + _POLICY % ("b", 6, "Deny", "shop")),
        Good(_PODS + _POLICY % ("a", 5, "Deny", "shop") + _POLICY % ("b", 5, "Deny", "shop")),
        Good(_PODS + _POLICY % ("a", 5, "Accept", "shop") + _POLICY % ("b", 5, "Deny", "far"), because="other pods"),
        Good(
            _PODS
            + _POLICY % ("a", 5, "Accept", "shop")
            + _POLICY % ("b", 5, "Deny", "shop")
            + _POLICY % ("z", 1, "Deny", "shop"),
            because="a third one decides before both",
        ),
    ),
    bad=(
        Bad(_PODS + _POLICY % ("a", 5, "Accept", "shop") + _POLICY % ("b", 5, "Deny", "shop"), ("b spec.ingress[0]",)),
    ),
)
