"""DNS is allowed over UDP only, or over TCP only.

Resolvers ask over UDP first and turn to TCP when an answer does not fit; some go to TCP at once. With UDP alone, long
answers (many records, DNSSEC) fail, seldom and for no visible reason; with TCP alone, nearly everything does.

Said of a rule that names a DNS port (not a range that happens to hold one) in one of the protocols, where a pod that
it is for has no rule with the other.

**What to do:** allow both. The fix adds the second port to the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.author.edit import Edit
from podwall.check.dns import names_dns
from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.rules import Direction, PortRange
from podwall.engine.rules import Rule as PolicyRule
from podwall.engine.sets import PortSet

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    rules = [
        (policy, rule, ports)
        for policy in facts.network_policies
        for rule in policy.rules
        if rule.direction is Direction.EGRESS and (ports := names_dns(facts, rule))
    ]
    by_namespace: dict[str, list[tuple[PolicyRule, PortSet]]] = {}
    for policy, rule, ports in rules:
        by_namespace.setdefault(policy.ref.namespace, []).append((rule, ports))
    for policy, rule, ports in rules:
        if len(_protocols(ports)) == 1 and _means_dns(rule, ports):
            others = [(r, p) for r, p in by_namespace[policy.ref.namespace] if _protocols(p) != _protocols(ports)]
            if _lacks_other(facts, policy, rule, [r for r, _ in others]):
                yield _finding(facts, policy, rule, ports)


def _protocols(ports: PortSet) -> set[str]:
    return {protocol for protocol, _, _ in ports.ranges()}


def _means_dns(rule: PolicyRule, ports: PortSet) -> bool:
    """Whether a rule names a DNS port as such: one that is in a wide range may be there for anything."""
    single = (p for p in rule.ports if isinstance(p, PortRange) and p.first == p.last)
    return any(PortSet.of(port.protocol, port.first) <= ports for port in single)


def _lacks_other(facts: Facts, policy: Policy, rule: PolicyRule, others: Sequence[PolicyRule]) -> bool:
    """Whether a pod that the rule is for has no rule with the other protocol; without pods, the selectors tell."""
    home = policy.ref.namespace
    pods = facts.index.pods(rule.subject).get(home, 0)
    if not pods:
        return not any(rule.subject.selector <= other.subject.selector for other in others)
    for other in others:
        pods &= ~facts.index.pods(other.subject).get(home, 0)
    return bool(pods)


def _finding(facts: Facts, policy: Policy, rule: PolicyRule, ports: PortSet) -> Finding:
    here, number, _ = next(ports.ranges())
    other = "TCP" if here == "UDP" else "UDP"
    effect = "answers that do not fit are lost" if here == "UDP" else "nearly all queries go over UDP and are lost"
    path = (*facts.field(rule), "ports")
    written = facts.written(policy, path)
    fix = None
    if isinstance(written, list):
        added = Edit(policy.origin, "add", (*path, len(written)), {"protocol": other, "port": number})
        fix = Fix(f"add {other} {number}", (added,))
    return Finding(policy.what, path, f"allows DNS over {here} only: {effect}", f"add {other} {number}", fix=fix)


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]
    ports:
    - protocol: %s
      port: 53
%s"""
_TCP = "    - protocol: TCP\n      port: 53\n"
_PODS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
"""
_BY_APP = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
"""

RULE = Rule(
    id="PW111",
    severity=Severity.WARNING,
    says="DNS is allowed on UDP only or on TCP only",
    check=_check,
    good=(
        Good(_POLICY % ("UDP", _TCP)),
        Good((_POLICY % ("UDP", "")).replace("port: 53", "port: 5000"), because="that is no DNS port"),
        Good(
            _POLICY % ("UDP", "") + "---\n" + (_POLICY % ("TCP", "")).replace("name: dns", "name: dns-tcp"),
            because="another policy for the same pods has the other",
        ),
        Good(
            _PODS + _POLICY % ("UDP", "") + "---\n" + _BY_APP + "  - ports: [{port: 53}]\n",
            because="another policy has the other for every pod that is there, whatever its selector",
        ),
        Good(_BY_APP + "  - ports: [{port: 1, endPort: 65535}]\n", because="53 is in there by chance"),
    ),
    bad=(
        Bad(_POLICY % ("UDP", ""), ("shop/dns spec.egress[0].ports",), fixed=_POLICY % ("UDP", _TCP)),
        Bad(_POLICY % ("TCP", ""), ("shop/dns spec.egress[0].ports",)),
        Bad(
            _PODS
            + _PODS.replace("web", "api")
            + _POLICY % ("UDP", "")
            + "---\n"
            + _BY_APP
            + "  - ports: [{port: 53}]\n",
            ("shop/dns spec.egress[0].ports",),
            "api has UDP only",
        ),
    ),
)
