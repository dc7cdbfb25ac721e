"""Clients are named by address on a pod behind a load balancer that hides them.

With `externalTrafficPolicy: Cluster`, the default, a node that takes a connection in for a NodePort or LoadBalancer
Service may pass it on with its own address as the source. Whether a policy still sees the client depends on the
plugin; the rule may let everyone through by the node's address, or nobody.

**What to do:** set `externalTrafficPolicy: Local` on the Service, or restrict the clients at the load balancer
(`loadBalancerSourceRanges`).
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.core import Service
from podwall.check.blocks import written_blocks
from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.objects import name_of

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for block in written_blocks(facts):
        if block.is_egress or not block.is_ip_block or block.prefix == 0:
            continue
        services = {
            f"{pod.namespace}/{name_of(service.metadata)}"
            for pod in facts.classes(facts.index.pods(block.rule.subject))
            for service in facts.services_of(pod)
            if _hides_clients(service)
        }
        if services:
            yield Finding(
                block.policy.what,
                (*block.path, "cidr"),
                f"names clients of Service {min(services)}, which may arrive with a node's address instead",
                "set externalTrafficPolicy: Local on the Service, or restrict clients at the load balancer",
            )


def _hides_clients(service: Service) -> bool:
    spec = service.spec
    return spec is not None and spec.type in ("NodePort", "LoadBalancer") and spec.externalTrafficPolicy != "Local"


_OBJECTS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]%s}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{ipBlock: {cidr: 203.0.113.0/24}}]
"""

RULE = Rule(
    id="PW155",
    severity=Severity.INFO,
    says="clients by address behind a Service that rewrites the source",
    check=_check,
    good=(
        Good(_OBJECTS % ", externalTrafficPolicy: Local"),
        Good((_OBJECTS % "").replace("LoadBalancer", "ClusterIP")),
    ),
    bad=(Bad(_OBJECTS % "", ("shop/web spec.ingress[0].from[0].ipBlock.cidr",)),),
)
