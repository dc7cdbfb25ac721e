"""A named port that stands for nothing on the pods that it is looked up on, or for different numbers.

A name in `ports` is looked up on the destination pod, among the ports of that protocol that its containers name. Where
no pod has it, the rule allows nothing. Where pods have different numbers by that name, each gets its own, which is
often the point of a name, so that is an info only.

**What to do:** use a name that the containers have (names are case-sensitive), or the number.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.engine.rules import NamedPort
from podwall.engine.rules import Rule as PolicyRule
from podwall.text.where import near

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.policies:
        for rule in policy.rules:
            for number, port in enumerate(rule.ports):
                if isinstance(port, NamedPort):
                    said = _said(facts, rule, port)
                    if said is not None:
                        message, advice, severity = said
                        path = facts.field(rule, port=number)
                        yield Finding(policy.what, path, message, advice, severity=severity)


def _said(facts: Facts, rule: PolicyRule, port: NamedPort) -> tuple[str, str, Severity] | None:
    where = facts.about(rule)
    if not where:  # who is selected is another question
        return None
    numbers = facts.ports.numbers(where, port.name, port.protocol)
    if not numbers:
        names = facts.ports.names(where)
        meant = near(port.name, names)
        have = f"they have {', '.join(names)}" if names else "their ports have no names"
        return (
            f"no pod that this is about has a port named {port.name} ({port.protocol or 'any protocol'}); {have}",
            f"write {meant}" if meant else "write a name that the containers have, or the number",
            Severity.ERROR,
        )
    if len(numbers) > 1:
        listed = " and ".join(map(str, numbers))
        message = f"{port.name} stands for {listed} on different pods; each is allowed on its own"
        return message, "nothing, if that is meant; else write the number", Severity.INFO
    return None


_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{name: http, containerPort: %s}]}]}
---
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - ports: [{port: %s}]
"""

RULE = Rule(
    id="PW132",
    severity=Severity.ERROR,
    says="a named port that resolves nowhere, or to different numbers on different pods",
    check=_check,
    good=(
        Good(_POD % ("a", "8080") + _POD % ("b", "8080") + _POLICY % "http"),
        Good(_POLICY % "http", because="there is no pod to look it up on"),
    ),
    bad=(
        Bad(_POD % ("a", "8080") + _POLICY % "htpp", ("shop/web spec.ingress[0].ports[0]",)),
        Bad(_POD % ("a", "8080") + _POLICY % "http, protocol: UDP", ("shop/web spec.ingress[0].ports[0]",)),
        Bad(_POD % ("a", "8080") + _POD % ("b", "9090") + _POLICY % "http", ("shop/web spec.ingress[0].ports[0]",)),
    ),
)
