"""Connections as conntrack tells of them, read from its messages. Numbers are those of nfnetlink_conntrack.h."""

from __future__ import annotations

from msgspec import Struct

from podwall.dataplane import wire

__all__ = ["Connection", "Ends", "cleared", "connection", "ends"]

_ORIGINAL, _REPLY, _STATUS, _MARK, _ZONE, _MARK_MASK = 1, 2, 3, 8, 18, 21
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_SOURCE4, _DESTINATION4, _SOURCE6, _DESTINATION6 = 1, 2, 3, 4
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_SEEN_REPLY, _ASSURED, _DESTINATION_NAT = 0x2, 0x4, 0x20
_GENERIC = 4


class Ends(Struct, frozen=True):
    """One tuple: addresses in network order, and ports, 0 where the protocol has none."""

    source: bytes
    destination: bytes
    source_port: int
    destination_port: int


class Connection(Struct, frozen=True):
    """One entry. Its source is `original`'s; its destination and port after DNAT are the source and port of `reply`.

    `status` has the bits of the kernel's ip_conntrack_status.
    """

    family: int
    protocol: int
    original: Ends
    reply: Ends
    mark: int
    status: int
    zone: int = 0

    @property
    def answered(self) -> bool:
        """Whether packets went both ways."""
        return bool(self.status & _SEEN_REPLY)

    @property
    def assured(self) -> bool:
        """Whether it is more than a few packets."""
        return bool(self.status & _ASSURED)

    @property
    def translated(self) -> bool:
        """Whether its destination was rewritten: it went to a Service."""
        return bool(self.status & _DESTINATION_NAT)


def connection(body: bytes) -> Connection | None:
    """One message of a dump; None for one that has not both tuples."""
    parts = wire.found(body, _GENERIC)
    original, reply = parts.get(_ORIGINAL), parts.get(_REPLY)
    if original is None or reply is None:
        return None
    protocol = wire.number(wire.found(wire.found(original).get(_TUPLE_PROTOCOL, b"")).get(_NUMBER))
    there, back = ends(original), ends(reply)
    family = 4 if len(there.source) == 4 else 6
    numbers = (wire.number(parts.get(kind)) for kind in (_MARK, _STATUS, _ZONE))
    return Connection(family, protocol, there, back, *numbers)


def ends(tuple_: bytes) -> Ends:
    """One tuple."""
    parts = wire.found(tuple_)
    addresses = wire.found(parts.get(_TUPLE_IP, b""))
    ports = wire.found(parts.get(_TUPLE_PROTOCOL, b""))
    return Ends(
        addresses.get(_SOURCE4) or addresses.get(_SOURCE6, b""),
        addresses.get(_DESTINATION4) or addresses.get(_DESTINATION6, b""),
        wire.number(ports.get(_SOURCE_PORT)),
        wire.number(ports.get(_DESTINATION_PORT)),
    )


def cleared(body: bytes, mask: int) -> bytes | None:
    """The message that clears the bits of `mask` in the mark of a connection; None where they are clear."""
    parts = wire.found(body, _GENERIC)
    if not wire.number(parts.get(_MARK)) & mask or _ORIGINAL not in parts:
        return None
    # The kernel keeps the bits that the mask does not have.
    marks = wire.attribute(_MARK, bytes(4)) + wire.attribute(_MARK_MASK, mask.to_bytes(4))
    zone = wire.attribute(_ZONE, parts[_ZONE]) if _ZONE in parts else b""
    return body[:_GENERIC] + wire.nested(_ORIGINAL, parts[_ORIGINAL]) + zone + marks
