"""A policy in a namespace that does not exist protects nobody; `kubectl apply` refuses it, some pipelines do not say
so.

In files, a namespace may simply be declared elsewhere. So this is said only where the input shows that it knows the
namespaces: those of all its workloads are declared, and this one is neither declared nor used by anybody else.

**What to do:** correct `metadata.namespace`, or add the namespace.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.text.where import near

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    buckets = facts.model.cluster.namespaces.values()
    lived_in = [b for b in buckets if b.pods or b.workloads]
    known = [b.name for b in buckets if b.declared is not None]
    knows = facts.options.whole or (bool(lived_in) and all(b.declared is not None for b in lived_in))
    empty = {b.name for b in buckets if b.declared is None and not (b.pods or b.workloads or b.services)}
    for policy in facts.network_policies:
        name = policy.ref.namespace
        if name not in empty:
            continue
        if not knows:
            yield Skipped(policy.shown, "the namespaces of all workloads")
            continue
        meant = near(name, known)
        yield Finding(
            policy.what,
            ("metadata", "namespace"),
            f"there is no namespace {name}, so the policy protects nobody",
            f"write {meant}, if that was meant" if meant else "correct the name, or add the namespace",
        )


_CLUSTER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
---
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: %s}
spec: {podSelector: {}}
"""

RULE = Rule(
    id="PW121",
    severity=Severity.ERROR,
    says="the policy's namespace does not exist",
    check=_check,
    good=(
        Good(_CLUSTER + _POLICY % "shop"),
        Good(_POLICY % "shpo", because="an input of policies alone knows no namespaces"),
    ),
    bad=(Bad(_CLUSTER + _POLICY % "shpo", ("shop/deny metadata.namespace".replace("shop", "shpo"),)),),
)
