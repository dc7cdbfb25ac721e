"""An `ipBlock` that means something inside the cluster: pods, or a Service's address.

Blocks are for addresses outside. A pod's address changes with each restart, and some plugins (Cilium) never match a
pod by its address. A Service's ClusterIP is replaced by a pod's address before any policy looks, so a rule that names
it never matches at all.

Known are the addresses that objects of the input have, and the ranges given with `--pod-cidr`. Of nodes it is said
where an egress block that is more than one address holds one: what was meant for a network outside then reaches every
kubelet, node port and host-network pod. To let nodes in is what blocks of their addresses are for, so ingress is left
alone. Blocks that are as good as everyone (wider than /8, or /16 for IPv6) are another finding.

**What to do:** select the pods with `podSelector` and `namespaceSelector`, those behind the Service for a ClusterIP.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from podwall.check.blocks import WrittenBlock, written_blocks
from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.hosts import hosts
from podwall.cluster.objects import name_of
from podwall.cluster.services import addresses_of
from podwall.engine.sets import AddrSet, address_number

__all__ = ["RULE"]

_WIDEST = {4: 8, 6: 16}


def _check(facts: Facts) -> Iterator[Finding]:
    blocks = [b for b in written_blocks(facts) if b.is_ip_block and b.prefix >= _WIDEST[b.family]]
    if not blocks:
        return
    pods, services, nodes = (_Known(found(facts)) for found in (_pods, _services, _nodes))
    for block in blocks:
        said = _service(services.first(block)) or _pod(pods.first(block)) or _range(facts, block)
        said = said or (_node(nodes.first(block)) if block.is_egress and not _is_one(block) else None)
        if said is not None:
            yield Finding(block.policy.what, (*block.path, "cidr"), *said)


_Said = tuple[str, str] | None


def _service(found: _Said) -> _Said:
    if found is None:
        return None
    message = f"holds {found[0]}, the address of Service {found[1]}: it is rewritten before a policy sees it"
    return message, "select the pods behind the Service"


def _pod(found: _Said) -> _Said:
    if found is None:
        return None
    message = f"holds {found[0]}, the address of pod {found[1]}, which changes with its next start"
    return message, "select the pods by their labels"


def _range(facts: Facts, block: WrittenBlock) -> _Said:
    for cidr in facts.model.cidrs:
        if block.addresses.overlaps(AddrSet.of(cidr)):
            return f"overlaps {cidr}, where pods have their addresses from", "select the pods by their labels"
    return None


def _node(found: _Said) -> _Said:
    if found is None:
        return None
    message = f"holds {found[0]}, the address of node {found[1]}: its kubelet, node ports and host-network pods"
    return message, "leave the nodes out with except, or name those that are meant as /32 or /128"


def _is_one(block: WrittenBlock) -> bool:
    return block.prefix == (32 if block.family == 4 else 128)


def _nodes(facts: Facts) -> dict[str, str]:
    return {address: node.name for address, node in hosts(facts.model.cluster).items()}


def _pods(facts: Facts) -> dict[str, str]:
    return {
        address: facts.shown(endpoint)
        for held in facts.endpoints.values()
        for endpoint in held
        if not endpoint.assumed and not endpoint.host_network
        for address in endpoint.addresses
    }


def _services(facts: Facts) -> dict[str, str]:
    return {
        address: f"{bucket.name}/{name_of(located.object.metadata)}"
        for bucket in facts.model.cluster.namespaces.values()
        for located in bucket.services
        for address in addresses_of(located.object)
    }


class _Known:
    """Addresses and whose they are, in the order of numbers."""

    def __init__(self, names: dict[str, str]) -> None:
        self._found = sorted((address_number(address), address, name) for address, name in names.items())

    def first(self, block: WrittenBlock) -> tuple[str, str] | None:
        """The lowest address in a block, and whose it is."""
        for start, end in block.addresses.spans:
            at = bisect_left(self._found, (start, "", ""))
            if at < len(self._found) and self._found[at][0] <= end:
                return self._found[at][1:]
        return None


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
status: {podIP: 10.244.1.7}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.17, selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: %s}}]
"""
_NODE = """\
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.7.7}]}
---
"""

RULE = Rule(
    id="PW152",
    severity=Severity.WARNING,
    says="an ipBlock overlaps the addresses of pods, Services or nodes",
    check=_check,
    good=(
        Good(_CLUSTER % "203.0.113.0/24"),
        Good(_CLUSTER % "0.0.0.0/0", because="that is everyone, and another finding"),
        Good(_CLUSTER % "10.0.0.0/8, except: [10.244.0.0/16, 10.96.0.0/12]"),
        Good(_NODE + _CLUSTER % "192.168.7.7/32", because="one node, by its address, is meant"),
        Good(
            _NODE
            + (_CLUSTER % "192.168.7.0/24")
            .replace("Egress", "Ingress")
            .replace("egress", "ingress")
            .replace("to:", "from:"),
            because="nodes are let in by their addresses",
        ),
    ),
    bad=(
        Bad(_CLUSTER % "10.244.0.0/16", ("shop/out spec.egress[0].to[0].ipBlock.cidr",)),
        Bad(_CLUSTER % "10.96.0.17/32", ("shop/out spec.egress[0].to[0].ipBlock.cidr",)),
        Bad(_NODE + _CLUSTER % "192.168.0.0/16", ("shop/out spec.egress[0].to[0].ipBlock.cidr",)),
    ),
)
