"""The DNS rule names port 53, and the cluster's DNS pods listen on another one.

Some distributions run CoreDNS on 5353 or 1053 behind a Service on 53. Policies see the pod's port, after the Service's
was rewritten, so the rule for 53 allows nothing.

**What to do:** write the port that the DNS pods listen on, for UDP and TCP. The fix does.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.dns import Server, servers
from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.index import key_of
from podwall.engine.rules import Direction, PortRange
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    known = {key_of(server.endpoint): server for server in servers(facts)}
    for policy in facts.network_policies if known else ():
        for rule in policy.rules:
            if rule.direction is Direction.EGRESS:
                about = _about(facts, rule, known)
                for number, port in enumerate(rule.ports) if about else ():
                    if isinstance(port, PortRange) and port.first == port.last == 53:
                        real = _real(about, port.protocol)
                        if real not in (None, 53):
                            path = (*facts.field(rule, port=number), "port")
                            yield Finding(
                                policy.what,
                                path,
                                f"is 53, and the cluster's DNS pods listen on {real}: no query gets through",
                                f"write port: {real}",
                                fix=Fix(f"port: {real}", (Edit(policy.origin, "replace", path, real),)),
                            )


def _about(facts: Facts, rule: PolicyRule, known: dict[tuple[str, str, str], Server]) -> list[Server]:
    """The DNS pods, where a rule is about them and nobody else."""
    found = []
    for pod in facts.destinations(rule):
        if key_of(pod) not in known:
            return []
        found.append(known[key_of(pod)])
    return found


def _real(about: list[Server], protocol: str) -> int | None:
    """The one port of a protocol that they all listen on, if it is one."""
    numbers = {first for server in about for p, first, _ in server.ports.ranges() if p == protocol}
    return numbers.pop() if len(numbers) == 1 else None


_OBJECTS = """\
apiVersion: v1
kind: Pod
metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  selector: {k8s-app: kube-dns}
  ports: [{name: udp, port: 53, targetPort: 5353, protocol: UDP}, {name: tcp, port: 53, targetPort: 5353}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
    ports: [{port: %s, protocol: UDP}, {port: %s}]
"""

RULE = Rule(
    id="PW114",
    severity=Severity.ERROR,
    says="the DNS rule's port is not the one that the DNS pods listen on",
    check=_check,
    good=(
        Good(_OBJECTS % (5353, 5353)),
        Good((_OBJECTS % (53, 53)).replace("targetPort: 5353", "targetPort: 53")),
    ),
    bad=(
        Bad(
            _OBJECTS % (53, 53),
            ("shop/dns spec.egress[0].ports[0].port", "shop/dns spec.egress[0].ports[1].port"),
            fixed=_OBJECTS % (5353, 5353),
        ),
    ),
)
