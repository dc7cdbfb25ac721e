"""Egress is denied by default, and no rule lets the pods ask the cluster's DNS.

This is how most first default denies break an application: every rule between the workloads is right, and no name
resolves, so nothing works. Cluster DNS is in another namespace, so a rule for the own namespace does not help.

Where the DNS pods are in the input, the engine is asked whether each workload gets to them, at the ports they really
listen on. Where they are not, it is said only if no rule names a DNS port at all. Workloads with `dnsPolicy: None` or
`Default` do not ask the cluster's DNS and are left alone.

**What to do:** allow DNS for the whole namespace, over UDP and TCP: `podwall new dns` writes the policy. The fix adds
it.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.dns import governed, peer, resolves, servers
from podwall.check.facts import Facts, Policy, Witness
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity, Skipped
from podwall.cluster.endpoints import Endpoint
from podwall.engine.sets import PortSet

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    known = servers(facts)
    for policy, endpoints in governed(facts):
        cut = [endpoint for endpoint in endpoints if resolves(facts, endpoint) is False]
        if not known and len(cut) < len(endpoints):
            yield Skipped(policy.shown, "the cluster's DNS pods")
        if cut:
            yield _finding(facts, policy, cut)


def _finding(facts: Facts, policy: Policy, cut: list[Endpoint]) -> Finding:
    names = sorted({facts.shown(endpoint) for endpoint in cut})
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    known = servers(facts)
    witness = None
    if known:
        server = facts.shown(known[0].endpoint)
        protocol, port, _ = max(known[0].ports.ranges())
        witness = Witness(names[0], server, protocol, port)
    return Finding(
        policy.what,
        ("spec", "egress"),
        f"leaves {', '.join(names[:3])}{more} without DNS: no name resolves there",
        "add a rule to the cluster's DNS, UDP and TCP: podwall new dns",
        witness=witness,
        fix=_fix(facts, policy),
    )


def _fix(facts: Facts, policy: Policy) -> Fix:
    taken = {p.ref.name for p in facts.network_policies if p.ref.namespace == policy.ref.namespace}
    name = next(n for n in ("allow-dns", *(f"allow-dns-{i}" for i in range(2, len(taken) + 3))) if n not in taken)
    selector = facts.written(policy, ("spec", "podSelector"))
    written = {key: value for key, value in selector.items() if value is not None} if isinstance(selector, dict) else {}
    ports = PortSet()
    for server in servers(facts):
        ports |= server.ports
    ports = ports or PortSet.of("UDP", 53) | PortSet.of("TCP", 53)
    new = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": policy.ref.namespace},
        "spec": {
            "podSelector": written,
            "policyTypes": ["Egress"],
            "egress": [
                {"to": [peer(facts)], "ports": [{"protocol": p, "port": n} for p, n, _ in reversed([*ports.ranges()])]}
            ],
        },
    }
    return Fix(f"add the policy {name}", (Edit(policy.origin, "append", (), new),))


_DNS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-dns}}
  template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: [{name: dns}]}}
---
"""
_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web}]%s}
---
"""
_DENY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
_ALLOW = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: allow-dns
  namespace: shop
spec:
  podSelector: {}
  policyTypes:
  - Egress
  egress:
  - to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: %s
      podSelector:
        matchLabels:
          k8s-app: kube-dns
    ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
"""

RULE = Rule(
    id="PW110",
    severity=Severity.ERROR,
    says="egress is denied by default and no rule lets the pods reach the cluster's DNS",
    check=_check,
    good=(
        Good(_DNS + _POD % "" + _DENY + _ALLOW % "kube-system"),
        Good(_DNS + _POD % "" + _DENY.replace(", Egress", ""), because="egress is open"),
        Good(_DNS + _POD % ", dnsPolicy: Default" + _DENY, because="it asks the node's resolver"),
        Good(_POD % "" + _DENY + _ALLOW % "dns-lives-here", because="the DNS pods are not in the input"),
    ),
    bad=(
        Bad(
            _DNS + _POD % "" + _DENY,
            ("shop/deny spec.egress",),
            fixed=_DNS + _POD % "" + _DENY + _ALLOW % "kube-system",
        ),
        Bad(_POD % "" + _DENY, ("shop/deny spec.egress",), because="wherever DNS is, no rule has its port"),
        Bad(_DNS + _POD % "" + _DENY + _ALLOW % "infra", ("shop/deny spec.egress",), because="the wrong namespace"),
    ),
)
