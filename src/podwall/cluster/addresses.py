"""Addresses for endpoints that have none: out of the Pod CIDRs, by a hash of the name, so that they are stable (D2)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

import msgspec

from podwall.cluster.endpoints import Endpoint
from podwall.errors import InputError

__all__ = ["DEFAULT_POD_CIDRS", "allot", "pod_cidrs"]

DEFAULT_POD_CIDRS = {4: "10.244.0.0/16", 6: "fd00:10:244::/64"}

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def pod_cidrs(given: Sequence[str], endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """The CIDRs to allot from: those given, else a default for each family that the Pods of the input have."""
    if given:
        return tuple(given)
    families = {6 if ":" in a else 4 for e in endpoints for a in e.addresses}
    return tuple(DEFAULT_POD_CIDRS[f] for f in sorted(families or {4}))


def allot(endpoints: Sequence[Endpoint], cidrs: Sequence[str], taken: Iterable[str]) -> list[Endpoint]:
    """The endpoints, each with addresses. Those that had none get one of each CIDR and are marked `assumed`.

    An address depends on the endpoint's kind, namespace and name; on a collision, in order of name, the next free one
    is chosen; `taken` are addresses of others than endpoints. Raises InputError where a CIDR is used up.
    """
    without = [e for e in endpoints if not e.addresses]
    if not without:
        return list(endpoints)
    used = {_number(a) for e in endpoints for a in e.addresses} | {_number(a) for a in taken}
    networks = [ipaddress.ip_network(c, strict=False) for c in cidrs]
    allotted = {
        (e.kind, e.namespace, e.name): tuple(_address(e, network, used) for network in networks)
        for e in sorted(without, key=lambda e: (e.namespace, e.name, e.kind))
    }
    return [
        e if e.addresses else msgspec.structs.replace(e, addresses=allotted[e.kind, e.namespace, e.name], assumed=True)
        for e in endpoints
    ]


def _number(address: str) -> tuple[int, int] | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:  # the address is reported where it is read; nothing can collide with it
        return None
    return ip.version, int(ip)


def _address(endpoint: Endpoint, network: _Network, used: set[tuple[int, int] | None]) -> str:
    import hashlib  # OpenSSL takes a while to load, and in a dump of a running cluster every pod has its address

    # The first and the last address of a network are not a host's.
    size, first = network.num_addresses - 2, int(network.network_address) + 1
    digest = hashlib.sha256(f"{endpoint.kind}/{endpoint.namespace}/{endpoint.name}".encode()).digest()
    start = int.from_bytes(digest[:16]) % size if size > 0 else 0
    for step in range(max(size, 0)):
        key = (network.version, first + (start + step) % size)
        if key not in used:
            used.add(key)
            return str(network[key[1] - first + 1])
    raise InputError(
        f"--pod-cidr {network} has no address left for {endpoint.namespace}/{endpoint.name}: give a larger one"
    )
