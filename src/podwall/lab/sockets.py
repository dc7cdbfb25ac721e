"""Sockets of the lab's process, as both listeners and probes need them: options, addresses, who a datagram was for."""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = [
    "AF",
    "SCTP",
    "Spaces",
    "allowed_descriptors",
    "datagram",
    "dialing",
    "failures",
    "keep_failures",
    "raw",
    "receive",
    "send_from",
    "stream",
]

AF = {4: socket.AF_INET, 6: socket.AF_INET6}
SCTP = 132  # the protocol's number, which socket names only where the C library does

# Linux, include/uapi/linux/in.h and in6.h; Python names them from 3.14 on.
_IP_PKTINFO, _IP_RECVERR, _IPV6_RECVERR, _IP_BIND_ADDRESS_NO_PORT = 8, 11, 25, 24
_PKTINFO4, _PKTINFO6 = struct.Struct("=I4s4s"), struct.Struct("=16sI")
_RECEIVE_ERRORS = {4: (socket.IPPROTO_IP, _IP_RECVERR), 6: (socket.IPPROTO_IPV6, _IPV6_RECVERR)}
_ROOM = 1024  # bytes of ancillary data
_MOST = 2048  # bytes of a datagram


class Spaces(Protocol):
    """The namespaces of a lab by the seats in them."""

    def inside(self, seat: str) -> AbstractContextManager[None]:
        """The calling thread is in the seat's namespace for the block; sockets made there stay there."""
        ...


def allowed_descriptors() -> int:
    """How many descriptors the process may have, once it asked for as many as it can get."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most if most != resource.RLIM_INFINITY else 1 << 20


def stream(family: int) -> socket.socket:
    """A TCP socket that waits for nothing."""
    return socket.socket(AF[family], socket.SOCK_STREAM | socket.SOCK_NONBLOCK)


def dialing(family: int) -> socket.socket:
    """The same for one of thousands of connections."""
    made = stream(family)
    # It ends with a reset, and is not waited with for a minute.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The port is chosen when the other end is known, so that one address has many times as many connections.
    made.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    return made


def datagram(family: int) -> socket.socket:
    """A UDP socket that tells where each datagram was sent to."""
    made = socket.socket(AF[family], socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    if family == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    return made


def keep_failures(sender: socket.socket) -> None:
    """Makes it keep what comes back as an ICMP error, for `failures`."""
    sender.setsockopt(*_RECEIVE_ERRORS[4 if sender.family == socket.AF_INET else 6], 1)


def raw(family: int) -> socket.socket:
    """A socket for SCTP by hand. Raises OSError where the process may not."""
    return socket.socket(AF[family], socket.SOCK_RAW | socket.SOCK_NONBLOCK, SCTP)


def receive(listener: socket.socket) -> tuple[bytes, tuple[str, int], str]:
    """A datagram, who sent it, and the address that it was sent to. Raises OSError where there is none."""
    data, ancillary, _, peer = listener.recvmsg(_MOST, _ROOM)
    return data, peer[:2], _sent_to(ancillary)


def _sent_to(ancillary: Iterable[tuple[int, int, bytes]]) -> str:
    for level, kind, value in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            return socket.inet_ntop(socket.AF_INET, _PKTINFO4.unpack(value)[2])
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            return socket.inet_ntop(socket.AF_INET6, _PKTINFO6.unpack(value)[0])
    return ""


def send_from(sender: socket.socket, data: bytes, peer: tuple[str, int], address: str) -> None:
    """Sends a datagram from one of the namespace's addresses, which need not be the first. Raises OSError."""
    if sender.family == socket.AF_INET6:
        packed = _PKTINFO6.pack(socket.inet_pton(socket.AF_INET6, address), 0)
        ancillary = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed)]
    else:
        packed = _PKTINFO4.pack(0, socket.inet_aton(address), bytes(4))
        ancillary = [(socket.IPPROTO_IP, _IP_PKTINFO, packed)]
    sender.sendmsg([data], ancillary, 0, peer)


def failures(sender: socket.socket) -> list[tuple[bytes, int]]:
    """The datagrams that came back as ICMP errors since the last call, each with its errno."""
    found: list[tuple[bytes, int]] = []
    while True:
        try:
            data, ancillary, _, _ = sender.recvmsg(_MOST, _ROOM, socket.MSG_ERRQUEUE)
        except OSError:
            return found
        for level, kind, value in ancillary:
            if (level, kind) in _RECEIVE_ERRORS.values():
                found.append((data, struct.unpack_from("=I", value)[0]))
