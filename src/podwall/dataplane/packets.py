"""What the beginning of a packet says, and the prefix under which a rule logged it. Garbage reads as nothing.

Addresses are bytes in network order, as keys of sets are.
"""

from __future__ import annotations

from msgspec import Struct

from podwall.dataplane.ruleset import DENIED, INVALID, PROTOCOL_NUMBERS, WOULD_ALLOW, WOULD_DENY
from podwall.engine.rules import Direction

__all__ = ["Packet", "Prefix", "packet", "prefix"]

_TCP, _UDP, _SCTP, _ICMP, _ICMP6 = (PROTOCOL_NUMBERS[name] for name in ("TCP", "UDP", "SCTP", "ICMP", "ICMPv6"))
_LETTERS = {DENIED, WOULD_DENY, WOULD_ALLOW, INVALID}
_UNKNOWN = "-"
_DIRECTIONS = {"E": Direction.EGRESS, "I": Direction.INGRESS}
_VERSION = "pw1"
# Fields of an IPv4 header's fragment word, and of a Fragment header's.
_OFFSET4, _OFFSET6 = 0x1FFF, 0xFFF8


# Headers that may stand between IPv6's and the protocol's own, and say themselves how long they are (RFC 8200).
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
_BETWEEN = {_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS}


class Prefix(Struct, frozen=True):
    """What a rule says about a packet that it logs: one of ruleset's letters, the direction and the group.

    Of a packet that conntrack calls invalid neither is known: None and "".
    """

    letter: str
    direction: Direction | None
    group: str


class Packet(Struct, frozen=True):
    """A packet's ends. Ports are 0 where it has none, or where they are cut off; so is ICMP's type, as -1."""

    family: int
    protocol: int
    source: bytes
    destination: bytes
    source_port: int = 0
    destination_port: int = 0
    icmp_type: int = -1
    icmp_code: int = -1


def prefix(text: str) -> Prefix | None:
    """`pw1|LETTER|E or I|group` taken apart, or `pw1|X|-|-`; None for what is not ours."""
    parts = text.split("|", 3)
    if len(parts) != 4 or parts[0] != _VERSION or parts[1] not in _LETTERS or not parts[3]:
        return None
    if parts[1:] == [INVALID, _UNKNOWN, _UNKNOWN]:
        return Prefix(INVALID, None, "")
    direction = _DIRECTIONS.get(parts[2])
    return Prefix(parts[1], direction, parts[3]) if direction else None


def packet(data: bytes) -> Packet | None:
    """A packet from its IP header on, cut off anywhere; None where even the addresses are missing."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20:
        return _packet4(data)
    if version == 6 and len(data) >= 40:
        return _packet6(data)
    return None


def _packet4(data: bytes) -> Packet | None:
    start = (data[0] & 0xF) * 4
    if start < 20:
        return None
    later = int.from_bytes(data[6:8]) & _OFFSET4
    return _with_ends(4, data[9], (data[12:16], data[16:20]), b"" if later else data[start:])


def _packet6(data: bytes) -> Packet:
    protocol, place = data[6], 40
    ends = (data[8:24], data[24:40])
    while protocol in _BETWEEN and place + 8 <= len(data):
        if protocol == _FRAGMENT and int.from_bytes(data[place + 2 : place + 4]) & _OFFSET6:
            return _with_ends(6, data[place], ends, b"")
        protocol, place = data[place], place + _length(protocol, data[place + 1])
    return _with_ends(6, protocol, ends, b"" if protocol in _BETWEEN else data[place:])


def _length(header: int, given: int) -> int:
    """How long a header is, in bytes, by what it says itself."""
    if header == _FRAGMENT:
        return 8
    return (given + 2) * 4 if header == _AUTHENTICATION else (given + 1) * 8


def _with_ends(family: int, protocol: int, ends: tuple[bytes, bytes], rest: bytes) -> Packet:
    if protocol in {_TCP, _UDP, _SCTP} and len(rest) >= 4:
        return Packet(family, protocol, *ends, int.from_bytes(rest[:2]), int.from_bytes(rest[2:4]))
    if protocol in {_ICMP, _ICMP6} and len(rest) >= 2:
        return Packet(family, protocol, *ends, icmp_type=rest[0], icmp_code=rest[1])
    return Packet(family, protocol, *ends)
