"""SCTP as far as a probe needs it (RFC 9260): an INIT, and the INIT ACK or ABORT that come back, made by hand.

Many kernels have no SCTP sockets, and those that have would open an association. The cookie of our INIT ACK says where
it was sent from; an ABORT, a kernel's answer at a port where it has no socket, came through all the same.
"""

from __future__ import annotations

import struct

from msgspec import Struct

__all__ = ["ABORT", "INIT", "INIT_ACK", "Packet", "acknowledged", "checksum", "init", "read"]

INIT, INIT_ACK, ABORT = 1, 2, 6
_COMMON = struct.Struct(">HHI")  # ports and verification tag; the checksum follows, in little endian
_CHUNK = struct.Struct(">BBH")
_INIT = struct.Struct(">IIHHI")  # initiate tag, window, streams out, streams in, first TSN
_PARAMETER = struct.Struct(">HH")
_COOKIE = 7
_WINDOW = 65536
_POLYNOMIAL = 0x82F63B78  # CRC-32C, reflected


class Packet(Struct, frozen=True, gc=False):
    """A packet by its first chunk. `tag` is the verification tag; INIT and INIT ACK have the two others."""

    source: int
    destination: int
    tag: int
    chunk: int
    initiate: int = 0
    cookie: bytes = b""


def init(source: int, destination: int, initiate: int) -> bytes:
    """An INIT; its verification tag is 0."""
    return _packet(source, destination, 0, _chunk(INIT, _INIT.pack(initiate, _WINDOW, 1, 1, initiate)))


def acknowledged(asked: Packet, initiate: int, cookie: bytes) -> bytes:
    """The INIT ACK to an INIT."""
    held = _PARAMETER.pack(_COOKIE, _PARAMETER.size + len(cookie)) + cookie + bytes(-len(cookie) % 4)
    value = _INIT.pack(initiate, _WINDOW, 1, 1, initiate) + held
    return _packet(asked.destination, asked.source, asked.initiate, _chunk(INIT_ACK, value))


def read(data: bytes) -> Packet | None:
    """A packet without its IP header; None for what is damaged or too short."""
    if len(data) < 16 or checksum(data[:8] + bytes(4) + data[12:]) != int.from_bytes(data[8:12], "little"):
        return None
    source, destination, tag = _COMMON.unpack_from(data)
    kind, _, length = _CHUNK.unpack_from(data, 12)
    value = data[16 : 12 + length]
    if kind not in (INIT, INIT_ACK):
        return Packet(source, destination, tag, kind)
    if len(value) < _INIT.size:
        return None
    return Packet(source, destination, tag, kind, _INIT.unpack_from(value)[0], _cookie(value[_INIT.size :]))


def _cookie(parameters: bytes) -> bytes:
    while len(parameters) >= _PARAMETER.size:
        kind, length = _PARAMETER.unpack_from(parameters)
        if kind == _COOKIE:
            return parameters[_PARAMETER.size : length]
        parameters = parameters[max(length + -length % 4, _PARAMETER.size) :]
    return b""


def _chunk(kind: int, value: bytes) -> bytes:
    length = _CHUNK.size + len(value)
    return _CHUNK.pack(kind, 0, length) + value


def _packet(source: int, destination: int, tag: int, chunk: bytes) -> bytes:
    head, body = _COMMON.pack(source, destination, tag), chunk + bytes(-len(chunk) % 4)
    return head + checksum(head + bytes(4) + body).to_bytes(4, "little") + body


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(map(_row, range(256)))


def checksum(data: bytes) -> int:
    """CRC-32C."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
