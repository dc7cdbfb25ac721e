"""Sets of ports and of addresses as values: frozen, canonical (equal sets are equal objects), with operators.

Both are unions of integer intervals on one axis. Ports stand at `protocol * 65536 + port`, addresses at their number
(IPv4) or at `2**64 + number` (IPv6), so intervals of different protocols or families never touch.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Self

from msgspec import Struct

from podwall.admission.addresses import read_cidr

__all__ = [
    "ALL_PORTS",
    "IPV6_BASE",
    "NO_ADDRESSES",
    "NO_PORTS",
    "PROTOCOLS",
    "AddrSet",
    "PortSet",
    "address_number",
    "cut",
]

PROTOCOLS = ("SCTP", "TCP", "UDP")  # N22; sorted, as all output is
IPV6_BASE = 1 << 64
_LAST = {4: (1 << 32) - 1, 6: IPV6_BASE + (1 << 128) - 1}

_Span = tuple[int, int]


class _Spans(Struct, frozen=True, gc=False):
    """Sorted, disjoint, non-adjacent inclusive intervals."""

    spans: tuple[_Span, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __or__(self, other: Self) -> Self:
        return type(self)(_merged([*self.spans, *other.spans]))

    @classmethod
    def union(cls, parts: Iterable[Self]) -> Self:
        """All of many sets, in one go: one by one would take the square of their number."""
        return cls(_merged([span for part in parts for span in part.spans]))

    def __and__(self, other: Self) -> Self:
        return type(self)(tuple(_intersection(self.spans, other.spans)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(tuple(_difference(self.spans, other.spans)))

    def __le__(self, other: Self) -> bool:
        return (self & other) == self

    def has(self, number: int) -> bool:
        """Whether the point lies in the set."""
        return any(first <= number <= last for first, last in self.spans)

    def overlaps(self, other: Self) -> bool:
        """Whether the sets share a point."""
        return next(_intersection(self.spans, other.spans), None) is not None


def _merged(spans: list[_Span]) -> tuple[_Span, ...]:
    out: list[_Span] = []
    for first, last in sorted(spans):
        if out and first <= out[-1][1] + 1:
            if last > out[-1][1]:
                out[-1] = (out[-1][0], last)
        else:
            out.append((first, last))
    return tuple(out)


def _intersection(a: tuple[_Span, ...], b: tuple[_Span, ...]) -> Iterator[_Span]:
    i = j = 0
    while i < len(a) and j < len(b):
        first, last = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if first <= last:
            yield first, last
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1


def _difference(a: tuple[_Span, ...], b: tuple[_Span, ...]) -> Iterator[_Span]:
    j = 0
    for first, last in a:
        start = first
        while j < len(b) and b[j][1] < start:
            j += 1
        k = j
        while k < len(b) and b[k][0] <= last:
            if start < b[k][0]:
                yield start, b[k][0] - 1
            start = b[k][1] + 1
            k += 1
        if start <= last:
            yield start, last


class PortSet(_Spans, frozen=True, gc=False):
    """Destination ports of TCP, UDP and SCTP."""

    @classmethod
    def of(cls, protocol: str, first: int, last: int | None = None) -> PortSet:
        """The ports `first..last` (inclusive, N12) of one protocol."""
        base = PROTOCOLS.index(protocol) << 16
        return cls(((base + first, base + (first if last is None else last)),))

    def __contains__(self, port: tuple[str, int]) -> bool:
        return self.has((PROTOCOLS.index(port[0]) << 16) + port[1])

    def ranges(self) -> Iterator[tuple[str, int, int]]:
        """`(protocol, first, last)` in order of protocol and port."""
        for first, last in self.spans:
            yield PROTOCOLS[first >> 16], first & 0xFFFF, last & 0xFFFF


class AddrSet(_Spans, frozen=True, gc=False):
    """IPv4 and IPv6 addresses."""

    @classmethod
    def of(cls, cidr: str, excepts: Iterable[str] = ()) -> AddrSet:
        """The addresses of a CIDR that are in none of `excepts` (N10); host bits are masked (D13)."""
        whole = cls((_cidr_span(cidr),))
        return whole - cls(_merged([_cidr_span(e) for e in excepts]))

    def __contains__(self, address: str) -> bool:
        return self.has(address_number(address))

    def family(self, family: int) -> AddrSet:
        """The part of one family, 4 or 6."""
        low, high = (0, IPV6_BASE - 1) if family == 4 else (IPV6_BASE, 2 * IPV6_BASE + (1 << 128))
        return self & AddrSet(((low, high),))

    def is_whole(self, family: int) -> bool:
        """Whether every address of one family, 4 or 6, is in the set."""
        low = 0 if family == 4 else IPV6_BASE
        return any(first <= low and last >= _LAST[family] for first, last in self.spans)

    def cidrs(self) -> list[str]:
        """The fewest CIDRs that make up the set, IPv4 first, in order of address."""
        return [str(net) for first, last in self.spans for net in _summary(first, last)]


def _summary(first: int, last: int) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    if first < IPV6_BASE:
        return ipaddress.summarize_address_range(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last))
    low, high = ipaddress.IPv6Address(first - IPV6_BASE), ipaddress.IPv6Address(last - IPV6_BASE)
    return ipaddress.summarize_address_range(low, high)


def _cidr_span(cidr: str) -> _Span:
    found = read_cidr(cidr)
    if found is None:
        raise ValueError(f"{cidr!r} is not a CIDR")
    base = 0 if found.network.version == 4 else IPV6_BASE
    return base + int(found.network.network_address), base + int(found.network.broadcast_address)


# Every Pod has an address: this is five times as fast as `ipaddress`, and as strict (no leading zeros).
_OCTETS = {str(number): number for number in range(256)}


def address_number(address: str) -> int:
    """Where an address stands on the axis. Raises ValueError for what is not an address."""
    if ":" in address:
        return IPV6_BASE + int(ipaddress.IPv6Address(address))
    try:
        a, b, c, d = address.split(".")
        return _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
    except (KeyError, ValueError):
        raise ValueError(f"{address!r} is not an IP address") from None


ALL_PORTS = PortSet(tuple((base << 16 | 1, base << 16 | 0xFFFF) for base in range(len(PROTOCOLS))))
NO_PORTS = PortSet()
NO_ADDRESSES = AddrSet()


def cut(sets: Iterable[PortSet]) -> Iterator[PortSet]:
    """The port space in pieces that none of the sets cuts; ports that are in the same ones are one piece."""
    chosen = list(dict.fromkeys(sets))
    starts = sorted({at for s in (*chosen, ALL_PORTS) for first, last in s.spans for at in (first, last + 1)})
    pieces: dict[tuple[bool, ...], list[_Span]] = {}
    for first, after in pairwise(starts):
        if ALL_PORTS.has(first):
            pieces.setdefault(tuple(s.has(first) for s in chosen), []).append((first, after - 1))
    yield from (PortSet(tuple(spans)) for spans in pieces.values())
