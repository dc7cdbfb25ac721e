"""A peer that matches no pod, or no namespace, opens nothing: the rule looks like protection and like permission, and
is neither. Whoever was meant is cut off.

Selectors of pods and of namespaces are both looked at, on the input as it is. A peer in a namespace of which the input
does not hold everything is left alone, and so is a selector of namespaces that matches none of the input's, unless the
input is a whole cluster: they may be in files that are not here.

**What to do:** compare the selector with the labels that the pods really have. `podwall explain` between the two ends
shows which label differs.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.engine.rules import Pods
from podwall.text.where import Path

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    for policy in facts.policies:
        for rule in policy.rules:
            for number, peer in enumerate(rule.peers):
                if isinstance(peer, Pods) and facts.selects_nobody(peer):
                    yield _said(facts, policy, peer, facts.field(rule, peer=number))


def _said(facts: Facts, policy: Policy, peer: Pods, path: Path) -> Finding | Skipped:
    spaces = facts.scope(peer)
    missing = [name for name in spaces if not facts.is_given(name)]
    if missing or not (spaces or facts.options.whole):
        return Skipped(policy.shown, f"all of namespace {missing[0]}" if missing else "all namespaces of the cluster")
    slip = facts.near_label(peer)
    where = "namespace" if not spaces else f"pod of {_listed(spaces)}"
    return Finding(
        policy.what,
        path,
        f"matches no {where}, so it lets nobody through",
        f"write {slip[0]}: {slip[2]} for {slip[1]}, if that is who was meant" if slip else "correct the labels",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} namespaces"


_CLUSTER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
---
"""
_HOST = """\
apiVersion: v1
kind: Pod
metadata: {name: probe, namespace: shop, labels: {app: probe}}
spec: {hostNetwork: true}
---
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from:
    - {%s}
"""

RULE = Rule(
    id="PW122",
    severity=Severity.WARNING,
    says="a peer matches no pod or no namespace",
    check=_check,
    good=(
        Good(_CLUSTER + _POLICY % "podSelector: {matchLabels: {app: web}}"),
        Good(
            _CLUSTER + _HOST + _POLICY % "podSelector: {matchLabels: {app: probe}}",
            because="the pod is there, though on its host's network: PW171",
        ),
        Good(_CLUSTER + _POLICY % "namespaceSelector: {matchLabels: {team: far}}", because="they may be elsewhere"),
    ),
    bad=(
        Bad(_CLUSTER + _POLICY % "podSelector: {matchLabels: {app: wbe}}", ("shop/db spec.ingress[0].from[0]",)),
        Bad(
            _CLUSTER + _POLICY % "namespaceSelector: {}, podSelector: {matchLabels: {app: batch}}",
            ("shop/db spec.ingress[0].from[0]",),
        ),
    ),
)
