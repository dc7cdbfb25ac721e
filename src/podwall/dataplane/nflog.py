"""Packets that rules log, read from the kernel's log group. Numbers are those of linux/netfilter/nfnetlink_log.h."""

from __future__ import annotations

import errno
from contextlib import nullcontext

from msgspec import Struct

from podwall.dataplane import wire
from podwall.dataplane.connections import Ends, ends
from podwall.dataplane.netlink import Socket, Within
from podwall.dataplane.packets import Packet, Prefix, packet, prefix
from podwall.dataplane.wire import Request
from podwall.errors import KernelError

__all__ = ["Logged", "Reader", "logged"]

_PACKET, _CONFIGURE = 0x0400 | 0, 0x0400 | 1
# Of a configuration.
_COMMAND, _MODE, _BUFFER, _TIMEOUT, _THRESHOLD, _FLAGS = 1, 2, 3, 4, 5, 6
_BIND, _COPY_PACKET = b"\1", b"\2"
_SEQUENCE_FLAG, _CONNECTION_FLAG = 0x1, 0x4
# Of a packet.
_TIME, _INDEV, _OUTDEV, _PAYLOAD, _PREFIX, _SEQUENCE, _CONNECTION = 3, 4, 5, 9, 10, 12, 18
_ORIGINAL = 1
_GENERIC = 4

# As measured in dataplane.md 3.3: so many packets in one message, but none held back for long.
_SNAPLEN, _BUFFER_SIZE, _HUNDREDTHS, _AT_ONCE = 96, 128 << 10, 10, 64
_WRAP = 1 << 32


class Logged(Struct, frozen=True):
    """One logged packet. `before` is how it was addressed before DNAT, where the kernel tells; `text` is the prefix as
    it is, and `prefix` what that means. `indev` and `outdev` are numbers of interfaces, 0 for none; `time` is in
    nanoseconds since 1970, 0 where the packet has none. `packet` is None where it makes no sense.
    """

    text: str
    prefix: Prefix | None
    packet: Packet | None
    before: Ends | None
    indev: int
    outdev: int
    time: int


class Reader:
    """The one reader of a log group in the namespace that `within` enters. `lost` counts packets that came too fast.

    With `services`, the kernel tells the address that a dropped first packet had before DNAT, where it can.
    """

    def __init__(self, group: int, within: Within = nullcontext, *, services: bool = False) -> None:
        self.lost = 0
        self._next = 0
        self._socket = Socket(within)
        try:
            self._bind(group, _SEQUENCE_FLAG | _CONNECTION_FLAG if services else _SEQUENCE_FLAG)
        except KernelError as error:
            self._socket.close()
            if error.errno == errno.EPERM:
                # The kernel says the same of a group that is taken.
                raise KernelError(f"log group {group} is read by another program, or {error}", errno.EPERM) from error
            raise

    def close(self) -> None:
        """Frees the group."""
        self._socket.close()

    def fileno(self) -> int:
        """For those who wait for several readers."""
        return self._socket.fileno()

    def read(self, seconds: float) -> list[Logged]:
        """What was logged, or is within `seconds`; packets come up to 0.1 s late. Empty where nothing was."""
        bodies = [message.body for message in self._socket.receive(seconds) if message.kind == _PACKET]
        return [self._counted(wire.found(body, _GENERIC)) for body in bodies]

    def _bind(self, group: int, flags: int) -> None:
        # All in one message: there is no packet before all is as it should be. There is no PF_BIND: it disturbs others.
        try:
            self._socket.ask(_configuration(group, flags))
        except KernelError as error:
            if error.errno != errno.EOPNOTSUPP or not flags & _CONNECTION_FLAG:
                raise
            self._socket.ask(_configuration(group, flags & ~_CONNECTION_FLAG))

    def _counted(self, parts: dict[int, bytes]) -> Logged:
        sequence = parts.get(_SEQUENCE)
        if sequence is not None:
            number = wire.number(sequence)
            self.lost += (number - self._next) % _WRAP
            self._next = (number + 1) % _WRAP
        return logged(parts)


def _configuration(group: int, flags: int) -> Request:
    body = (
        wire.generic(0, group)
        + wire.attribute(_COMMAND, _BIND)
        + wire.attribute(_MODE, _SNAPLEN.to_bytes(4) + _COPY_PACKET + b"\0")
        + wire.attribute(_BUFFER, _BUFFER_SIZE.to_bytes(4))
        + wire.attribute(_TIMEOUT, _HUNDREDTHS.to_bytes(4))
        + wire.attribute(_THRESHOLD, _AT_ONCE.to_bytes(4))
        + wire.attribute(_FLAGS, flags.to_bytes(2))
    )
    return Request(_CONFIGURE, 0, body, lambda _: f"log group {group}")


def logged(parts: dict[int, bytes]) -> Logged:
    """One packet's attributes, whatever they are."""
    text = wire.name(parts.get(_PREFIX))
    time = parts.get(_TIME, b"")
    connection = wire.found(parts.get(_CONNECTION, b"")).get(_ORIGINAL)
    return Logged(
        text,
        prefix(text),
        packet(parts.get(_PAYLOAD, b"")),
        ends(connection) if connection else None,
        wire.number(parts.get(_INDEV)),
        wire.number(parts.get(_OUTDEV)),
        (wire.number(time[:8]) * 1_000_000 + wire.number(time[8:16])) * 1000,
    )
