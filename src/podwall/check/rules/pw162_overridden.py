"""An Admin-tier rule overrides what a NetworkPolicy says about a connection.

That is what the tier is for, and also what makes a team search for hours: their policy allows, and the connection
fails, or their policy denies, and it is open. Each rule of the Admin tier that does so to a connection between
endpoints of the input is said once, with one such connection.

**What to do:** nothing, if it is meant; suppress it on the cluster policy with the reason. Else let the rule Pass what
the namespaces may decide on their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Policy, Witness
from podwall.check.pairs import BEYOND, Budget, TooManyPairs, connection, pairs, pieces
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.engine.judge import ports_on
from podwall.engine.rules import Action, Direction, Tier
from podwall.engine.rules import Rule as PolicyRule
from podwall.engine.verdict import Connection, Reason, Side

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    budget = Budget()
    for policy in facts.policies:
        for rule in policy.rules:
            if rule.tier is Tier.ADMIN and rule.action is not Action.PASS:
                try:
                    found = next(_overridden(facts, rule, budget), None)
                except TooManyPairs:
                    yield Skipped(policy.shown, BEYOND)
                    continue
                if found is not None:
                    yield _finding(facts, policy, rule, *found)


def _overridden(facts: Facts, rule: PolicyRule, budget: Budget) -> Iterator[tuple[Connection, Side]]:
    """Connections that this rule decides, with what the NetworkPolicy tier would have said to the contrary."""
    judge = facts.model.judge
    for source, destination in pairs(facts, rule, budget):
        end = destination if rule.direction is Direction.INGRESS else source
        if not (facts.isolating(end, rule.direction)):
            continue
        within = ports_on(rule.ports, destination)
        asked = connection(facts, source, destination, within) if within else None
        if asked is None:
            continue
        about = asked.destination if rule.direction is Direction.INGRESS else asked.source
        for piece in pieces(judge.rules(rule.direction, about), destination, within):
            one = connection(facts, source, destination, piece)
            if one is None:
                continue
            side = judge.side(rule.direction, one)
            if not side.matches or side.matches[0].rule is not rule:
                continue
            other = judge.side(rule.direction, one, without=rule)
            if other.reason in (Reason.RULE, Reason.NO_RULE) and other.isolated_by and other.allowed != side.allowed:
                yield one, other


def _finding(facts: Facts, policy: Policy, rule: PolicyRule, asked: Connection, other: Side) -> Finding:
    by = other.matches[0].rule.policy if other.matches else other.isolated_by[0].policy
    verb = "allows" if other.allowed else "denies"
    return Finding(
        policy.what,
        facts.field(rule),
        f"overrides NetworkPolicy {by.namespace}/{by.name}, which {verb} what this {_WORDS[rule.action]}",
        "let it Pass what namespaces may decide, or suppress this with the reason",
        witness=Witness(asked.source.name, asked.destination.name, asked.protocol, asked.port),
    )


_WORDS = {Action.ALLOW: "accepts", Action.DENY: "denies"}

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
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 5
  subject: {namespaces: {}}
  ingress:
  - action: %s
    from: [{namespaces: {}}]
    protocols: [{tcp: {destinationPort: {number: %s}}}]
"""

RULE = Rule(
    id="PW162",
    severity=Severity.WARNING,
    says="an Admin-tier rule overrides what a NetworkPolicy says",
    check=_check,
    good=(
        Good(_OBJECTS % ("Deny", 22), because="both deny it"),
        Good(_OBJECTS % ("Pass", 5432)),
    ),
    bad=(
        Bad(_OBJECTS % ("Deny", 5432), ("guard spec.ingress[0]",)),
        Bad(_OBJECTS % ("Accept", 9100), ("guard spec.ingress[0]",)),
    ),
)
