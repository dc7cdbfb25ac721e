"""A default deny in `kube-system` or another system namespace: what the cluster itself runs on is cut off.

Cluster DNS must be reached by every pod, the metrics server and admission webhooks by the API server, CNI and storage
controllers by nodes. A default deny there has taken down more clusters than it has protected.

**What to do:** take it away, or protect single workloads of that namespace with policies that select them.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.coverage import default_deny
from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.engine.rules import Direction, PolicyRef

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for namespace in sorted(facts.options.system):
        found: dict[PolicyRef, tuple[Policy, list[str]]] = {}
        for direction in (Direction.INGRESS, Direction.EGRESS):
            for policy in default_deny(facts, namespace, direction):
                if policy.ref.namespace:
                    found.setdefault(policy.ref, (policy, []))[1].append(direction.value)
        for policy, words in found.values():
            yield Finding(
                policy.what,
                ("spec", "podSelector"),
                f"puts {namespace} under a default deny for {' and '.join(words)}: what the cluster runs on is cut off",
                "take it away, or select single workloads of this namespace",
            )


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: kube-system}
spec: {podSelector: %s, policyTypes: [Ingress]}
"""

RULE = Rule(
    id="PW174",
    severity=Severity.WARNING,
    says="a system namespace is under a default deny",
    check=_check,
    good=(
        Good(_POLICY % "{matchLabels: {app: dashboard}}"),
        Good((_POLICY % "{}").replace("kube-system", "shop")),
    ),
    bad=(Bad(_POLICY % "{}", ("kube-system/deny spec.podSelector",)),),
)
