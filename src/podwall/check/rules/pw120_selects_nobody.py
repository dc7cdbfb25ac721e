"""A policy whose `podSelector` matches no pod protects nobody and opens nothing: it is as if it were not there.

Most often the label was renamed on the workload, or mistyped here. Two things make this finding worth trusting:

- workloads count as well as running Pods, so a Deployment that is scaled to zero is somebody;
- nothing is said about a namespace of which the input does not hold everything (its Namespace object, and Pods or
  workloads): who is not in the file may still be in the cluster.

**What to do:** give the selector a label that the pods do carry, or delete the policy. If the workload has yet to come,
suppress the finding with a reason and a date.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.text.where import near

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    for policy in facts.network_policies:
        namespace = policy.ref.namespace
        if not all(facts.selects_nobody(isolation.subject) for isolation in policy.isolations):
            continue
        if not facts.is_given(namespace):
            yield Skipped(policy.shown, f"all of namespace {namespace}")
            continue
        yield Finding(
            policy.what,
            ("spec", "podSelector"),
            f"selects no pod of {namespace}, so the policy does nothing",
            _advice(facts, namespace, policy.isolations[0].subject.selector.witness() or {}),
        )


def _advice(facts: Facts, namespace: str, wanted: dict[str, str]) -> str:
    """The label that was probably meant, where one is near."""
    for key, value in sorted(wanted.items()):
        meant = near(value, {e.labels[key] for e in facts.endpoints[namespace] if key in e.labels})
        if meant is not None:
            return f"write {key}: {meant}, if that is who was meant; else delete the policy"
    return "give it labels that the pods carry, or delete the policy"


_NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web}]}}
"""

_POLICY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: %s}}
  ingress: [{}]
"""

RULE = Rule(
    id="PW120",
    severity=Severity.WARNING,
    says="podSelector selects no pod",
    check=_check,
    good=(
        Good(_NAMESPACE + _POLICY % "web"),
        Good(_POLICY % "web", because="the input does not hold the namespace"),
        Good(
            (_NAMESPACE + _POLICY % "x").replace("{app: x}", "{pod-template-hash: 5d9c}"),
            because="only running Pods have such a label: PW124",
        ),
        Good(
            _NAMESPACE.replace("containers", "hostNetwork: true, containers") + _POLICY % "web",
            because="the pod is there, though on its host's network: PW171",
        ),
        Good(_NAMESPACE + _POLICY.replace("{matchLabels: {app: %s}}", "{}"), because="{} is everyone"),
    ),
    bad=(Bad(_NAMESPACE + _POLICY % "wbe", ("shop/web spec.podSelector",)),),
)
