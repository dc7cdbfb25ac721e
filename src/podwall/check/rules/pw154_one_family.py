"""Blocks of one address family in a cluster that has both: connections over the other family are not covered.

`0.0.0.0/0` says nothing about IPv6, and `::/0` nothing about IPv4. In a dual-stack cluster a client may use either.

Said where pods of the input have addresses of both families, and all addresses that a rule names are of one.

**What to do:** add the other family's block, or be content if the other end has no such address.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.blocks import written_blocks
from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import Action, Block

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    if not any(_has_both(endpoint) for held in facts.endpoints.values() for endpoint in held):
        return
    seen: set[tuple[str, str]] = set()
    for block in written_blocks(facts):
        rule = block.rule
        key = (block.policy.shown, rule.path)
        families = {f for p in rule.peers if isinstance(p, Block) for f in (4, 6) if p.addresses.family(f)}
        if key not in seen and rule.action is Action.ALLOW and len(families) == 1:
            seen.add(key)
            other = 6 if families == {4} else 4
            yield Finding(
                block.policy.what,
                facts.field(rule),
                f"names addresses of IPv{10 - other} only, and the cluster has IPv{other} as well",
                f"add the IPv{other} block, if the other end has one",
            )


def _has_both(endpoint: Endpoint) -> bool:
    return not endpoint.assumed and len({":" in address for address in endpoint.addresses}) == 2


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
status: {podIP: 10.244.0.1, podIPs: [{ip: 10.244.0.1}%s]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from: [{ipBlock: {cidr: 203.0.113.0/24}}%s]
"""
_DUAL = ', {ip: "fd00::1"}'

RULE = Rule(
    id="PW154",
    severity=Severity.INFO,
    says="only one address family is named in a dual-stack cluster",
    check=_check,
    good=(
        Good(_CLUSTER % ("", ""), because="the cluster has IPv4 only"),
        Good(_CLUSTER % (_DUAL, ', {ipBlock: {cidr: "2001:db8::/32"}}')),
    ),
    bad=(Bad(_CLUSTER % (_DUAL, ""), ("shop/web spec.ingress[0]",)),),
)
