"""The selector catches more workloads than the one that the policy is named after.

A policy `allow-web` that also selects the job runner, because both carry `app: web`, opens the job runner as well. The
name is taken for the intent where it is that of a workload, or of a Service whose own selector is narrower.

**What to do:** select by a label that only this workload has (the Service's selector is often it), or give the policy a
name that says whom it is for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import name_of
from podwall.cluster.services import selects
from podwall.engine.labels import EVERYTHING

__all__ = ["RULE"]

_AROUND = re.compile(
    r"^(allow|deny|default|restrict)-|-(policy|netpol|np|network-?policy|ingress|egress|allow|deny)$", re.IGNORECASE
)


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.network_policies:
        if not policy.isolations or policy.isolations[0].subject.selector == EVERYTHING:
            continue
        caught = facts.selected(policy.isolations[0].subject)
        meant = _meant(facts, policy.ref.namespace, _bare(policy.ref.name))
        names = {_name(endpoint) for endpoint in caught}
        if meant and meant < names:
            more = sorted(names - meant)
            yield Finding(
                policy.what,
                ("spec", "podSelector"),
                f"also selects {', '.join(more[:3])}{' and others' * (len(more) > 3)}, which its name does not say",
                f"select by a label that only {min(meant)} has, or rename the policy",
            )


def _bare(name: str) -> str:
    while (shorter := _AROUND.sub("", name)) != name:
        name = shorter
    return name


def _meant(facts: Facts, namespace: str, name: str) -> set[str]:
    """The workload of that name, else those behind the Service of that name."""
    here = facts.endpoints[namespace]
    if any(_name(endpoint) == name for endpoint in here):
        return {name}
    for located in facts.model.cluster.namespaces[namespace].services:
        if name_of(located.object.metadata) == name:
            return {_name(endpoint) for endpoint in here if selects(located.object, endpoint)}
    return set()


def _name(endpoint: Endpoint) -> str:
    return endpoint.controller.name if endpoint.controller else endpoint.name


_OBJECTS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, part: server}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-jobs, namespace: shop, labels: {app: web, part: jobs}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: shop}
spec:
  podSelector: {matchLabels: {%s}}
  ingress: [{}]
"""

RULE = Rule(
    id="PW125",
    severity=Severity.INFO,
    says="the selector catches more workloads than the policy's name or Service suggests",
    check=_check,
    good=(
        Good(_OBJECTS % ("allow-web", "part: server")),
        Good(_OBJECTS % ("both-parts", "app: web"), because="the name is nobody's"),
    ),
    bad=(Bad(_OBJECTS % ("allow-web", "app: web"), ("shop/allow-web spec.podSelector",)),),
)
