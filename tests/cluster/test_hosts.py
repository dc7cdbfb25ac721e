"""Nodes as endpoints, and the hosts that only Pods tell of (D19)."""

from __future__ import annotations

from collections.abc import Sequence

from podwall.cluster.hosts import external, hosts, node_endpoints
from podwall.cluster.objects import Cluster
from tests.truth.engine import as_json, read_text
from tests.truth.vocabulary import Object


def node(name: str, **addresses: str) -> Object:
    listed = [{"type": kind, "address": a} for kind, a in addresses.items()]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": listed}}


def pod(name: str, spec: Object, status: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec, "status": status}


def cluster(objects: Sequence[Object]) -> Cluster:
    return read_text(as_json(objects)).assembled.cluster


def test_a_node_has_its_ip_addresses() -> None:
    listed = {"Hostname": "n1", "InternalIP": "192.168.0.1", "ExternalIP": "203.0.113.1", "InternalDNS": "n1.example"}
    (one,) = node_endpoints(cluster([node("n1", **listed)]))
    assert (one.kind, one.name, one.node, one.addresses) == ("Node", "n1", "n1", ("192.168.0.1", "203.0.113.1"))


def test_a_node_of_nothing_is_a_node() -> None:
    empty = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    assert [n.addresses for n in node_endpoints(cluster([empty]))] == [()]


def test_nodes_come_before_what_pods_tell() -> None:
    found = hosts(
        cluster(
            [
                node("n1", InternalIP="192.168.0.1"),
                pod("a", {"nodeName": "other"}, {"hostIP": "192.168.0.1"}),
                pod(
                    "b",
                    {"nodeName": "n2"},
                    {"hostIP": "192.168.0.2", "hostIPs": [{"ip": "192.168.0.2"}, {"ip": "fd00::2"}]},
                ),
                pod("c", {}, {"hostIP": "192.168.0.3"}),
                pod("d", {}, {}),
                pod("e", {}, {"hostIPs": [{"ip": ""}]}),
            ]
        )
    )
    assert {address: host.name for address, host in found.items()} == {
        "192.168.0.1": "n1",
        "192.168.0.2": "n2",
        "fd00::2": "n2",
        "192.168.0.3": "192.168.0.3",
    }
    assert {host.kind for host in found.values()} == {"Node"}


def test_an_external_address_is_its_own_name() -> None:
    one = external("203.0.113.9")
    assert (one.kind, one.name, one.addresses, one.host_network) == ("External", "203.0.113.9", ("203.0.113.9",), False)
