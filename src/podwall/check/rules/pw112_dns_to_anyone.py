"""DNS is allowed to every namespace, or to every address.

A port is no protocol: whoever listens on port 53, in any namespace or on the internet, is reached by this rule, and DNS
itself is a well-known way to carry data out. Cluster DNS is a handful of pods, and they can be named.

**What to do:** name the namespace and the pods of the cluster's DNS. The fix does so; it is unsafe, because pods may
ask another resolver today.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.dns import is_anyone, names_dns, peer
from podwall.check.facts import Facts, Policy
from podwall.check.redundancy import numbers
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.rules import AnyPeer, Block, Direction
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.network_policies:
        for rule in policy.rules:
            ports = numbers(rule)
            if rule.direction is not Direction.EGRESS or not ports or ports != names_dns(facts, rule):
                continue
            wide = _widest(facts, policy, rule)
            if wide:
                path = facts.field(rule)
                written = facts.written(policy, (*path, "to"))
                edit = Edit(policy.origin, "replace" if written is not None else "add", (*path, "to"), [peer(facts)])
                yield Finding(
                    policy.what,
                    path,
                    f"allows DNS to {wide}: whoever listens on that port is reached, and data can leave that way",
                    "name the namespace and the pods of the cluster's DNS",
                    fix=Fix("only to the cluster's DNS", (edit,), safe=False),
                )


def _widest(facts: Facts, policy: Policy, rule: PolicyRule) -> str:
    if any(isinstance(p, AnyPeer) for p in rule.peers):
        return "everyone"
    if any(isinstance(p, Block) and _is_whole(facts, policy, rule, n) for n, p in enumerate(rule.peers)):
        return "every address"
    return "every pod of every namespace" if any(map(is_anyone, rule.peers)) else ""


def _is_whole(facts: Facts, policy: Policy, rule: PolicyRule, number: int) -> bool:
    cidr = facts.written(policy, (*facts.field(rule, peer=number), "ipBlock", "cidr"))
    return isinstance(cidr, str) and cidr.endswith("/0")


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - %sports: [{port: 53, protocol: UDP}, {port: 53}]
"""
_TO = "to: [%s]\n    "

RULE = Rule(
    id="PW112",
    severity=Severity.WARNING,
    says="DNS is allowed to every namespace or every address",
    check=_check,
    good=(
        Good(_POLICY % (_TO % "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}")),
        Good(_POLICY % (_TO % "{ipBlock: {cidr: 203.0.113.53/32}}"), because="one resolver"),
    ),
    bad=(
        Bad(_POLICY % "", ("shop/dns spec.egress[0]",)),
        Bad(_POLICY % (_TO % "{namespaceSelector: {}}"), ("shop/dns spec.egress[0]",)),
        Bad(_POLICY % (_TO % "{ipBlock: {cidr: 0.0.0.0/0}}"), ("shop/dns spec.egress[0]",)),
    ),
)
