"""Endpoints as packets know them: addresses in one spelling and of their real family, ports that a packet can have."""

from __future__ import annotations

import ipaddress

import msgspec

from podwall.cluster.endpoints import Endpoint, PortName
from podwall.engine.sets import PROTOCOLS, address_number
from podwall.errors import InvalidInput, Problem

__all__ = ["as_packets_have_it", "refusal_of_families"]


def as_packets_have_it(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with IPv4 addresses as such that are written as IPv6 (V3), and without ports that are none.

    Raises InvalidInput for an address that is none: nobody could tell which packets are this endpoint's.
    """
    try:
        addresses = tuple(dict.fromkeys(map(_address, endpoint.addresses)))
    except ValueError as error:
        raise InvalidInput([_problem(endpoint, str(error))]) from error
    ports = tuple(port for port in endpoint.ports if _is_port(port))
    if (addresses, ports) == (endpoint.addresses, endpoint.ports):
        return endpoint
    return msgspec.structs.replace(endpoint, addresses=addresses, ports=ports)


def refusal_of_families(endpoint: Endpoint, families: tuple[int, ...]) -> InvalidInput | None:
    """Why a local pod cannot be judged: packets of other families than these pass by its rules."""
    for address in endpoint.addresses:
        family = 6 if ":" in address else 4
        if family not in families:
            return InvalidInput([_problem(endpoint, f"{address}: IPv{family} is not judged on this node")])
    return None


def _address(address: str) -> str:
    if ":" not in address:
        address_number(address)
        return address
    if "%" in address:  # Python reads a zone, the API does not
        raise ValueError(f"{address!r} is not an IP address")
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    return address if mapped is None else str(mapped)


def _is_port(port: PortName) -> bool:
    return port.protocol in PROTOCOLS and 0 < port.number < 1 << 16


def _problem(endpoint: Endpoint, message: str) -> Problem:
    name = f"{endpoint.namespace}/{endpoint.name}" if endpoint.namespace else endpoint.name
    field = "status.addresses" if endpoint.kind == "Node" else "status.podIPs"
    return Problem(f"{endpoint.kind} {name}", field, message)
