"""Conntrack's twin: one node in memory that keeps connections, so that packets can be played before and after a change.

What the kernel does that a verdict can depend on is here (DNAT, marks, packets that are not tracked, TCP picked up in
the middle, errors about connections); timeouts, sequence numbers and masquerading are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from podwall.dataplane.fake import FakeKernel
from podwall.dataplane.packet import Connection, Ends, Fate, Packet
from podwall.dataplane.ruleset import PROTOCOL_NUMBERS, Hook, Ruleset
from podwall.dataplane.walk import Walker

__all__ = ["Node"]

# The tuple that conntrack finds a connection by: the protocol, and the ends of a packet of either direction.
_Tuple = tuple[int, Ends]

_TCP, _ICMP, _ICMP6 = (PROTOCOL_NUMBERS[name] for name in ("TCP", "ICMP", "ICMPv6"))
# Types of ICMP that ask for an answer, and so begin a connection; and errors (nf_conntrack_proto_icmp, _icmpv6).
_ASKING = {_ICMP: {8, 13, 15, 17}, _ICMP6: {128, 139}}
_ERRORS = {_ICMP: {3, 4, 5, 11, 12}, _ICMP6: set(range(128))}
# Neighbor discovery and multicast listeners (nf_conntrack_icmpv6, noct_valid_new).
_NEVER_TRACKED = {130, 131, 132, 133, 134, 135, 136, 143}


class _Entry(Struct):
    """A connection; it is kept from the first of its packets on that is accepted."""

    original: Ends
    reply: Ends
    mark: int = 0
    kept: bool = False
    answered: bool = False


class Node:
    """A node: its conntrack, and its kernel's rule set at the hooks, which may change between any two packets.

    `translations` are DNAT: (address, protocol, port) of a Service → (address, port). `notrack` says which packets a
    rule of someone else takes out of conntrack.
    """

    def __init__(
        self,
        kernel: FakeKernel,
        translations: Mapping[tuple[bytes, int, int], tuple[bytes, int]] | None = None,
        notrack: Callable[[Packet], bool] = lambda _: False,
    ) -> None:
        self._kernel = kernel
        self._translations = translations or {}
        self._notrack = notrack
        self._entries: dict[_Tuple, _Entry] = {}
        self._walker: tuple[Ruleset, Walker] | None = None

    def send(self, packet: Packet, hook: Hook = Hook.FORWARD, about: Packet | None = None) -> Fate:
        """A packet as it arrives: of a Service, still to its address. `about` is what an ICMP error quotes.

        What the packet itself says of conntrack is not read. Of ICMP, both ports are the identifier.
        """
        seen, entry = self._track(packet, about)
        fate = self._judge(seen, hook)
        if entry is not None:
            entry.mark = fate.mark
            if fate.accepted and not entry.kept:
                entry.kept = True
                self._entries[packet.protocol, entry.original] = self._entries[packet.protocol, entry.reply] = entry
        return fate

    def mark(self, packet: Packet) -> int | None:
        """The mark of the connection that a packet, as it arrives, is of; None where there is none."""
        entry = self._entries.get((packet.protocol, packet.ends()))
        return entry.mark if entry else None

    def marks(self) -> dict[tuple[int, Ends], int]:
        """The marks of all connections, by protocol and tuple, in both directions."""
        return {key: entry.mark for key, entry in self._entries.items()}

    def unmark(self, mask: int) -> None:
        """Clears these bits of all marks, as is done before epochs begin anew (dataplane.md 4.4)."""
        for entry in self._entries.values():
            entry.mark &= ~mask

    def forget(self) -> None:
        """Every connection ends for conntrack: its timeouts, or `conntrack -F`."""
        self._entries.clear()

    def _judge(self, packet: Packet, hook: Hook) -> Fate:
        ruleset = self._kernel.ruleset
        if ruleset is None:
            return Fate(accepted=True, mark=packet.connection.mark if packet.connection else 0)
        if self._walker is None or self._walker[0] is not ruleset:
            self._walker = (ruleset, Walker(ruleset))
        return self._walker[1].walk(hook, packet)

    def _track(self, packet: Packet, about: Packet | None) -> tuple[Packet, _Entry | None]:
        """The packet as hooks see it, and its connection."""
        if self._notrack(packet) or (packet.protocol == _ICMP6 and packet.icmp in _NEVER_TRACKED):
            return msgspec.structs.replace(packet, state="untracked", connection=None), None
        if packet.icmp in _ERRORS.get(packet.protocol, ()):
            return self._error(packet, about)
        entry = self._entries.get((packet.protocol, packet.ends()))
        if entry is None and not _may_begin(packet):
            return msgspec.structs.replace(packet, state="invalid", connection=None), None
        entry = entry or self._begun(packet)
        if packet.ends() == entry.reply:  # a packet back: what DNAT did is undone behind the hooks
            entry.answered = True
        else:
            packet = msgspec.structs.replace(packet, destination=entry.reply.source, port=entry.reply.source_port)
        return _seen(packet, "established" if entry.answered else "new", entry), entry

    def _error(self, packet: Packet, about: Packet | None) -> tuple[Packet, _Entry | None]:
        """An error is of the connection that the quoted packet went the other way in (nf_conntrack_inet_error)."""
        entry = self._entries.get((about.protocol, about.ends().turned())) if about else None
        if entry is None:
            return msgspec.structs.replace(packet, state="invalid", connection=None), None
        return _seen(packet, "related", entry), entry

    def _begun(self, packet: Packet) -> _Entry:
        original = packet.ends()
        target = self._translations.get((packet.destination, packet.protocol, packet.port))
        address, port = target or (packet.destination, packet.port)
        return _Entry(original, Ends(address, packet.source, port, packet.source_port))


def _seen(packet: Packet, state: str, entry: _Entry) -> Packet:
    connection = Connection(entry.original, entry.reply, entry.mark)
    return msgspec.structs.replace(packet, state=state, connection=connection)


def _may_begin(packet: Packet) -> bool:
    """Whether conntrack makes a connection of a packet that is of none; TCP also in the middle (tcp_loose)."""
    if packet.protocol == _TCP:
        return packet.syn != packet.ack
    return packet.protocol not in _ASKING or packet.icmp in _ASKING[packet.protocol]
