"""A namespace selected by a label that it does not carry, as in `namespaceSelector: {matchLabels: {name: monitoring}}`.

No namespace has a label `name` unless somebody put it there. The one label that each namespace has, set by the API
server and immutable, is `kubernetes.io/metadata.name`. Many older examples use `name`, and so the rule matches nothing
and nobody notices until the scrape or the DNS query fails.

Said where a namespace of that name is in the input, its labels are known, and no namespace carries the label that the
selector asks for.

**What to do:** select by `kubernetes.io/metadata.name`. The fix opens what was meant to be open.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.networking import NetworkPolicy
from podwall.author.edit import Edit
from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.labels import Selector
from podwall.engine.rules import NamespacesMatching, Pods
from podwall.text.where import Path

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.policies:
        for rule in policy.rules:
            for number, peer in enumerate(rule.peers):
                if isinstance(peer, Pods) and isinstance(peer.scope, NamespacesMatching) and not facts.scope(peer):
                    yield from _of(facts, policy, peer.scope.selector, facts.field(rule, peer=number))


def _of(facts: Facts, policy: Policy, selector: Selector, path: Path) -> Iterator[Finding]:
    buckets = facts.model.cluster.namespaces
    for term in selector.terms:
        names = sorted(value for value in term.values if value is not None)
        if term.complement or term.key == NAME_LABEL or len(names) != 1 or names[0] not in buckets:
            continue
        declared = facts.options.whole or buckets[names[0]].declared is not None
        if declared and not any(bucket.labels.get(term.key) == names[0] for bucket in buckets.values()):
            yield Finding(
                policy.what,
                (*path, "namespaceSelector") if policy.ref.kind == "NetworkPolicy" else path,
                f"asks for {term.key}={names[0]}, a label that namespace {names[0]} does not carry: it matches nothing",
                f"write {NAME_LABEL}: {names[0]}, which every namespace has",
                fix=_fix(policy, (*path, "namespaceSelector", "matchLabels", term.key)),
            )


def _fix(policy: Policy, path: Path) -> Fix | None:
    """The label's name, where it is written as a label."""
    if not isinstance(policy.object, NetworkPolicy):
        return None
    edit = Edit(policy.origin, "rename", path, NAME_LABEL)
    return Fix(f"select by {NAME_LABEL}", (edit,))


_CLUSTER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: monitoring, labels: {team: sre}}
---
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: scrape, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from:
    - namespaceSelector:
        matchLabels:
          %s
"""

RULE = Rule(
    id="PW123",
    severity=Severity.ERROR,
    says="a namespace is selected by a label that it does not carry, though its name would do",
    check=_check,
    good=(
        Good(_CLUSTER + _POLICY % "kubernetes.io/metadata.name: monitoring"),
        Good(_CLUSTER + _POLICY % "team: sre"),
        Good(_CLUSTER + _POLICY % "name: elsewhere", because="no namespace of that name is here"),
        Good(_POLICY % "name: monitoring", because="the labels of the namespace are not known"),
    ),
    bad=(
        Bad(
            _CLUSTER + _POLICY % "name: monitoring",
            ("shop/scrape spec.ingress[0].from[0].namespaceSelector",),
            fixed=_CLUSTER + _POLICY % "kubernetes.io/metadata.name: monitoring",
        ),
    ),
)
