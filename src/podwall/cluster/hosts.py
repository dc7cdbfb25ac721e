"""Nodes as endpoints, and the addresses that are theirs (D19)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwall.api.core import NodeStatus, PodStatus
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Cluster, name_of

__all__ = ["ADDRESS_TYPES", "domain", "external", "hosts", "node_endpoints", "single"]

# The types of node addresses that are IP addresses.
ADDRESS_TYPES = frozenset({"InternalIP", "ExternalIP"})


def node_endpoints(cluster: Cluster) -> Iterator[Endpoint]:
    """Every Node as the endpoint that stands for processes on its network, with all its addresses (C9)."""
    for located in cluster.nodes:
        node = located.object
        listed = (node.status or NodeStatus()).addresses or ()
        name = name_of(node.metadata)
        addresses = tuple(a.address for a in listed if a.type in ADDRESS_TYPES and a.address)
        yield Endpoint("Node", "", name, node.metadata.labels or {}, addresses, node=name)


def hosts(cluster: Cluster) -> dict[str, Endpoint]:
    """Address → node; also the hosts that only Pods tell of (D19), under their Pods' nodeName where there is one."""
    found = {address: node for node in node_endpoints(cluster) for address in node.addresses}
    for bucket in cluster.namespaces.values():
        for located in bucket.pods:
            status = located.object.status
            for address in _host_addresses(status) if status else ():
                if address not in found:
                    name = (located.object.spec.nodeName if located.object.spec else None) or address
                    found[address] = Endpoint("Node", "", name, {}, (address,), node=name)
    return found


def _host_addresses(status: PodStatus) -> Iterable[str]:
    return [ip.ip for ip in status.hostIPs or () if ip.ip] or ([status.hostIP] if status.hostIP else [])


def external(address: str) -> Endpoint:
    """An address outside of the cluster."""
    return Endpoint("External", "", address, {}, (address,))


def domain(name: str) -> Endpoint:
    """A destination of which nothing but its domain name is known (C12); it may have addresses of either family."""
    return Endpoint("Domain", "", name, {})


def single(address: str) -> str:
    """The block that is one address."""
    return f"{address}/{128 if ':' in address else 32}"
