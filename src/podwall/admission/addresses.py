"""CIDRs as the API server reads them: which ones are refused, and which ones Kubernetes 1.36 began to refuse (V2, V3).

Reading is lenient: leading zeros count as decimal, bits beyond the prefix are masked away, and an IPv4-mapped block is
the IPv4 block it stands for. Each of these is a warning (D13).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from msgspec import Struct

from podwall.admission.finding import Finding, Findings, invalid, required, within
from podwall.api.networking import IPBlock

__all__ = ["HOST_BITS", "OUTSIDE", "Cidr", "block_problems", "cidr_problems", "read_cidr"]

_REMEMBERED = 16_384

_SYNTAX = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_ZEROS = "must not have leading 0s in IP or prefix length"
_MAPPED = "must not have an IPv4-mapped IPv6 address"
HOST_BITS = "must not have bits set beyond the prefix length"
OUTSIDE = "must be a strict subset of `cidr`"


class Cidr(Struct, frozen=True):
    """A CIDR that the API server can read.

    `network` is the block that it stands for, `bits` the prefix length as written (for an IPv4-mapped one 96 more than
    the network's), `address` what was written before the slash, and `strict` what Kubernetes 1.36 has against it.
    """

    network: IPv4Network | IPv6Network
    bits: int
    address: IPv4Address | IPv6Address
    strict: tuple[str, ...] = ()


@lru_cache(_REMEMBERED)
def read_cidr(text: str) -> Cidr | None:
    """The block that the API server reads in `text`, or None where it refuses it. Source: V2, V3."""
    before, _, after = text.partition("/")
    bits = _prefix_length(after)
    address = _address(before) or _address(_without_leading_zeros(before))
    if bits is None or address is None or bits > address.max_prefixlen:
        return None
    network = _network(address, bits)
    rules = (
        (_address(before) is None or after != str(bits), _ZEROS),
        (_mapped(address) is not None, _MAPPED),
        (int(address) & ((1 << address.max_prefixlen - bits) - 1) != 0, HOST_BITS),
    )
    return Cidr(network, bits, address, tuple(detail for broken, detail in rules if broken))


def block_problems(block: IPBlock) -> Findings:
    """What is wrong with an ipBlock: its cidr and each of its excepts. Source: V2, V3."""
    found = within(cidr_problems(block.cidr), "cidr")
    if not block.excepts:
        return found
    found = list(found)
    for i, text in enumerate(block.excepts):
        found += within(_except_problems(block.cidr, text), "except", i)
    return found


@lru_cache(_REMEMBERED)
def cidr_problems(text: str) -> Findings:
    """What is wrong with a CIDR by itself; an empty one is a missing one."""
    if not text:
        return (Finding((), required(advice="write the block, for example 10.0.0.0/8")),)
    return _syntax_problems(text)


@lru_cache(_REMEMBERED)
def _except_problems(cidr: str, text: str | None) -> Findings:
    if text is None:  # in a list of texts the API server reads null as "" (N6)
        return (Finding((), invalid("", _SYNTAX, "null is read as an empty text: remove it")),)
    found = _syntax_problems(text)
    outer, inner = read_cidr(cidr), read_cidr(text)
    if outer is None or inner is None:
        return found
    if advice := _not_within(outer, inner):
        return (*found, Finding((), invalid(text, OUTSIDE, advice)))
    return found


def _syntax_problems(text: str) -> Findings:
    cidr = read_cidr(text)
    if cidr is None:
        return (Finding((), invalid(text, _SYNTAX, _missing_prefix(text))),)
    if cidr.strict:
        message = invalid(text, " and ".join(cidr.strict), _strict_advice(cidr))
        return (Finding((), message, warning=True, meant=str(cidr.network)),)
    if text != str(cidr.network):  # only IPv6 has more than one spelling that is otherwise fine
        message = f'IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{cidr.network}")'
        return (Finding((), message, warning=True, meant=str(cidr.network)),)
    return ()


def _not_within(outer: Cidr, inner: Cidr) -> str:
    """Why `inner` is no strict part of `outer`; empty where it is one. Compared as the API server does."""
    if inner.network.version != outer.network.version:
        return f"{outer.network} is IPv{outer.network.version}, and a block has one family"
    if inner.network.network_address not in outer.network:
        return f"it is not inside {outer.network}"
    if inner.bits <= outer.bits:
        return f"it leaves nothing of {outer.network}"
    return ""


def _strict_advice(cidr: Cidr) -> str:
    network, single = cidr.network, _network(cidr.address, cidr.address.max_prefixlen)
    other = f", or {single} for the one address" if HOST_BITS in cidr.strict else ""
    return f"Kubernetes 1.36 and later reject it, earlier versions read it as {network}: write {network}{other}"


def _missing_prefix(text: str) -> str:
    address = _address(text)
    return "" if address is None else f"for one address write {text}/{address.max_prefixlen}"


def _network(address: IPv4Address | IPv6Address, bits: int) -> IPv4Network | IPv6Network:
    if isinstance(address, IPv4Address):
        return IPv4Network((int(address), bits), strict=False)
    # Go's net.IPNet takes a block inside ::ffff:0:0/96 for the IPv4 block, and a wider one for IPv6.
    if bits >= 96 and (mapped := address.ipv4_mapped):
        return IPv4Network((int(mapped), bits - 96), strict=False)
    return IPv6Network((int(address), bits), strict=False)


def _mapped(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    return address.ipv4_mapped if isinstance(address, IPv6Address) else None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if "%" in text:  # Python reads a zone, net.ParseCIDR does not
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def _prefix_length(text: str) -> int | None:
    # Leading zeros are read (net.ParseCIDR), signs and the digits of other scripts are not.
    digits = text.lstrip("0") or text[-1:]
    return int(digits) if len(digits) <= 3 and digits.isascii() and digits.isdigit() else None


def _without_leading_zeros(text: str) -> str:
    """The dotted octets at the end of an address, without their leading zeros."""
    head, colon, tail = text.rpartition(":")
    if tail.count(".") != 3:  # the last group of an IPv6 address has its own rules
        return text
    return head + colon + ".".join(octet.lstrip("0") or octet[-1:] for octet in tail.split("."))
