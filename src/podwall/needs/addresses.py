"""Addresses as people give them: CIDRs and single addresses, and host names, which are refused with the ways out."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from podwall.errors import CannotWrite

__all__ = ["blocks", "refuse_name"]

_HOST = re.compile(r"(?:\*\.)?(?:https?://)?[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+(?:[:/].*)?|localhost")


def blocks(given: Iterable[str]) -> tuple[str, ...]:
    """The CIDRs in their one spelling, sorted, each once. Raises CannotWrite for anything else."""
    networks = {_network(text) for text in given}
    return tuple(str(n) for n in sorted(networks, key=lambda n: (n.version, n)))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        refuse_name(text)
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise CannotWrite(f"{text!r} is no address: write 203.0.113.0/24, and several as values of their own") from None
    one = f"{text.partition('/')[0]}/{meant.max_prefixlen}"
    raise CannotWrite(f"{text} has host bits set: write {meant} for the block, {one} for the address")


def refuse_name(text: str) -> None:
    """Raises CannotWrite for what looks like a host name: no policy can be about it."""
    if _HOST.fullmatch(text):
        raise CannotWrite(_refused(text))


def _refused(name: str) -> str:
    return (
        f"{name} is a host name, and a NetworkPolicy knows addresses only. The ways out:\n"
        "  1. its addresses, if their owner publishes them: podwall new external 203.0.113.0/24, or --ranges FILE\n"
        "  2. a proxy that knows names, and egress to the proxy alone: podwall new egress-proxy\n"
        "  3. a policy by name, where the CNI has one: CiliumNetworkPolicy toFQDNs, Calico domains (Enterprise),\n"
        "     Antrea fqdn, OVN-Kubernetes EgressFirewall dnsName, ClusterNetworkPolicy domainNames (experimental)"
    )
