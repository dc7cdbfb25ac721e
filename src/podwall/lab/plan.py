"""What a lab is made of, as plain data: nodes, who sits where, what stands outside, Services. Nothing acts here.

`network` brings a plan up, `probes` says what is sent in it.
"""

from __future__ import annotations

import enum

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint

__all__ = ["Link", "Plan", "PlannedNode", "Seat", "SeatKind", "Translation"]


class Link(enum.Enum):
    """How pods hang on their node: a routed veth each, or ports of one bridge that br_netfilter shows to the hooks."""

    ROUTED = "routed"
    BRIDGED = "bridged"


class SeatKind(enum.Enum):
    """Which namespace an endpoint has: its own, that of its node (hostNetwork pods and nodes), or the one outside."""

    POD = "pod"
    HOST = "host"
    EXTERNAL = "external"


class PlannedNode(Struct, frozen=True):
    """A node namespace; `addresses` begins with one of each family for the underlay, IPv4 first; others follow."""

    name: str
    addresses: tuple[str, ...]


class Seat(Struct, frozen=True):
    """One endpoint in the lab. `name` is unique: `ns/name`, `ns/name-1` for a further replica, `node/NAME`, an address.

    `endpoint` is as the engine is to see it here: with its addresses, and with `node` as the lab has it ("" outside).
    `stands_for` is the name by which the user knows the endpoint.
    """

    name: str
    stands_for: str
    kind: SeatKind
    endpoint: Endpoint
    node: str


class Translation(Struct, frozen=True):
    """One port of a Service at one of its addresses, and what it is rewritten to (DNAT, as kube-proxy does it).

    `targets` are (address, port) of ready endpoints of the address's family; empty: the connection is refused.
    """

    service: str  # ns/name
    address: str
    protocol: str
    port: int
    targets: tuple[tuple[str, int], ...]


class Plan(Struct, frozen=True):
    """The whole lab. `names` are the DNS names of Services and headless pods with the addresses that they resolve to.

    `dns` are the names of the seats that answer DNS; `dns_cache` is the address of a cache on every node that pods ask
    instead, untracked, as NodeLocal DNSCache does it ("" where there is none). `pod_cidrs` are the ranges that the
    pods' addresses are from.
    """

    nodes: tuple[PlannedNode, ...]
    seats: tuple[Seat, ...]
    translations: tuple[Translation, ...] = ()
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    dns: tuple[str, ...] = ()
    dns_cache: str = ""
    link: Link = Link.ROUTED
    pod_cidrs: tuple[str, ...] = ()
