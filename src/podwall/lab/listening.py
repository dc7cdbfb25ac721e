"""The lab's listeners: whatever reaches a seat at a port that is probed is answered with where it was reached."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from podwall.lab import message
from podwall.lab.loop import Loop
from podwall.lab.probe import Place
from podwall.lab.sockets import Spaces, datagram, receive, send_from, stream

__all__ = ["Listeners"]

_ANY = {4: "0.0.0.0", 6: "::"}  # noqa: S104 - every address of a namespace of the lab
_WAITING = 1024  # connections that were not taken yet
_SECONDS = 5  # that the kernel waits for a question before it hands a connection on without one


class Listeners:
    """Opens listeners and answers on them. `addresses` are all addresses of the namespace that a seat is in."""

    def __init__(self, spaces: Spaces, loop: Loop, addresses: Mapping[str, Sequence[str]]) -> None:
        self._spaces = spaces
        self._loop = loop
        self._addresses = addresses
        self._open: list[socket.socket] = []
        self._connections: dict[int, socket.socket] = {}
        self.faults: dict[Place, str] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, places: Iterable[Place]) -> None:
        """Listens there. What somebody else listens on already is left to that one; see `faults` for what failed."""
        by_seat: dict[str, list[Place]] = {}
        for place in sorted(places):
            by_seat.setdefault(place.seat, []).append(place)
        for seat, held in by_seat.items():
            with self._spaces.inside(seat):
                for place in held:
                    self._listen(place)

    def close(self) -> None:
        """Listens no more, anywhere."""
        for listener in (*self._open, *self._connections.values()):
            self._loop.drop(listener.fileno())
            listener.close()
        self._open.clear()
        self._connections.clear()

    def _listen(self, place: Place) -> None:
        try:
            self._bind(place, _ANY[place.family])
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                self._beside(place)
            else:
                self.faults[place] = os.strerror(error.errno or 0)

    def _beside(self, place: Place) -> None:
        """Somebody has the port at some of the namespace's addresses, as a nameserver has: we take the others."""
        for address in self._addresses.get(place.seat, ()):
            if (":" in address) == (place.family == 6):
                try:
                    self._bind(place, address)
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        self.faults[place] = os.strerror(error.errno or 0)

    def _bind(self, place: Place, address: str) -> None:
        tcp = place.protocol == "TCP"
        listener = stream(place.family) if tcp else datagram(place.family)
        try:
            if place.family == 6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if tcp:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                # A connection is taken when its question is there: one event for each instead of two.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _SECONDS)
            listener.bind((address, place.port))
            if tcp:
                listener.listen(_WAITING)
        except OSError:
            listener.close()
            raise
        self._open.append(listener)
        handler = self._accept if tcp else partial(self._reply, place.port)
        self._loop.add(listener.fileno(), partial(_each, handler, listener))

    def _reply(self, port: int, listener: socket.socket) -> None:
        data, peer, address = receive(listener)
        send_from(listener, message.answer(data, address, port), peer, address)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        if _answered(connection):
            connection.close()
        else:
            descriptor = connection.fileno()
            self._connections[descriptor] = connection
            self._loop.add(descriptor, lambda _: self._later(descriptor))

    def _later(self, descriptor: int) -> None:
        if _answered(self._connections[descriptor]):
            self._loop.drop(descriptor)
            self._connections.pop(descriptor).close()


def _answered(connection: socket.socket) -> bool:
    """Answers a question; False where there is no question yet."""
    try:
        asked = connection.recv(message.MOST, socket.MSG_DONTWAIT)
        if asked:
            address, port = connection.getsockname()[:2]
            connection.send(message.framed(message.answer(asked[2:], address, port)), socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        pass  # the other end has hung up
    return True


def _each(handler: Callable[[socket.socket], None], listener: socket.socket, _: int) -> None:
    """Handles everything that has come."""
    try:
        while True:
            handler(listener)
    except OSError:
        return  # there is no more; or it was reset before it was taken, and the loop calls again for the others
