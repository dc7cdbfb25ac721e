"""Netlink's form of messages and attributes, to and from bytes. What they mean stands with those who send them.

Reading never fails: what is cut off or makes no sense ends the reading.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from msgspec import Struct

__all__ = [
    "ACK",
    "DUMP",
    "DUMP_INTERRUPTED",
    "Message",
    "Request",
    "attribute",
    "attributes",
    "found",
    "generic",
    "messages",
    "name",
    "nested",
    "number",
    "packed",
    "text",
]

# Flags of a message (linux/netlink.h).
_REQUEST, ACK, DUMP, DUMP_INTERRUPTED = 0x1, 0x4, 0x300, 0x10
# A bit in the kind of an attribute that holds attributes.
_NESTED = 0x8000
_KIND = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_GENERIC = struct.Struct("!BBH")


class Message(Struct, frozen=True):
    """One netlink message; `body` is what follows its header."""

    kind: int
    flags: int
    sequence: int
    body: bytes


class Request(Struct, frozen=True):
    """A message to be sent. `about` says what it is about, given where in `body` something was wrong, or below 0."""

    kind: int
    flags: int
    body: bytes
    about: Callable[[int], str]


def packed(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A request, ready to send."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | _REQUEST, sequence, 0) + body


def generic(family: int, resource: int = 0) -> bytes:
    """What every message of netfilter begins with: a family, a version, and a number whose meaning varies."""
    return _GENERIC.pack(family, 0, resource)


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes. `payload` has less than 64 KiB."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def nested(kind: int, *parts: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(parts))


def text(kind: int, value: str) -> bytes:
    """An attribute that is a name."""
    return attribute(kind, value.encode() + b"\0")


def messages(data: bytes) -> Iterator[Message]:
    """The messages that one read brought."""
    place, size = 0, _HEADER.size
    while place + size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, place)
        if length < size or place + length > len(data):
            return
        yield Message(kind, flags, sequence, data[place + size : place + length])
        place += length + (-length % 4)


def attributes(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Kinds and payloads, in order; `start` leaves out what stands before them."""
    place, end = start, len(data)
    while place + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, place)
        if length < 4 or place + length > end:
            return
        yield kind & _KIND, data[place + 4 : place + length]
        place += length + (-length % 4)


def found(data: bytes, start: int = 0) -> dict[int, bytes]:
    """Attributes by kind, where each comes once."""
    return dict(attributes(data, start))


def number(payload: bytes | None) -> int:
    """A number as netfilter sends it, in network order; 0 where there is none."""
    return int.from_bytes(payload or b"")


def name(payload: bytes | None) -> str:
    """A name, without what ends it."""
    return (payload or b"").split(b"\0", 1)[0].decode(errors="replace")
