"""Packets as bytes on a wire, with the checksums that conntrack asks for."""

import struct

from podwall.dataplane.packet import Packet
from podwall.dataplane.ruleset import PROTOCOL_NUMBERS

TCP, UDP, SCTP, ICMP, ICMP6 = (PROTOCOL_NUMBERS[name] for name in ("TCP", "UDP", "SCTP", "ICMP", "ICMPv6"))
_TAG = 0x11223344  # of every SCTP association
_ERROR_CODE = {ICMP: 3, ICMP6: 4}  # port unreachable
_ECHOES = (0, 8, 128, 129)


def frame(packet: Packet, marker: bytes, about: Packet | None = None) -> bytes:
    """An IP packet with four bytes in it by which it is known; `about` is what an ICMP error quotes."""
    body = _body(packet, marker, about)
    if len(packet.source) == 16:
        return _header6(packet, len(body)) + body
    return _header4(packet, len(body)) + body


def _header4(packet: Packet, length: int) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, packet.protocol, 0)
    header += packet.source + packet.destination
    return header[:10] + _sum(header) + header[12:]


def _header6(packet: Packet, length: int) -> bytes:
    hops = 255 if packet.protocol == ICMP6 else 64
    return struct.pack("!IHBB", 6 << 28, length, packet.protocol, hops) + packet.source + packet.destination


def _body(packet: Packet, marker: bytes, about: Packet | None) -> bytes:
    if packet.protocol == TCP:
        flags = packet.syn * 0x02 | packet.ack * 0x10
        ports = struct.pack("!HHII", packet.source_port, packet.port, 1, packet.ack)
        return _summed(packet, ports + struct.pack("!BBHHH", 0x50, flags, 0xFFFF, 0, 0) + marker, 16)
    if packet.protocol == UDP:
        return _summed(packet, struct.pack("!HHHH", packet.source_port, packet.port, 12, 0) + marker, 6)
    if packet.protocol == SCTP:
        return _association(packet, marker)
    if packet.protocol in {ICMP, ICMP6}:
        return _summed(packet, _message(packet, marker, about), 2)
    return marker * 2


def _association(packet: Packet, marker: bytes) -> bytes:
    """INIT, or INIT ACK where the packet has `ack`; the marker is its first sequence number."""
    kind, tag = (2, _TAG) if packet.ack else (1, 0)
    chunk = struct.pack("!BBHIIHH", kind, 0, 20, _TAG, 0xFFFF, 1, 1) + marker
    header = struct.pack("!HHI", packet.source_port, packet.port, tag)
    return header + struct.pack("<I", _crc32c(header + b"\0\0\0\0" + chunk)) + chunk


def _message(packet: Packet, marker: bytes, about: Packet | None) -> bytes:
    if about is not None:
        quoted = frame(about, marker)
        return struct.pack("!BBHI", packet.icmp, _ERROR_CODE[packet.protocol], 0, 0) + quoted
    if packet.icmp in _ECHOES:
        return struct.pack("!BBHHH", packet.icmp, 0, 0, packet.port, 1) + marker
    return struct.pack("!BBHI", packet.icmp, 0, 0, 0) + packet.destination + marker


def _summed(packet: Packet, body: bytes, at: int) -> bytes:
    """With the checksum in its place; ICMP has no pseudo header."""
    pseudo = packet.source + packet.destination + struct.pack("!II", len(body), packet.protocol)
    return body[:at] + _sum(body if packet.protocol == ICMP else pseudo + body) + body[at + 2 :]


def _sum(data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
