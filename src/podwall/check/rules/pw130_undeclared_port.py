"""A port that none of the pods declares: probably nobody listens there.

`containerPort` is informational in Kubernetes: a container may listen on a port that it does not declare, so this is an
info. It is said only where every pod that the rule is about declares ports, and none of them this one. What is known to
be meant otherwise, the port of a Service (PW131) or one of another protocol (PW133), is said there.

**What to do:** compare with the ports that the containers declare; correct the policy, or declare the port.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.check.declared import Port
from podwall.check.facts import Facts
from podwall.check.portslips import behind_service, other_protocols
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.engine.rules import PortRange
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.network_policies:
        for rule in policy.rules:
            ranges = [(n, port) for n, port in enumerate(rule.ports) if isinstance(port, PortRange)]
            if not ranges or not _is_about_pods(facts, rule):
                continue
            where = facts.about(rule)
            if not facts.ports.by_all(where):
                continue
            for number, port in ranges:
                path = facts.field(rule, port=number)
                declared = facts.ports.has(where, port.protocol, port.first, port.last)
                if not (declared or behind_service(facts, rule, port) or other_protocols(facts, policy, rule, path)):
                    yield Finding(
                        policy.what,
                        path,
                        f"{_shown(port)} is declared by none of the pods that this is about; they declare "
                        + _listed(facts.ports.ports(where)),
                        "correct the port, or declare it on the container",
                    )


def _is_about_pods(facts: Facts, rule: PolicyRule) -> bool:
    """Whether all destinations are pods that the input has."""
    return all(facts.selects_any(peer) for peer in facts.pod_peers(rule)) and facts.goes_to_pods(rule)


def _shown(port: PortRange) -> str:
    return f"{port.protocol} {port.first}" + (f"-{port.last}" if port.last != port.first else "")


def _listed(known: Sequence[Port]) -> str:
    return ", ".join(f"{protocol} {number}" for protocol, number in known[:6]) + (", …" * (len(known) > 6))


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web%s}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - ports: [{port: %s}]
"""
_PORTS = ", ports: [{containerPort: 8080}]"

RULE = Rule(
    id="PW130",
    severity=Severity.INFO,
    says="a port that no selected pod declares",
    check=_check,
    good=(
        Good(_CLUSTER % (_PORTS, "8080")),
        Good(_CLUSTER % ("", "9090"), because="the pod declares nothing, so nothing follows"),
        Good(_CLUSTER % (_PORTS, "8000, endPort: 8100"), because="the range holds a port that is declared"),
    ),
    bad=(Bad(_CLUSTER % (_PORTS, "8008"), ("shop/web spec.ingress[0].ports[0]",)),),
)
