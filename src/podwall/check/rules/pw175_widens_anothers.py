"""In a namespace that several teams share, one team's policy lets somebody in to another team's workload.

Policies add up: whoever may write a NetworkPolicy in a namespace may open every pod of it. That is how the API is, and
in a shared namespace it is worth knowing, so it is an info.

Said where the owner of the policy and the owner of the workload are both known and differ, and a connection is let in
by this rule alone. Owners come from `podwall.io/owner` and from CODEOWNERS.

**What to do:** let the workload's owner approve the policy, or move the two into namespaces of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Policy, Witness
from podwall.check.pairs import BEYOND, Budget, TooManyPairs, connection, pairs
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.cluster.endpoints import Endpoint
from podwall.engine.judge import ports_on
from podwall.engine.rules import Direction
from podwall.engine.rules import Rule as PolicyRule
from podwall.engine.verdict import Connection

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    budget = Budget()
    for policy in facts.network_policies:
        ours = facts.owner(policy.ref.kind, policy.ref.namespace, policy.ref.name)
        for rule in (r for r in policy.rules if ours and r.direction is Direction.INGRESS):
            try:
                found = next(_widened(facts, rule, ours, budget), None)
            except TooManyPairs:
                yield Skipped(policy.shown, BEYOND)
                continue
            if found is not None:
                yield _finding(facts, policy, rule, *found)


def _widened(facts: Facts, rule: PolicyRule, ours: str | None, budget: Budget) -> Iterator[tuple[Connection, Endpoint]]:
    """Connections that only this rule lets in to somebody else's workload."""
    for source, destination in pairs(facts, rule, budget):
        if facts.owner_of(destination) in (None, ours):
            continue
        ports = ports_on(rule.ports, destination)
        asked = connection(facts, source, destination, ports) if ports else None
        if asked is not None and facts.model.judge.side(rule.direction, asked, evidence=False).allowed:
            without = facts.model.judge.side(rule.direction, asked, evidence=False, without=rule)
            if not without.allowed:
                yield asked, destination


def _finding(facts: Facts, policy: Policy, rule: PolicyRule, asked: Connection, destination: Endpoint) -> Finding:
    return Finding(
        policy.what,
        facts.field(rule),
        f"lets {asked.source.name} in to {asked.destination.name}, which belongs to {facts.owner_of(destination)}",
        "let its owner approve this, or give each owner a namespace",
        witness=Witness(asked.source.name, asked.destination.name, asked.protocol, asked.port),
    )


_OBJECTS = """\
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
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: in, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
"""
_POLICY, _DB = ("NetworkPolicy", "shop", "in"), ("Pod", "shop", "db")

RULE = Rule(
    id="PW175",
    severity=Severity.INFO,
    says="a policy of one owner widens what another owner's workload accepts",
    check=_check,
    good=(
        Good(_OBJECTS, because="owners are not known"),
        Good(_OBJECTS, owners={_POLICY: "data", _DB: "data"}),
    ),
    bad=(Bad(_OBJECTS, ("shop/in spec.ingress[0]",), owners={_POLICY: "web", _DB: "data"}),),
)
