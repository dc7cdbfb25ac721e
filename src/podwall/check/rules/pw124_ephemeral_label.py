"""A selector on a label that Kubernetes makes anew: with the next rollout, or the next Job, it matches nobody.

`pod-template-hash` and `controller-revision-hash` change with every rollout; the pod's index or name picks one replica;
`controller-uid` and `job-name` are those of one run of a Job. Such labels get into policies by copying them from a
running Pod.

**What to do:** select by a label of the pod template that stays, best `app.kubernetes.io/name`.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import EPHEMERAL, Facts, Policy
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.engine.rules import Pods
from podwall.text.where import Path

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.policies:
        subjects = {i.subject for i in policy.isolations} | {r.subject for r in policy.rules}
        for subject in sorted(subjects, key=lambda s: s.selector.order()):
            yield from _of(policy, subject, ("spec", "podSelector" if policy.ref.namespace else "subject"))
        for rule in policy.rules:
            for number, peer in enumerate(rule.peers):
                if isinstance(peer, Pods):
                    yield from _of(policy, peer, facts.field(rule, peer=number))


def _of(policy: Policy, selection: Pods, path: Path) -> Iterator[Finding]:
    for term in selection.selector.terms:
        if term.key in EPHEMERAL:
            yield Finding(
                policy.what,
                path,
                f"selects by {term.key}, which {EPHEMERAL[term.key]}",
                "select by a label of the pod template that stays, such as app.kubernetes.io/name",
            )


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web%s}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: api%s}}}]
"""

RULE = Rule(
    id="PW124",
    severity=Severity.WARNING,
    says="a selector uses a label that Kubernetes makes anew",
    check=_check,
    good=(Good(_POLICY % ("", "")),),
    bad=(
        Bad(_POLICY % (", pod-template-hash: 6c9f7d8b5d", ""), ("shop/web spec.podSelector",)),
        Bad(_POLICY % ("", ", batch.kubernetes.io/job-name: load-1"), ("shop/web spec.ingress[0].from[0]",)),
    ),
)
