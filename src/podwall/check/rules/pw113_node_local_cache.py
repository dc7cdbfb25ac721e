"""The cluster has a node-local DNS cache, and no rule lets pods ask it.

With NodeLocal DNSCache, pods ask `169.254.20.10` on their own node, or packets to the DNS Service end there. The cache
runs on the host's network, so no selector matches it: a rule for the DNS pods alone leaves names unresolved, on some
plugins and in some set-ups.

**What to do:** allow `169.254.20.10/32` on port 53, UDP and TCP, beside the rule for the DNS pods.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.dns import NODE_LOCAL, governed, has_cache, names_dns
from podwall.check.facts import Facts, Policy, Witness
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import AnyPeer, Block, Direction
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    if not has_cache(facts):
        return
    for policy, endpoints in governed(facts):
        asking = [(e, rules) for e in endpoints if (rules := _dns_rules(facts, policy.ref.namespace, e))]
        cut = [endpoint for endpoint, rules in asking if not any(_lets_in_cache(rule) for _, rule in rules)]
        if cut:
            by, rule = asking[0][1][0]
            names = sorted({facts.shown(endpoint) for endpoint in cut})
            path = (*facts.field(rule), "to")
            yield Finding(
                by.what,
                path,
                f"allows DNS, but not to the node-local cache at {NODE_LOCAL}, which its pods may ask",
                f"add an ipBlock of {NODE_LOCAL}/32",
                witness=Witness(names[0], NODE_LOCAL, "UDP", 53),
                fix=_fix(facts, by, path),
            )


def _dns_rules(facts: Facts, namespace: str, endpoint: Endpoint) -> list[tuple[Policy, PolicyRule]]:
    slot = facts.index.slot(endpoint)
    return [
        (policy, rule)
        for policy in facts.policies_in(namespace)
        for rule in policy.rules
        if rule.direction is Direction.EGRESS
        and names_dns(facts, rule)
        and facts.index.pods(rule.subject).get(namespace, 0) >> slot & 1
    ]


def _lets_in_cache(rule: PolicyRule) -> bool:
    return any(isinstance(p, AnyPeer) or (isinstance(p, Block) and NODE_LOCAL in p.addresses) for p in rule.peers)


def _fix(facts: Facts, policy: Policy, path: tuple[str | int, ...]) -> Fix | None:
    written = facts.written(policy, path)
    if not isinstance(written, list):
        return None
    added = Edit(policy.origin, "add", (*path, len(written)), {"ipBlock": {"cidr": f"{NODE_LOCAL}/32"}})
    return Fix("add the node-local cache", (added,))


_OBJECTS = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: %s, namespace: kube-system}
spec: {template: {metadata: {labels: {k8s-app: %s}}, spec: {hostNetwork: true, containers: [{name: cache}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
%s    ports: [{port: 53, protocol: UDP}, {port: 53}]
"""
_BLOCK = "    - ipBlock:\n        cidr: 169.254.20.10/32\n"

RULE = Rule(
    id="PW113",
    severity=Severity.WARNING,
    says="a node-local DNS cache that no rule allows",
    check=_check,
    good=(
        Good(_OBJECTS % ("node-local-dns", "node-local-dns", _BLOCK)),
        Good(_OBJECTS % ("log-agent", "log-agent", ""), because="there is no cache"),
    ),
    bad=(
        Bad(
            _OBJECTS % ("node-local-dns", "node-local-dns", ""),
            ("shop/dns spec.egress[0].to",),
            fixed=_OBJECTS % ("node-local-dns", "node-local-dns", _BLOCK),
        ),
    ),
)
