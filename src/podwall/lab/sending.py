"""Sending probes, each protocol in its way: a connection of its own for TCP, one socket for each seat for the others.

Each way hands what it learns to `Heard`, by the number of the probe; it neither waits nor tries again by itself.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol

from podwall.lab import message
from podwall.lab.loop import READ, WRITE, Loop
from podwall.lab.probe import Outcome, Probe, Seen
from podwall.lab.sockets import Spaces, datagram, dialing, failures, keep_failures, receive
from podwall.lab.wires import Wires

__all__ = ["Connections", "Datagrams", "Heard", "Inits", "Way"]

Heard = Callable[[int, Outcome], None]
"""Takes the number of a probe and what came of it."""


class Way(Protocol):
    """A protocol's way."""

    def send(self, number: int, probe: Probe) -> None:
        """Sends the question, or sends it again; the calling thread is in the source's namespace."""
        ...


_REFUSED = Outcome(Seen.REFUSED)


def _failed(number: int) -> Outcome:
    return _REFUSED if number == errno.ECONNREFUSED else Outcome(Seen.ERROR, note=os.strerror(number))


class Connections:
    """TCP: a handshake, a question, an answer."""

    def __init__(self, loop: Loop, heard: Heard) -> None:
        self._loop = loop
        self._heard = heard
        self._open: dict[int, socket.socket] = {}

    def send(self, number: int, probe: Probe) -> None:
        """Connects; the calling thread is in the source's namespace."""
        made = dialing(probe.family)
        try:
            made.bind((probe.sender, 0))
            made.connect((probe.address, probe.port))
        except BlockingIOError:
            pass
        except OSError as error:
            made.close()
            self._heard(number, _failed(error.errno or 0))
            return
        self._open[number] = made
        # Between namespaces of one machine most handshakes are over by now.
        asked = _ask(made, number)
        self._loop.add(made.fileno(), partial(self._ready, number), READ if asked else READ | WRITE)

    def forget(self, number: int) -> bool:
        """Hangs up; says whether the connection had been made."""
        made = self._open.pop(number, None)
        if made is None:
            return False
        connected = _is_connected(made)
        self._loop.drop(made.fileno())
        made.close()
        return connected

    def _ready(self, number: int, events: int) -> None:
        made = self._open[number]
        if events != WRITE:
            self._end(number, _answer_of(made))
        elif _ask(made, number):
            self._loop.change(made.fileno(), READ)

    def _end(self, number: int, outcome: Outcome) -> None:
        self.forget(number)
        self._heard(number, outcome)


def _ask(made: socket.socket, number: int) -> bool:
    """Sends the question; False where the handshake is not over."""
    try:
        made.send(message.framed(message.question(number)))
    except OSError:  # whatever is wrong, the loop reports it
        return False
    return True


def _answer_of(made: socket.socket) -> Outcome:
    """Whoever hangs up without a word, even by a reset, has been reached as well: the handshake was over."""
    try:
        found = message.read(made.recv(message.MOST)[2:])
    except ConnectionResetError:
        found = None
    except OSError as error:
        return _failed(error.errno or 0)
    return Outcome(Seen.ALLOW, found[1] if found else ("", 0))


def _is_connected(made: socket.socket) -> bool:
    try:
        made.getpeername()
    except OSError:
        return False
    return True


class Datagrams:
    """UDP: all questions of a seat in one family go out of one socket; their numbers tell them apart."""

    def __init__(self, loop: Loop, heard: Heard) -> None:
        self._loop = loop
        self._heard = heard
        self._open: dict[tuple[str, str], socket.socket] = {}

    def __len__(self) -> int:
        return len(self._open)

    def send(self, number: int, probe: Probe) -> None:
        """Sends the question, once more perhaps; the calling thread is in the source's namespace."""
        key = (probe.source, probe.sender)
        try:
            if key not in self._open:
                self._open[key] = self._made(probe)
            _insist(self._open[key], message.question(number), (probe.address, probe.port))
        except OSError as error:
            self._heard(number, _failed(error.errno or 0))

    def close(self) -> None:
        """Closes all sockets."""
        for made in self._open.values():
            self._loop.drop(made.fileno())
            made.close()
        self._open.clear()

    def _made(self, probe: Probe) -> socket.socket:
        made = datagram(probe.family)
        try:
            keep_failures(made)
            made.bind((probe.sender, 0))
        except OSError:
            made.close()
            raise
        self._loop.add(made.fileno(), partial(self._ready, made))
        return made

    def _ready(self, made: socket.socket, _: int) -> None:
        for data, fault in failures(made):
            asked = message.read(data)
            if asked is not None:
                self._heard(asked[0], _failed(fault))
        while True:
            try:
                received = receive(made)
            except OSError:
                return
            found = message.read(received[0])
            if found is not None:
                self._heard(found[0], Outcome(Seen.ALLOW, found[1]))


def _insist(made: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
    """Sends; an error that is there already is that of an earlier datagram, so that the second try counts."""
    try:
        made.sendto(data, peer)
    except OSError:
        made.sendto(data, peer)


class Inits:
    """SCTP, by its first packet."""

    def __init__(self, spaces: Spaces, loop: Loop, heard: Heard) -> None:
        self._heard = heard
        self.wires = Wires(spaces, loop, lambda tag, by: heard(tag, Outcome(Seen.ALLOW, by)))

    def send(self, number: int, probe: Probe) -> None:
        """Sends an INIT, once more perhaps."""
        if not self.wires.open(probe.source, probe.sender):
            self._heard(number, Outcome(Seen.ERROR, note=self.wires.fault))
            return
        try:
            self.wires.send(probe.source, probe.sender, (probe.address, probe.port), number)
        except OSError as error:
            self._heard(number, _failed(error.errno or 0))
