"""A `namespaceSelector` and a `podSelector` in one list item mean both; in two items they mean either.

```yaml
from:
- namespaceSelector: {matchLabels: {team: monitoring}}
- podSelector: {matchLabels: {app: exporter}}    # one dash too many
```

This lets in every pod of those namespaces, and pods `app: exporter` of the policy's own namespace. It is the most
common mistake of all in a NetworkPolicy, it is valid, and it looks right in review.

Two items may well be meant. So this is said only where the pods tell: the lone `podSelector` matches nobody in the
policy's own namespace, and together with the other item it does match somebody there.

**What to do:** delete the dash, so that both selectors stand in one item. The fix takes connections away that are open
today, so it is unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from podwall.author.edit import Edit
from podwall.check.facts import Facts, Policy, Witness
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity, Skipped
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import InNamespace, NamespacesMatching, Pods
from podwall.engine.rules import Rule as PolicyRule
from podwall.text.where import Path

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    for policy in facts.network_policies:
        for rule in policy.rules:
            for number, (one, other) in enumerate(pairwise(rule.peers)):
                if isinstance(one, Pods) and isinstance(other, Pods):
                    yield from _pair(facts, policy, rule, number)


def _pair(facts: Facts, policy: Policy, rule: PolicyRule, number: int) -> Iterator[Finding | Skipped]:
    peers = [p for p in rule.peers[number : number + 2] if isinstance(p, Pods)]
    spaces = [n for n, p in enumerate(peers) if isinstance(p.scope, NamespacesMatching) and p.selector == EVERYTHING]
    alone = [n for n, p in enumerate(peers) if isinstance(p.scope, InNamespace) and p.selector != EVERYTHING]
    if len(spaces) != 1 or len(alone) != 1:
        return
    wide, lone = peers[spaces[0]], peers[alone[0]]
    if facts.selects_any(lone) or not facts.selects_any(Pods(wide.scope, lone.selector)):
        return
    if not facts.is_given(policy.ref.namespace):
        yield Skipped(policy.shown, f"all of namespace {policy.ref.namespace}")
        return
    path = facts.field(rule, peer=number + alone[0])
    yield Finding(
        policy.what,
        path,
        f"is an item of its own, so the item {'before' if alone[0] else 'behind'} it lets in whole namespaces; this one"
        f" matches no pod of {policy.ref.namespace}. Together they would be fewer: OR was written, AND was meant",
        "make one item of the two: take the dash away from the second",
        witness=_witness(facts, rule, wide, lone),
        fix=_fix(facts, policy, path, facts.field(rule, peer=number + spaces[0])),
    )


def _witness(facts: Facts, rule: PolicyRule, wide: Pods, lone: Pods) -> Witness | None:
    """A connection that is open and would not be: of the first subject that has one, the first."""
    outside = [e for e in facts.classes(facts.index.pods(wide)) if not lone.selector.matches(e.labels)]
    subjects = facts.classes(facts.index.pods(rule.subject))
    return next((w for s in subjects for p in outside if (w := facts.witness(rule, s, p)) is not None), None)


def _fix(facts: Facts, policy: Policy, path: Path, wide: Path) -> Fix | None:
    selector = facts.written(policy, (*path, "podSelector"))
    if not isinstance(selector, dict):
        return None
    kept = {key: value for key, value in selector.items() if value is not None}
    merged = Edit(policy.origin, "add", (*wide, "podSelector"), kept)
    return Fix("make one item of the two", (merged, Edit(policy.origin, "remove", path)), safe=False)


_CLUSTER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: watch, labels: {team: monitoring}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
---
apiVersion: v1
kind: Pod
metadata: {name: exporter, namespace: watch, labels: {app: exporter}}
---
apiVersion: v1
kind: Pod
metadata: {name: grafana, namespace: watch, labels: {app: grafana}}
---
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
  - from:
    - namespaceSelector: {matchLabels: {team: monitoring}}
    %s podSelector:
        matchLabels:
          app: %s
    ports: [{port: 5432}]
"""

RULE = Rule(
    id="PW101",
    severity=Severity.WARNING,
    says="namespaceSelector and podSelector stand in two list items (OR) where one (AND) was meant",
    check=_check,
    good=(
        Good(_CLUSTER + _POLICY % (" ", "exporter")),
        Good(_CLUSTER + _POLICY % ("-", "db"), because="the pod is in the policy's own namespace: OR makes sense"),
        Good(_CLUSTER + _POLICY % ("-", "nobody"), because="nobody matches the two together either"),
    ),
    bad=(
        Bad(
            _CLUSTER + _POLICY % ("-", "exporter"),
            ("shop/db spec.ingress[0].from[1]",),
            fixed=_CLUSTER + _POLICY % (" ", "exporter"),
        ),
    ),
)
