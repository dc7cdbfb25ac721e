"""Sockets to netfilter in the kernel: requests, dumps and batches, with what the kernel says to them as KernelError.

A socket stays in the network namespace where it was opened. What messages mean stands with those who send them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec
from msgspec import Struct

from podwall.dataplane import wire
from podwall.dataplane.wire import Message, Request
from podwall.errors import KernelError

__all__ = ["NFTABLES", "NOT_ALLOWED", "TOO_LONG", "Socket", "Within"]

# Enters a network namespace with the calling thread, for as long as its block lasts.
Within = Callable[[], AbstractContextManager[object]]

_NETFILTER = 12
_SOL_NETLINK, _CAP_ACK, _EXT_ACK = 270, 10, 11
_ERROR, _DONE = 2, 3
_BATCH_BEGIN, _BATCH_END, NFTABLES = 16, 17, 10
_ACK_CAPPED, _ACK_DETAILS = 0x100, 0x200
_DETAIL_MESSAGE, _DETAIL_OFFSET = 1, 2
_HEADER = 16

_BUFFER = 8 << 20
_READ = 1 << 18
# Another program may hold the kernel's rules of a namespace for as long.
_SECONDS = 60.0
# A dump that the kernel says was changed in the middle is made again.
_TRIES = 10


NOT_ALLOWED = "rules cannot be changed here: it takes root, or CAP_NET_ADMIN in this network namespace"
TOO_LONG = (
    "the change is longer than this kernel takes at once from a user who is not root outside of all containers; "
    "make net.core.wmem_max and net.core.wmem_default larger"
)


class _Answer(Struct, frozen=True):
    """What the kernel says to one message: 0 or an errno, its words if any, and where in the body the fault is."""

    errno: int
    words: str
    offset: int


class Socket:
    """One netlink socket, in the namespace that `within` enters."""

    def __init__(self, within: Within = nullcontext) -> None:
        try:
            with within():
                self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
        except OSError as error:
            raise KernelError(f"the kernel has no netfilter netlink: {error.strerror}", error.errno or 0) from error
        self._sequence = 0
        for option in (_CAP_ACK, _EXT_ACK):
            with contextlib.suppress(OSError):
                self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._widen("SO_SNDBUFFORCE", socket.SO_SNDBUF)
        self._widen("SO_RCVBUFFORCE", socket.SO_RCVBUF)

    def _widen(self, force: str, ask: int) -> None:
        """A large buffer: by force where this user may, else as large as net.core's limits let it be."""
        number = {"SO_SNDBUFFORCE": 32, "SO_RCVBUFFORCE": 33}[force]
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, getattr(socket, force, number), _BUFFER)
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, ask, _BUFFER)

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For those who wait for several sockets."""
        return self._socket.fileno()

    def ask(self, request: Request) -> list[bytes]:
        """One request, and the bodies of what comes before it is acknowledged."""
        (sequence,) = self._send([request], wire.ACK)
        bodies: list[bytes] = []
        for message in self._incoming((sequence,)):
            if message.kind == _ERROR:
                _raise(request, _answer(message))
                return bodies
            bodies.append(message.body)
        return bodies

    def dump(self, request: Request) -> list[bytes]:
        """The bodies of all messages of a dump that nothing changed in between."""
        for _ in range(_TRIES):
            bodies = self._dumped(request)
            if bodies is not None:
                return bodies
        raise KernelError(f"{request.about(-1)} changes faster than it can be read")

    def _dumped(self, request: Request) -> list[bytes] | None:
        (sequence,) = self._send([request], wire.DUMP)
        bodies: list[bytes] = []
        broken = False
        for message in self._incoming((sequence,)):
            broken |= bool(message.flags & wire.DUMP_INTERRUPTED)
            if message.kind == _ERROR:
                _raise(request, _answer(message))
            if message.kind in {_ERROR, _DONE}:
                return None if broken else bodies
            bodies.append(message.body)
        return None

    def batch(self, subsystem: int, requests: Sequence[Request]) -> None:
        """All requests in one transaction of a subsystem. Raises KernelError about the first that is refused."""
        if not requests:
            return
        around = wire.generic(0, subsystem)
        begin = Request(_BATCH_BEGIN, 0, around, lambda _: "the transaction")
        end = Request(_BATCH_END, 0, around, begin.about)
        acknowledged = msgspec.structs.replace(requests[-1], flags=requests[-1].flags | wire.ACK)
        sent = [begin, *requests[:-1], acknowledged, end]
        sequences = self._send(sent)
        for message in self._incoming(sequences):
            if message.kind == _ERROR:
                place = message.sequence - sequences[0]
                _raise(sent[place], _answer(message))
                if place == len(sent) - 2:
                    return

    def each(self, requests: Sequence[Request], *, unless: int) -> None:
        """Requests that stand alone; `unless` is an errno that is as good as none."""
        sequences = self._send([*requests[:-1], msgspec.structs.replace(requests[-1], flags=wire.ACK)])
        for message in self._incoming(sequences):
            answer = _answer(message)
            if answer.errno != unless:
                _raise(requests[message.sequence - sequences[0]], answer)
            if message.sequence == sequences[-1]:
                return

    def receive(self, seconds: float) -> list[Message]:
        """What came unasked, or comes within `seconds`. What the kernel could not keep is lost without an error."""
        self._socket.settimeout(seconds)
        try:
            return list(wire.messages(self._socket.recv(_READ)))
        except (TimeoutError, BlockingIOError):
            return []
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                return []
            raise KernelError(f"the kernel's messages cannot be read: {error.strerror}", error.errno or 0) from error

    def _send(self, requests: Sequence[Request], flags: int = 0) -> range:
        """Sends them in one go; their sequence numbers."""
        sequences = range(self._sequence + 1, self._sequence + 1 + len(requests))
        self._sequence = sequences[-1] % (1 << 31)
        data = b"".join(
            wire.packed(request.kind, request.flags | flags, sequence, request.body)
            for request, sequence in zip(requests, sequences, strict=True)
        )
        self._socket.settimeout(_SECONDS)
        try:
            self._socket.send(data)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise KernelError(TOO_LONG, errno.EMSGSIZE) from None
            raise KernelError(f"the kernel takes no messages: {error.strerror}", error.errno or 0) from error
        return sequences

    def _incoming(self, sequences: Sequence[int]) -> Iterator[Message]:
        """Answers to these; what earlier ones left behind is skipped."""
        while True:
            try:
                data = self._socket.recv(_READ)
            except TimeoutError:
                raise KernelError(f"the kernel did not answer within {_SECONDS:.0f} s") from None
            except OSError as error:
                raise KernelError(f"the kernel's answer was lost: {error.strerror}", error.errno or 0) from error
            yield from (message for message in wire.messages(data) if message.sequence in sequences)


def _answer(message: Message) -> _Answer:
    (code,) = struct.unpack_from("=i", message.body)
    length = _HEADER if message.flags & _ACK_CAPPED else int.from_bytes(message.body[4:8], sys.byteorder)
    details = wire.found(message.body, 4 + length + (-length % 4)) if message.flags & _ACK_DETAILS else {}
    offset = int.from_bytes(details.get(_DETAIL_OFFSET, b""), sys.byteorder)
    return _Answer(-code, wire.name(details.get(_DETAIL_MESSAGE)), offset - _HEADER)


def _raise(request: Request, answer: _Answer) -> None:
    """A KernelError, unless all is well."""
    if not answer.errno:
        return
    what, why = request.about(answer.offset), os.strerror(answer.errno)
    if answer.errno == errno.EPERM:
        raise KernelError(NOT_ALLOWED, errno.EPERM)
    name = errno.errorcode.get(answer.errno, str(answer.errno))
    words = f"; {answer.words}" if answer.words else ""
    raise KernelError(f"the kernel refused {what}: {why} ({name}){words}", answer.errno)
