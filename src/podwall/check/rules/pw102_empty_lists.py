"""An empty list of peers or ports does not mean nobody: it means everyone, external addresses included.

`from: []` and `from:` without entries are the same as no `from` at all. The same holds for `to` and `ports`. Whoever
writes `[]` there nearly always meant "none"; to allow nobody, leave the whole rule out. A `null` item (a lone `-`) is
as bad: as a rule it is an empty rule, which allows everything.

The other way round, `ingress: []` and `egress: []` allow nothing at all. In a policy that is called `allow-…` somebody
probably expected the opposite; this is said as an info.

**What to do:** for everyone, delete the empty list, so that the rule says what it does. For nobody, delete the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.api.networking import (
    NetworkPolicy,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicySpec,
)
from podwall.author.edit import Edit
from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.rules import Direction

__all__ = ["RULE"]

_WORDS = {"from": "any source", "to": "any destination", "ports": "every port of every protocol"}


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.network_policies:
        if isinstance(policy.object, NetworkPolicy) and policy.object.spec is not None:
            spec = policy.object.spec
            yield from _section(policy, "ingress", spec.ingress or ())
            yield from _section(policy, "egress", spec.egress or ())
            yield from _allowing_nothing(policy, spec)


def _section(
    policy: Policy, section: str, rules: Sequence[NetworkPolicyIngressRule | NetworkPolicyEgressRule | None]
) -> Iterator[Finding]:
    for number, rule in enumerate(rules):
        path = ("spec", section, number)
        if rule is None:
            yield Finding(
                policy.what,
                path,
                "is null, which the API server reads as an empty rule: it allows everything",
                "write the rule, or delete the line",
            )
            continue
        for name, held in (("from" if section == "ingress" else "to", rule.peers), ("ports", rule.ports)):
            if held is not None and not held:
                yield Finding(
                    policy.what,
                    (*path, name),
                    f"is empty, which means {_WORDS[name]}, not none",
                    "delete the rule if nobody was meant; delete the empty list if everyone was",
                    fix=Fix("say it by leaving the list out", (Edit(policy.origin, "remove", (*path, name)),)),
                )
            yield from _nulls(policy, (*path, name), held or ())


def _nulls(policy: Policy, path: tuple[str | int, ...], held: Sequence[object]) -> Iterator[Finding]:
    for number, item in enumerate(held):
        if item is None and path[-1] == "ports":
            yield Finding(
                policy.what,
                (*path, number),
                "is null, which the API server reads as an empty entry: every TCP port",
                "write the port, or delete the line",
            )


def _allowing_nothing(policy: Policy, spec: NetworkPolicySpec) -> Iterator[Finding]:
    if "allow" not in policy.ref.name.lower():
        return
    for direction, section in ((Direction.INGRESS, "ingress"), (Direction.EGRESS, "egress")):
        held = getattr(spec, section)
        isolates = any(isolation.direction is direction for isolation in policy.isolations)
        if isolates and held is not None and not held and not policy.rules:
            yield Finding(
                policy.what,
                ("spec", section),
                f"is empty, so the policy denies all {section}, although its name says allow",
                f"write `{section}: [{{}}]` to allow everything, or give the policy a name that says deny",
                severity=Severity.INFO,
            )


_PEERS = "  ingress:\n  - from: [{podSelector: {}}]\n    ports: "

_HEAD = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
"""

RULE = Rule(
    id="PW102",
    severity=Severity.WARNING,
    says="an empty list is read upside down: no peers or ports in it means everyone",
    check=_check,
    good=(
        Good(_HEAD % "web" + _PEERS + "[{port: 80}]\n"),
        Good(_HEAD % "web" + "  ingress:\n  - {}\n", because="everything, and it says so"),
        Good(_HEAD % "deny" + "  ingress: []\n", because="nothing, and its name says so"),
    ),
    bad=(
        Bad(
            _HEAD % "web" + "  ingress:\n  - from: []\n    ports: [{port: 80}]\n",
            ("shop/web spec.ingress[0].from",),
            fixed=_HEAD % "web" + "  ingress:\n  - ports: [{port: 80}]\n",
        ),
        Bad(
            _HEAD % "web" + "  ingress:\n  - from: [{podSelector: {}}]\n    ports: []\n",
            ("shop/web spec.ingress[0].ports",),
        ),
        Bad(_HEAD % "web" + "  ingress:\n  -\n", ("shop/web spec.ingress[0]",), because="a null rule allows all"),
        Bad(_HEAD % "allow-web" + "  ingress: []\n", ("shop/allow-web spec.ingress",)),
    ),
)
