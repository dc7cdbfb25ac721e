"""The nodes of a lab: those that the input knows, those invented besides, and who sits on which. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.hosts import hosts, node_endpoints
from podwall.cluster.objects import Cluster
from podwall.errors import InputError
from podwall.lab.plan import PlannedNode

__all__ = ["Hosting", "canonical", "family_of", "hosting_of"]

# Where the addresses of invented nodes are from; the first ten are left to gateways and the like.
_RANGES = {4: ipaddress.ip_network("192.168.0.0/16"), 6: ipaddress.ip_network("fd00:192:168::/64")}
_FIRST = 11


class Hosting(Struct, frozen=True):
    """The nodes in order of name with their labels, and who is where: a name of an endpoint's node → node."""

    nodes: tuple[PlannedNode, ...]
    labels: Mapping[str, Mapping[str, str]]
    known: Mapping[str, str]

    def place(self, endpoint: Endpoint, turn: int) -> str:
        """The node that an endpoint sits on: its own, else that of its address, else the one whose turn it is."""
        if endpoint.node is not None:
            return self.known[endpoint.node]
        if endpoint.host_network and endpoint.addresses:
            return self.known[canonical(endpoint.addresses[0])]
        return self.nodes[turn % len(self.nodes)].name

    def addresses(self, node: str) -> tuple[str, ...]:
        """A node's addresses."""
        return next(planned.addresses for planned in self.nodes if planned.name == node)

    def seated(self, endpoint: Endpoint, turn: int) -> Endpoint:
        """An endpoint as it is on its node: on the host's network it has the host's addresses and labels (D3)."""
        node = self.place(endpoint, turn)
        if not endpoint.host_network:
            return msgspec.structs.replace(endpoint, node=node)
        own = endpoint.addresses or _first_of_each(self.addresses(node))
        labels = dict(self.labels.get(node, {}))
        return msgspec.structs.replace(endpoint, node=node, addresses=own, host_labels=labels, assumed=False)


def hosting_of(
    cluster: Cluster, endpoints: Sequence[Endpoint], least: int, space: tuple[set[int], set[str]]
) -> Hosting:
    """The nodes that a cluster and its endpoints tell of, and others until there are `least`.

    `space` holds the families that each is to have an address of, and the addresses that are somebody else's.
    """
    families, taken = space
    found = _given(cluster)
    known = {name: name for name in found}
    known.update({a: name for name in sorted(found) for a in found[name] if a not in known})
    for endpoint in endpoints:
        _learn(endpoint, found, known)
    number = 0
    while len(found) < least:
        number += 1
        found.setdefault(f"node-{number}", [])
    given = {address for addresses in found.values() for address in addresses}
    fresh = {family: _fresh(_RANGES[family], taken | given) for family in families}
    nodes = tuple(PlannedNode(name, _ordered(found[name], fresh)) for name in sorted(found))
    labels = {node.name: node.labels for node in node_endpoints(cluster)}
    return Hosting(nodes, labels, known)


def _given(cluster: Cluster) -> dict[str, list[str]]:
    """The addresses of the nodes that the input tells of; one address is one node's."""
    found: dict[str, list[str]] = {node.name: [] for node in node_endpoints(cluster)}
    owner: dict[str, str] = {}
    for address, node in sorted(hosts(cluster).items()):
        text = canonical(address)
        if text and text not in owner:
            owner[text] = node.name
            found.setdefault(node.name, []).append(text)
    return found


def _learn(endpoint: Endpoint, found: dict[str, list[str]], known: dict[str, str]) -> None:
    """A node that only an endpoint knows, by its name or, on the host's network, by its address."""
    name = endpoint.node
    if name is not None and name not in known:
        known[name] = known.get(canonical(name), name)
        found.setdefault(known[name], [])
    for address in map(canonical, endpoint.addresses if endpoint.host_network else ()):
        if address not in known:
            known[address] = known[name] if name is not None else address
            found.setdefault(known[address], []).append(address)


def _ordered(given: Iterable[str], fresh: Mapping[int, Iterator[str]]) -> tuple[str, ...]:
    """One address of each family first, IPv4 before IPv6, made up where there is none; the others follow."""
    listed = list(given)
    first = [next((a for a in listed if family_of(a) == f), None) or next(fresh[f]) for f in sorted(fresh)]
    return tuple(dict.fromkeys((*first, *listed)))


def _fresh(network: ipaddress.IPv4Network | ipaddress.IPv6Network, taken: set[str]) -> Iterator[str]:
    for number in range(_FIRST, network.num_addresses - 1):
        address = str(network[number])
        if address not in taken:
            yield address
    raise InputError(f"{network} has no address left for a node of the lab: ask for fewer nodes")


def _first_of_each(addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(next(a for a in addresses if family_of(a) == f) for f in sorted({family_of(a) for a in addresses}))


def family_of(address: str) -> int:
    """4 or 6."""
    return 6 if ":" in address else 4


def canonical(address: str) -> str:
    """The address in its one spelling; empty for what is not an address."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""
