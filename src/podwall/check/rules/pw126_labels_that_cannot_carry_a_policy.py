"""Labels that no policy can rest on, and slips in selectors.

A policy knows workloads by their labels alone. So a workload without a label of its own can only be selected together
with all others, and two workloads with the same labels cannot be told apart: whatever one of them is allowed, the other
one is, too. Labels that Kubernetes makes anew with each rollout do not count.

A value in a selector that no pod has, and that is nearly one that pods do have (`app: wbe`), is most probably a slip.

**What to do:** give each workload's pod template a label of its own, best `app.kubernetes.io/name` (and `instance`,
where one application is installed several times). For a slip, correct the value.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import EPHEMERAL, Facts, Object
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.engine.rules import Pods

__all__ = ["RULE"]

_Labels = tuple[tuple[str, str], ...]


def _check(facts: Facts) -> Iterator[Finding]:
    yield from _workloads(facts)
    yield from _slips(facts)


def _workloads(facts: Facts) -> Iterator[Finding]:
    named: dict[tuple[str, _Labels], list[Object]] = {}
    for group in facts.groups:
        member = group.members[0]
        if not member.host_network and group.namespace not in facts.options.system:
            name = member.controller.name if member.controller else member.name
            kind = member.controller.kind if member.controller else "Pod"
            what = Object(kind, group.namespace, name, facts.origin(kind, group.namespace, name))
            held = named.setdefault((group.namespace, _stable(group.labels)), [])
            held += [what] if what not in held else []
    for (_, labels), found in sorted(named.items()):
        for what in found:
            others = [other.name for other in found if other is not what]
            if not labels:
                message = "has no label of its own that stays: no policy can select it apart from all others"
            elif others:
                message = f"has the same labels as {_listed(others)}: no policy can tell them apart"
            else:
                continue
            yield Finding(what, (), message, "give its pod template a label of its own, app.kubernetes.io/name")


def _stable(labels: dict[str, str]) -> _Labels:
    return tuple(sorted((key, value) for key, value in labels.items() if key not in EPHEMERAL))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _slips(facts: Facts) -> Iterator[Finding]:
    for policy in facts.policies:
        places = [(i.subject, ("spec", "podSelector")) for i in policy.isolations[:1]]
        places += [
            (peer, facts.field(rule, peer=number))  # type: ignore[misc]
            for rule in policy.rules
            for number, peer in enumerate(rule.peers)
            if isinstance(peer, Pods)
        ]
        for selection, path in places:
            slip = facts.near_label(selection) if facts.selects_nobody(selection) else None
            if slip is not None:
                key, wrong, meant = slip
                message = f"asks for {key}: {wrong}, which no pod there has; pods there have {key}: {meant}"
                yield Finding(policy.what, path, message, f"write {meant}, if that was meant")


_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: shop%s}
---
"""
_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: %s}}}]
"""
_PODS = _POD % ("web", ", labels: {app: web}") + _POD % ("db", ", labels: {app: db}")

RULE = Rule(
    id="PW126",
    severity=Severity.WARNING,
    says="labels that cannot carry a policy, and slips in selectors",
    check=_check,
    good=(
        Good(_PODS + _POLICY % "web"),
        Good(_PODS + _POLICY % "batch", because="not like any value that pods have"),
    ),
    bad=(
        Bad(_PODS + _POLICY % "wbe", ("shop/db spec.ingress[0].from[0]",)),
        Bad(_PODS + _POD % ("job", ""), ("shop/job",), because="it has no label"),
        Bad(_PODS + _POD % ("copy", ", labels: {app: web}"), ("shop/copy", "shop/web"), because="web has the same"),
    ),
)
