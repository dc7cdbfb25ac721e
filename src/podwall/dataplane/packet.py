"""What a rule set is asked: one packet, as a hook sees it, with conntrack's word about it; and what becomes of it."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Connection", "Ends", "Fate", "Packet"]


class Ends(Struct, frozen=True, gc=False):
    """One tuple of a connection: addresses as keys (4 or 16 bytes), ports as numbers (of ICMP twice its identifier)."""

    source: bytes
    destination: bytes
    source_port: int = 0
    port: int = 0

    def turned(self) -> Ends:
        """The same, seen from the other end."""
        return Ends(self.destination, self.source, self.port, self.source_port)


class Connection(Struct, frozen=True, gc=False):
    """What conntrack knows: the tuple of the first packet, that of the answers (after NAT), and the mark."""

    original: Ends
    reply: Ends
    mark: int = 0


class Packet(Struct, frozen=True, gc=False):
    """One packet at a hook: its header there (so after DNAT), and what conntrack says of it.

    `source` and `destination` are address keys, `protocol` any number, `port` the destination's. `icmp` is the type of
    an ICMP or ICMPv6 packet. `state` is as `ruleset.State` has it; `connection` is None if and only if that is invalid
    or untracked. An ICMP error is `related` and has the connection that it speaks about.
    """

    source: bytes
    destination: bytes
    protocol: int
    source_port: int = 0
    port: int = 0
    syn: bool = False
    ack: bool = False
    icmp: int = 0
    loopback: bool = False
    state: str = "new"
    connection: Connection | None = None

    def ends(self) -> Ends:
        """The tuple of this packet's header."""
        return Ends(self.source, self.destination, self.source_port, self.port)


class Fate(Struct, frozen=True, gc=False):
    """What a rule set does with one packet.

    `mark` is what its connection has from then on (0 for a packet without one). `log` are the prefixes of its log
    lines, `chains` the names of the chains that it entered, `counted` the rules (chain, index from 0) whose counters
    it hit; all in order.
    """

    accepted: bool
    mark: int = 0
    log: tuple[str, ...] = ()
    chains: tuple[str, ...] = ()
    counted: tuple[tuple[str, int], ...] = ()
