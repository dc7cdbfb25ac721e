"""A port without `protocol` is TCP, and the pods have that port on UDP or SCTP only.

The default is easy to forget: `- port: 53` does not let a DNS query over UDP through. Said where every pod that the
rule is about declares ports, and those of this number are all of another protocol.

**What to do:** write the protocol. The fix adds it, which takes the TCP port away; where nobody declares that, nobody
should miss it, but it counts as unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.facts import Facts, Policy
from podwall.check.portslips import other_protocols
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.rules import PortRange
from podwall.text.where import Path

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.network_policies:
        for rule in policy.rules:
            for number, port in enumerate(rule.ports):
                path = facts.field(rule, port=number)
                here = other_protocols(facts, policy, rule, path)
                if here and isinstance(port, PortRange):
                    yield _finding(policy, path, port.first, here)


def _finding(policy: Policy, path: Path, port: int, found: list[str]) -> Finding:
    edit = Edit(policy.origin, "add", (*path, "protocol"), found[-1])
    return Finding(
        policy.what,
        path,
        f"means TCP, as no protocol is written; the pods have {port} on {' and '.join(found)}",
        f"write protocol: {found[-1]}",
        fix=Fix(f"protocol: {found[-1]}", (edit,), safe=False),
    )


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: dns, namespace: infra, labels: {app: dns}}
spec: {containers: [{name: dns, ports: [%s]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: infra}
spec:
  podSelector: {matchLabels: {app: dns}}
  ingress:
  - ports:
    - port: 53
%s"""
_UDP, _TCP = "{containerPort: 53, protocol: UDP}", "{containerPort: 53}"

RULE = Rule(
    id="PW133",
    severity=Severity.WARNING,
    says="protocol left out, where the pods have the port on UDP or SCTP only",
    check=_check,
    good=(
        Good(_CLUSTER % (f"{_UDP}, {_TCP}", ""), because="TCP is there as well"),
        Good(_CLUSTER % (_UDP, "      protocol: UDP\n")),
        Good(_CLUSTER % ("", ""), because="nothing is declared, so nothing follows"),
    ),
    bad=(
        Bad(
            _CLUSTER % (_UDP, ""),
            ("infra/dns spec.ingress[0].ports[0]",),
            fixed=_CLUSTER % (_UDP, "      protocol: UDP\n"),
        ),
    ),
)
