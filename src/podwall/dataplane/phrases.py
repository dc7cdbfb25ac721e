"""What one rule asks and does, in nft's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from podwall.dataplane.ruleset import (
    Accept,
    AddressIs,
    Count,
    Dispatch,
    Drop,
    EpochIs,
    Field,
    Goto,
    Icmp6Type,
    Jump,
    Log,
    Lookup,
    Loopback,
    Match,
    NotSyn,
    PickedUp,
    PickUp,
    PortIn,
    Protocol,
    Return,
    Ruleset,
    SetEpoch,
    State,
    Statement,
    View,
)

__all__ = ["Marks", "asked", "done", "named"]

_SNAPLEN = 96

_ADDRESS = {
    (View.TRACKED, Field.SOURCE): "ct original {} saddr",
    (View.TRACKED, Field.DESTINATION): "ct reply {} saddr",
    (View.REVERSED, Field.SOURCE): "ct reply {} saddr",
    (View.REVERSED, Field.DESTINATION): "ct original {} saddr",
    (View.HEADER, Field.SOURCE): "{} saddr",
    (View.HEADER, Field.DESTINATION): "{} daddr",
}
_PORT = {View.TRACKED: "ct reply proto-src", View.REVERSED: "ct original proto-src", View.HEADER: "th dport"}
_PROTOCOL = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp", "ICMP": "icmp", "ICMPv6": "icmpv6"}
# What may stand in a text without being quoted, or between quotes: names of ours are hashes behind a prefix.
_NAME = re.compile(r"[a-z][A-Za-z0-9]*_[A-Za-z0-9_]+")
_PREFIX = re.compile(r"[\w|:./ -]{1,127}", re.ASCII)


class Marks(Struct, frozen=True):
    """What rules write to marks of connections, and the bits that they may write (`Ruleset`)."""

    epoch: int
    mask: int
    picked_up: int

    @classmethod
    def of(cls, ruleset: Ruleset) -> Marks:
        """The marks that a rule set has."""
        return cls(ruleset.epoch, ruleset.mask, ruleset.picked_up)

    def at(self, epoch: int) -> Marks:
        """The same bits, in another epoch. Raises ValueError for one that is 0 or outside of the mask."""
        if not epoch or epoch & ~self.mask:
            raise ValueError(f"epoch {epoch:#x} is not within {self.mask:#x}")
        return msgspec.structs.replace(self, epoch=epoch)


def asked(match: Match, marks: Marks) -> str:
    """A match."""
    return _MATCHES[type(match)](match, marks)


def done(statement: Statement, marks: Marks) -> str:
    """A statement."""
    return _STATEMENTS[type(statement)](statement, marks)


def named(given: str) -> str:
    """The name of a chain or a set. Raises ValueError for one that nft could read as something else."""
    if not _NAME.fullmatch(given):
        raise ValueError(f"{given!r} cannot be a name in nft")
    return given


def _read(view: View, field: Field, family: int) -> str:
    if field is Field.PORT:
        return _PORT[view]
    if field is Field.PROTOCOL:
        return "meta l4proto"
    return _ADDRESS[view, field].format("ip6" if family == 6 else "ip")


def _lookup(match: Lookup, _: Marks) -> str:
    fields = " . ".join(_read(match.view, field, match.family) for field in match.fields)
    return f"{fields} {'!= ' if match.negated else ''}@{named(match.set)}"


def _address_is(match: AddressIs, _: Marks) -> str:
    return f"{_read(match.view, match.field, 6 if ':' in match.cidr else 4)} {match.cidr}"


def _port_in(match: PortIn, _: Marks) -> str:
    return f"{_PORT[match.view]} {_span(match.first, match.last)}"


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


# A rule that asks for TCP's flags or ICMPv6's type asks for the protocol by itself, of packets without conntrack too.
_MATCHES: dict[type, Callable[[Any, Marks], str]] = {
    Lookup: _lookup,
    AddressIs: _address_is,
    Protocol: lambda match, _: f"meta l4proto {_PROTOCOL[match.name]}",
    PortIn: _port_in,
    State: lambda match, _: f"ct state {match.name}",
    EpochIs: lambda _, marks: f"ct mark & {marks.mask:#x} == {marks.epoch:#x}",
    PickedUp: lambda _, marks: f"ct mark & {marks.picked_up:#x} == {marks.picked_up:#x}",
    NotSyn: lambda *_: "tcp flags & (syn | ack) != syn",
    Icmp6Type: lambda match, _: f"icmpv6 type {_span(match.first, match.last)}",
    Loopback: lambda *_: 'iif "lo"',
}


def _dispatch(statement: Dispatch, _: Marks) -> str:
    return f"{_read(statement.view, statement.field, statement.family)} vmap @{named(statement.map)}"


def _log(statement: Log, _: Marks) -> str:
    if not _PREFIX.fullmatch(statement.prefix):
        raise ValueError(f"{statement.prefix!r} cannot be a prefix of a log line")
    line = f'log prefix "{statement.prefix}" group {statement.group} snaplen {_SNAPLEN}'
    rate = statement.rate or 1
    if statement.seen:
        ends = [_read(View.TRACKED, end, statement.family) for end in (Field.SOURCE, Field.DESTINATION)]
        flow = " . ".join([*ends, "meta l4proto"])
        return f"update @{named(statement.seen)} {{ {flow} limit rate {rate}/second }} {line}"
    return f"limit rate {rate}/second burst {rate} packets {line}" if statement.rate else line


_STATEMENTS: dict[type, Callable[[Any, Marks], str]] = {
    Accept: lambda *_: "accept",
    Drop: lambda *_: "drop",
    Return: lambda *_: "return",
    Jump: lambda statement, _: f"jump {named(statement.chain)}",
    Goto: lambda statement, _: f"goto {named(statement.chain)}",
    Dispatch: _dispatch,
    SetEpoch: lambda _, marks: f"ct mark set ct mark & {~marks.mask & 0xFFFF_FFFF:#x} | {marks.epoch:#x}",
    PickUp: lambda _, marks: f"ct mark set ct mark | {marks.picked_up:#x}",
    Count: lambda *_: "counter",
    Log: _log,
}
