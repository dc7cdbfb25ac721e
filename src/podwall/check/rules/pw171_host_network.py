"""A selector that is meant for pods on their host's network: policies do not see such pods.

A pod with `hostNetwork: true` has the node's address and the node's network. Most CNIs can neither protect it nor let
it through by a selector; its traffic counts as the node's.

Said where a selector with labels matches such a pod. `{}`, which means everyone, is not meant for it in particular.

**What to do:** to let it through, allow the nodes' addresses with an `ipBlock`; from its own node, a pod is always
reached. To protect it, take it off the host's network, or use the node's firewall.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import Pods
from podwall.text.where import Path

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.policies:
        subjects = dict.fromkeys([*(i.subject for i in policy.isolations), *(r.subject for r in policy.rules)])
        for subject in subjects:
            path = ("spec", "podSelector") if policy.ref.namespace else ("spec", "subject")
            yield from _of(facts, policy, subject, path, "cannot be protected by it")
        for rule in policy.rules:
            for number, peer in enumerate(rule.peers):
                if isinstance(peer, Pods):
                    yield from _of(facts, policy, peer, facts.field(rule, peer=number), "is not let through by it")


def _of(facts: Facts, policy: Policy, selection: Pods, path: Path, effect: str) -> Iterator[Finding]:
    if selection.selector == EVERYTHING:
        return
    hosts = [
        facts.shown(endpoint)
        for endpoint in facts.hosts
        if selection.selector.matches(endpoint.labels) and facts.is_in(endpoint.namespace, selection.scope)
    ]
    if hosts:
        more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
        yield Finding(
            policy.what,
            path,
            f"matches {min(hosts)}{more}, which is on its host's network and {effect}",
            "use an ipBlock of the nodes' addresses to let it through; no NetworkPolicy protects it",
        )


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: infra, labels: {app: agent}}
spec: {hostNetwork: %s}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: agent, namespace: infra}
spec:
  podSelector: %s
  ingress:
  - from: [{podSelector: {matchLabels: {app: %s}}}]
"""
_AGENT = "{matchLabels: {app: agent}}"

RULE = Rule(
    id="PW171",
    severity=Severity.WARNING,
    says="subject or peer selects pods on their host's network",
    check=_check,
    good=(
        Good(_CLUSTER % ("false", _AGENT, "agent")),
        Good(_CLUSTER % ("true", "{}", "web"), because="everyone is not this one in particular"),
    ),
    bad=(
        Bad(_CLUSTER % ("true", _AGENT, "web"), ("infra/agent spec.podSelector",)),
        Bad(_CLUSTER % ("true", "{}", "agent"), ("infra/agent spec.ingress[0].from[0]",)),
    ),
)
