"""SCTP on raw sockets: each seat's answers whoever asks it at any port, and sends the seat's own questions."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from podwall.lab import sctp
from podwall.lab.loop import Loop
from podwall.lab.sockets import Spaces, raw

__all__ = ["Wires"]

_PORT = 50_132  # that questions come from
_MOST = 2048
_AN_IPV4_HEADER = 4  # only those are received with the packet

_Answered = Callable[[int, tuple[str, int]], None]
_Key = tuple[str, str]  # seat, address


class Wires:
    """One socket for each address that takes part. `answered` is told the question's tag, and who answered."""

    def __init__(self, spaces: Spaces, loop: Loop, answered: _Answered) -> None:
        self._spaces = spaces
        self._loop = loop
        self._answered = answered
        self._open: dict[_Key, socket.socket] = {}
        self.fault = ""

    def __len__(self) -> int:
        return len(self._open)

    def open(self, seat: str, address: str) -> bool:
        """Makes an address take part; False, and `fault` says why, where that cannot be."""
        if (seat, address) in self._open:
            return True
        family = 6 if ":" in address else 4
        try:
            with self._spaces.inside(seat):
                made = raw(family)
            made.bind((address, 0))
        except OSError as error:
            self.fault = f"no raw socket for SCTP: {os.strerror(error.errno or 0)}"
            return False
        self._open[seat, address] = made
        self._loop.add(made.fileno(), partial(self._received, made, address))
        return True

    def send(self, seat: str, sender: str, to: tuple[str, int], tag: int) -> None:
        """Sends a question whose answer will carry the tag. Raises OSError."""
        address, port = to
        self._open[seat, sender].sendto(sctp.init(_PORT, port, tag), (address, 0))

    def close(self) -> None:
        """Closes all of them."""
        for made in self._open.values():
            self._loop.drop(made.fileno())
            made.close()
        self._open.clear()

    def _received(self, held: socket.socket, address: str, _: int) -> None:
        while True:
            try:
                data, peer = held.recvfrom(_MOST)
            except OSError:
                return
            start = (data[0] & 15) * 4 if data and data[0] >> 4 == _AN_IPV4_HEADER and ":" not in address else 0
            packet = sctp.read(data[start:])
            if packet is not None:
                self._take(held, address, packet, peer[0])

    def _take(self, held: socket.socket, address: str, packet: sctp.Packet, peer: str) -> None:
        if packet.chunk == sctp.INIT:
            cookie = f"{address} {packet.destination}".encode()
            answer = sctp.acknowledged(packet, packet.initiate ^ 1 or 1, cookie)
            with suppress(OSError):  # as lost on the way: whoever asked asks again
                held.sendto(answer, (peer, 0))
        elif packet.destination == _PORT:
            where, _, port = packet.cookie.decode("ascii", "replace").partition(" ")
            self._answered(packet.tag, (where, int(port)) if port.isdecimal() else ("", 0))
