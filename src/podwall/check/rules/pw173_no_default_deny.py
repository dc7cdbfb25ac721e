"""A namespace without a default deny: whatever no policy selects can be reached by, or can reach, everyone.

A default deny is a policy with `podSelector: {}` and the direction in `policyTypes`; a Baseline rule that denies every
pod of the cluster counts as well. Policies that select single workloads do not: the next workload is open until
somebody thinks of it. System namespaces are left alone.

A second thing is said here: an allow-all over a whole namespace beside its default deny. Policies add up, so the
default deny then denies nothing. An allow-all with the label `podwall.io/bracket: "true"` is there for a rollout and
is named as such; it is meant to go.

**What to do:** see what the workloads need first (`podwall map`), allow that, and add the default deny last. The fix
adds the policy, which closes what nobody allows: it is unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.coverage import default_deny, is_bracket, lived_in, opened_again
from podwall.check.facts import Facts, Object
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.rules import Direction

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for namespace in lived_in(facts):
        if namespace in facts.options.system:
            continue
        missing = [d for d in (Direction.INGRESS, Direction.EGRESS) if not default_deny(facts, namespace, d)]
        if missing:
            yield _without(facts, namespace, missing)
        for direction in Direction:
            if direction not in missing:
                yield from _defeated(facts, namespace, direction)


def _without(facts: Facts, namespace: str, missing: list[Direction]) -> Finding:
    declared = facts.model.cluster.namespaces[namespace].declared
    words = " or ".join(direction.value for direction in missing)
    types = ", ".join(direction.value.capitalize() for direction in missing)
    return Finding(
        Object("Namespace", "", namespace, declared),
        (),
        f"has no default deny for {words}: pods that no policy selects are open in that direction",
        f"allow what its workloads need, then add a policy with podSelector: {{}} and policyTypes: [{types}]",
        fix=_fix(facts, namespace, missing),
    )


def _fix(facts: Facts, namespace: str, missing: list[Direction]) -> Fix | None:
    """The policy behind the Namespace object, or behind the namespace's first policy."""
    bucket = facts.model.cluster.namespaces[namespace]
    place = bucket.policies[0].origin if bucket.policies else bucket.declared
    if place is None:
        return None
    name = "default-deny" if len(missing) == 2 else f"default-deny-{missing[0].value}"
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": {}, "policyTypes": [direction.value.capitalize() for direction in missing]},
    }
    return Fix(f"add the policy {name}", (Edit(place, "append", (), policy),), safe=False)


def _defeated(facts: Facts, namespace: str, direction: Direction) -> Iterator[Finding]:
    for policy, rule in opened_again(facts, namespace, direction):
        if is_bracket(policy):
            message = f"holds all {direction.value} of {namespace} open while policies are rolled out"
            yield Finding(policy.what, facts.field(rule), message, "remove it when the rollout is done")
        else:
            message = f"allows all {direction.value} of every pod of {namespace}, so the default deny denies nothing"
            yield Finding(policy.what, facts.field(rule), message, "delete it, or select the pods that it is meant for")


_CLUSTER = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
"""
_DENY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
_FIXED = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
  namespace: shop
spec:
  podSelector: {}
  policyTypes:
  - Ingress
  - Egress
"""
_ALL = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: shop%s}
spec: {podSelector: {}, ingress: [{}]}
"""

RULE = Rule(
    id="PW173",
    severity=Severity.WARNING,
    says="a namespace has no default deny, or an allow-all defeats it",
    check=_check,
    good=(
        Good(_CLUSTER + _DENY),
        Good(_CLUSTER.replace("shop", "kube-system"), because="a system namespace"),
        Good(_CLUSTER.split("---", maxsplit=1)[0], because="nobody lives there"),
    ),
    bad=(
        Bad(_CLUSTER, ("shop",), fixed=_CLUSTER.replace("---\n", _FIXED + "---\n", 1)),
        Bad(_CLUSTER + _DENY.replace("Ingress, ", ""), ("shop",), because="ingress is open"),
        Bad(_CLUSTER + _DENY + _ALL % "", ("shop/open spec.ingress[0]",)),
        Bad(_CLUSTER + _DENY + _ALL % ', labels: {podwall.io/bracket: "true"}', ("shop/open spec.ingress[0]",)),
    ),
)
