"""A rule set as plain data: chains, sets and verdict maps of one nftables table, in the small language used here.

`text` says it to nft, `walk` executes it in memory, `kernel` loads it; all three read these Structs and nothing else.
Elements of sets are the kernel's own keys: every part in network byte order, padded to four bytes, in a row.
"""

from __future__ import annotations

import enum
from typing import TypeAlias

from msgspec import Struct

from podwall.engine.rules import Direction, PolicyRef

__all__ = [
    "DENIED",
    "INVALID",
    "PROTOCOL_NUMBERS",
    "TABLE",
    "WOULD_ALLOW",
    "WOULD_DENY",
    "Accept",
    "AddressIs",
    "Chain",
    "Count",
    "Dispatch",
    "Drop",
    "EpochIs",
    "Field",
    "Goto",
    "Group",
    "Hook",
    "Icmp6Type",
    "Jump",
    "Key",
    "Log",
    "Lookup",
    "Loopback",
    "Match",
    "NotSyn",
    "PickUp",
    "PickedUp",
    "PortIn",
    "Protocol",
    "Return",
    "Rule",
    "Ruleset",
    "Set",
    "SetEpoch",
    "State",
    "Statement",
    "VerdictMap",
    "View",
    "address_key",
    "port_key",
]

TABLE = "podwall"
PROTOCOL_NUMBERS = {"TCP": 6, "UDP": 17, "SCTP": 132, "ICMP": 1, "ICMPv6": 58}
# The first letter of a log line's prefix, `pw1|LETTER|E or I|group`.
DENIED, WOULD_DENY, WOULD_ALLOW, INVALID = "E", "D", "A", "X"


class View(enum.Enum):
    """Where source, destination and port of a packet are read."""

    TRACKED = "tracked"
    """The connection's tuples: its first packet's source, and the destination and port after DNAT, in every packet."""
    REVERSED = "reversed"
    """The same tuples, the other way round: for connections that were picked up in the middle."""
    HEADER = "header"
    """The packet's own header: for packets that conntrack does not track."""


class Field(enum.Enum):
    """What is read. PROTOCOL is the packet's own in every view."""

    SOURCE = "source"
    DESTINATION = "destination"
    PROTOCOL = "protocol"
    PORT = "port"
    """The destination's port."""


class Key(enum.Enum):
    """The type of a set's keys; the number is the family of its addresses, if it has any."""

    ADDRESS4 = "ipv4_addr"
    ADDRESS6 = "ipv6_addr"
    SERVICE4 = "ipv4_addr . inet_proto . inet_service"
    SERVICE6 = "ipv6_addr . inet_proto . inet_service"
    PORT = "inet_proto . inet_service"
    FLOW4 = "ipv4_addr . ipv4_addr . inet_proto"
    FLOW6 = "ipv6_addr . ipv6_addr . inet_proto"

    @property
    def family(self) -> int:
        """4 or 6; 0 where no address is part of the key."""
        return {"4": 4, "6": 6}.get(self.name[-1], 0)

    @property
    def size(self) -> int:
        """Bytes of one key."""
        sizes = {"ipv4_addr": 4, "ipv6_addr": 16, "inet_proto": 4, "inet_service": 4}
        return sum(sizes[part] for part in self.value.split(" . "))


def address_key(address: int, family: int) -> bytes:
    """The key of an address, given as a number of its family."""
    return address.to_bytes(4 if family == 4 else 16)


def port_key(protocol: str, port: int) -> bytes:
    """The part of a key that is a protocol and a port."""
    return bytes((PROTOCOL_NUMBERS[protocol], 0, 0, 0)) + port.to_bytes(2) + b"\0\0"


# What a rule asks. Families: a Lookup or AddressIs of addresses only matches packets of its own family.


class Lookup(Struct, frozen=True):
    """Whether the fields, taken together, are in a set (`negated`: are not).

    Where PORT is among the fields the rule must have matched one Protocol before.
    """

    view: View
    fields: tuple[Field, ...]
    set: str
    family: int = 0
    negated: bool = False


class AddressIs(Struct, frozen=True):
    """Whether SOURCE or DESTINATION is in one CIDR."""

    view: View
    field: Field
    cidr: str


class Protocol(Struct, frozen=True):
    """Whether the packet is of this protocol, one of PROTOCOL_NUMBERS."""

    name: str


class PortIn(Struct, frozen=True):
    """Whether the destination's port is in first..last, inclusive; after a Protocol."""

    view: View
    first: int
    last: int


class State(Struct, frozen=True):
    """Whether conntrack says this of the packet: new, established, related, invalid or untracked."""

    name: str


class EpochIs(Struct, frozen=True):
    """Whether the connection was allowed under the rule set's present epoch."""


class PickedUp(Struct, frozen=True):
    """Whether the connection was marked by PickUp."""


class NotSyn(Struct, frozen=True):
    """Whether the packet is TCP and does not open a connection (SYN without ACK)."""


class Icmp6Type(Struct, frozen=True):
    """Whether the packet is ICMPv6 of a type in first..last."""

    first: int
    last: int


class Loopback(Struct, frozen=True):
    """Whether the packet came in over the loopback interface."""


Match: TypeAlias = Lookup | AddressIs | Protocol | PortIn | State | EpochIs | PickedUp | NotSyn | Icmp6Type | Loopback


# What a rule does. The last statement of a rule may be a verdict; without one the next rule is read.


class Accept(Struct, frozen=True):
    """The table has nothing against the packet."""


class Drop(Struct, frozen=True):
    """The packet ends here."""


class Return(Struct, frozen=True):
    """Back to where the chain was jumped to; from a base chain, accept."""


class Jump(Struct, frozen=True):
    """The rules of a chain, then the next rule here."""

    chain: str


class Goto(Struct, frozen=True):
    """The rules of a chain; what returns from there, returns from here."""

    chain: str


class Dispatch(Struct, frozen=True):
    """Jumps to the chain that a verdict map has for SOURCE or DESTINATION; where it has none, the next rule."""

    view: View
    field: Field
    map: str
    family: int


class SetEpoch(Struct, frozen=True):
    """Writes the present epoch into the connection's mark."""


class PickUp(Struct, frozen=True):
    """Marks the connection as one that conntrack did not see the beginning of, by one bit (dataplane.md 4.5)."""


class Count(Struct, frozen=True):
    """Counts packets and bytes."""


class Log(Struct, frozen=True):
    """Hands the packet to the log group, under a prefix; where `seen` is a set of flows, not too often for each.

    `seen` is of key FLOW4 or FLOW6 and of tracked packets; without it, `rate` bounds all packets together, and without
    a rate nothing does. Rates are packets a second.
    """

    prefix: str
    group: int
    seen: str = ""
    family: int = 0
    rate: int = 0


Statement: TypeAlias = Accept | Drop | Return | Jump | Goto | Dispatch | SetEpoch | PickUp | Count | Log


class Rule(Struct, frozen=True):
    """If all of `matches` hold, in order, then `statements`."""

    matches: tuple[Match, ...] = ()
    statements: tuple[Statement, ...] = ()


class Hook(enum.Enum):
    """Where the kernel asks a base chain. There is none on output: a node reaches its own pods (N17)."""

    FORWARD = "forward"
    INPUT = "input"


class Chain(Struct, frozen=True):
    """Rules in order. A base chain has a hook, and accepts what runs out of rules."""

    name: str
    rules: tuple[Rule, ...]
    hook: Hook | None = None


class Set(Struct, frozen=True):
    """A hash set of keys; `intervals` instead for addresses by range, disjoint and inclusive, which is never changed.

    `flows` says that packets themselves add keys to it (`Log.seen`); it has no elements of ours.
    """

    name: str
    key: Key
    elements: frozenset[bytes] = frozenset()
    intervals: tuple[tuple[bytes, bytes], ...] = ()
    flows: bool = False


class VerdictMap(Struct, frozen=True):
    """Address → the chain to jump to."""

    name: str
    key: Key
    elements: dict[bytes, str]


class Group(Struct, frozen=True):
    """What a log line's group means: the policies that speak about its pods in one direction, and whether they isolate.

    A group is named after all that it says, so one name means the same for ever.
    """

    name: str
    direction: Direction
    policies: tuple[PolicyRef, ...]
    isolated_by: tuple[PolicyRef, ...] = ()


class Ruleset(Struct, frozen=True):
    """The whole table, by name. `epoch` is written to marks of connections as it is: within `mask`, and never 0.

    `picked_up` is one more bit of the mark, outside of `mask`. No other bit of a mark is ever changed.
    """

    chains: dict[str, Chain]
    sets: dict[str, Set]
    maps: dict[str, VerdictMap]
    groups: dict[str, Group]
    epoch: int
    mask: int = 0x7FFF_8000
    picked_up: int = 0x8000_0000
