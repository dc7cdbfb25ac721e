"""Rule sets and changes said to nft: every text here is one transaction. No other file knows nft's language.

The first rule of a chain carries a comment by which the chain is known when the table is read back (`told`), and two
small sets say which epoch the rules are in. There are no anonymous sets (dataplane.md 0.5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from podwall.dataplane.change import Change
from podwall.dataplane.door import digest
from podwall.dataplane.ruleset import (
    TABLE,
    Accept,
    AddressIs,
    Chain,
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
    NotSyn,
    PickedUp,
    PickUp,
    PortIn,
    Protocol,
    Return,
    Rule,
    Ruleset,
    Set,
    SetEpoch,
    State,
    Statement,
    VerdictMap,
    View,
)

__all__ = [
    "EPOCH_SET",
    "MASK_SET",
    "Marks",
    "alteration",
    "bump",
    "element",
    "load",
    "structure",
    "told",
    "uses_epoch",
]

# Sets of ours that hold one mark each: the epoch that the rules are in, and the mask of the bits that are for epochs.
EPOCH_SET, MASK_SET = "c_epoch", "c_mask"

# Dropped flows that are remembered so that each is not logged too often, and for how long (dataplane.md 3.3).
_FLOWS = "size 65536; flags dynamic,timeout; timeout 1m;"
_SNAPLEN = 96
_HOOKED = "type filter hook {} priority filter; policy accept;"

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
_NAME = re.compile(r"[a-z][A-Za-z0-9]*(_[A-Za-z0-9_]+)+")
_COMMENT = re.compile(r"pw1 ([0-9a-f]+) ([0-9]+)", re.ASCII)
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


def load(ruleset: Ruleset) -> str:
    """The whole table, in place of the one that is there, if any; the packets in between are judged by the old one."""
    marks = Marks.of(ruleset).at(ruleset.epoch)
    parts = [f"add table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    parts += [_mark_set(EPOCH_SET, marks.epoch), _mark_set(MASK_SET, marks.mask)]
    parts += map(_set, ruleset.sets.values())
    parts += map(_map, ruleset.maps.values())
    parts += [_chain(chain, marks) for chain in ruleset.chains.values()]
    return "\n".join([*parts, "}", ""])


def structure(ruleset: Ruleset) -> str:
    """The whole table without the elements of its sets: short, and all that nft could misunderstand."""
    sets = {name: _emptied(one) for name, one in ruleset.sets.items()}
    return load(msgspec.structs.replace(ruleset, sets=sets))


def _emptied(one: Set) -> Set:
    return msgspec.structs.replace(one, elements=frozenset(), intervals=one.intervals[:1])


def alteration(change: Change, marks: Marks) -> str:
    """A change's structure and elements; the rules stay in the epoch that they are in."""
    parts = [f"table inet {TABLE} {{"]
    parts += [f"chain {_name(chain.name)} {{ {_hook(chain)} }}" for chain in change.chains]
    parts += [*map(_set, change.sets), *map(_map, change.maps), "}"]
    parts += [_flush(name) for name in (*(chain.name for chain in change.chains), *change.gone_chains)]
    parts += [f"table inet {TABLE} {{", *(_chain(chain, marks) for chain in change.chains), "}"]
    parts += _elements(change)
    # What refers goes before what it refers to: maps to chains, and chains (flushed above) to sets.
    gone = (("map", change.gone_maps), ("chain", change.gone_chains), ("set", change.gone_sets))
    parts += [f"delete {kind} inet {TABLE} {_name(name)}" for kind, names in gone for name in names]
    return "\n".join([*parts, ""])


def bump(chains: Iterable[Chain], marks: Marks, epoch: int) -> str:
    """The rules that know the epoch, and the set that says it, at another one: nothing else changes."""
    later = marks.at(epoch)
    using = [chain for chain in chains if uses_epoch(chain)]
    parts = [_flush(chain.name) for chain in using]
    parts += [f"table inet {TABLE} {{", *(_chain(chain, later) for chain in using), "}"]
    parts += [f"delete element inet {TABLE} {EPOCH_SET} {{ {marks.epoch:#x} }}"]
    parts += [f"add element inet {TABLE} {EPOCH_SET} {{ {epoch:#x} }}"]
    return "\n".join([*parts, ""])


def uses_epoch(chain: Chain) -> bool:
    """Whether the rules of a chain are others in every epoch."""
    return any(
        isinstance(part, EpochIs | SetEpoch) for rule in chain.rules for part in (*rule.matches, *rule.statements)
    )


def told(comment: str) -> tuple[str, int]:
    """What the comment of a chain's first rule tells: the digest of its rules, and how many nft made of them."""
    match = _COMMENT.fullmatch(comment)
    return (match[1], int(match[2])) if match else ("", 0)


def element(value: bytes) -> str:
    """An element of a set as nft writes it, for messages as well. Its length says what it is made of."""
    write = _ELEMENT.get(len(value))
    return write(value) if write else value.hex()


def _address4(value: bytes) -> str:
    return f"{value[0]}.{value[1]}.{value[2]}.{value[3]}"


def _address6(value: bytes) -> str:
    return value.hex(":", 2)


def _service(value: bytes) -> str:
    """The protocol and the port that a key ends with."""
    return f"{value[-8]} . {value[-4] << 8 | value[-3]}"


# By length of the key. A set of flows has keys of others' lengths, and no elements of ours.
_ELEMENT: dict[int, Callable[[bytes], str]] = {
    4: _address4,
    16: _address6,
    8: _service,
    12: lambda value: f"{_address4(value)} . {_service(value)}",
    24: lambda value: f"{_address6(value[:16])} . {_service(value)}",
}


# Sets and maps


def _mark_set(name: str, mark: int) -> str:
    return f"set {name} {{ type mark; elements = {{ {mark:#x} }} }}"


def _set(one: Set) -> str:
    start = f"set {_name(one.name)} {{ type {one.key.value};"
    if one.flows:
        return f"{start} {_FLOWS} }}"
    if one.intervals:
        ranges = (f"{element(first)}-{element(last)}" for first, last in one.intervals)
        return f"{start} flags interval; {_initial(ranges)}}}"
    return f"{start} {_initial(map(element, one.elements))}}}"


def _map(one: VerdictMap) -> str:
    return f"map {_name(one.name)} {{ type {one.key.value} : verdict; {_initial(_routes(one.elements))}}}"


def _routes(elements: Mapping[bytes, str]) -> Iterator[str]:
    return (f"{element(value)} : jump {_name(chain)}" for value, chain in elements.items())


def _initial(elements: Iterable[str]) -> str:
    # One a line, so that nft's complaint names the line of the very element.
    inside = ",\n".join(elements)
    return f"elements = {{\n{inside}\n}} " if inside else ""


def _elements(change: Change) -> Iterator[str]:
    """What goes before what comes: a key of a map that gets another chain is in both."""
    yield from (_edit("delete", name, map(element, values)) for name, values in change.removed.items())
    yield from (_edit("delete", name, map(element, routes)) for name, routes in change.unrouted.items())
    yield from (_edit("add", name, map(element, values)) for name, values in change.added.items())
    yield from (_edit("add", name, _routes(routes)) for name, routes in change.routed.items())


def _edit(verb: str, name: str, elements: Iterable[str]) -> str:
    inside = ",\n".join(elements)
    return f"{verb} element inet {TABLE} {_name(name)} {{\n{inside}\n}}"


# Chains


def _hook(chain: Chain) -> str:
    return _HOOKED.format(chain.hook.value) if chain.hook else ""


def _chain(chain: Chain, marks: Marks) -> str:
    lines = [line for rule in chain.rules for line in _rule(rule, marks) if line]
    if lines:
        lines[0] += f' comment "pw1 {digest(chain)} {len(lines)}"'
    return "\n".join([f"chain {_name(chain.name)} {{ {_hook(chain)}", *lines, "}"])


def _rule(rule: Rule, marks: Marks) -> Iterator[str]:
    matches = [_said(_MATCHES, match, marks) for match in rule.matches]
    for piece in _pieces(rule):
        yield " ".join([*matches, *(_said(_STATEMENTS, statement, marks) for statement in piece)])


def _pieces(rule: Rule) -> Iterator[tuple[Statement, ...]]:
    """The statements of each of nft's rules that say one of ours. A limit that is exceeded ends nft's rule, and it
    must not end ours: what comes after a bounded Log, a Drop above all, is a rule of its own.
    """
    first = 0
    for place, statement in enumerate(rule.statements[:-1], start=1):
        if isinstance(statement, Log) and (statement.seen or statement.rate):
            yield rule.statements[first:place]
            first = place
    yield rule.statements[first:]


def _said(table: Mapping[type, Callable[[Any, Marks], str]], part: Struct, marks: Marks) -> str:
    return table[type(part)](part, marks)


def _flush(name: str) -> str:
    return f"flush chain inet {TABLE} {_name(name)}"


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a name in nft")
    return name


def _read(view: View, field: Field, family: int) -> str:
    if field is Field.PORT:
        return _PORT[view]
    if field is Field.PROTOCOL:
        return "meta l4proto"
    return _ADDRESS[view, field].format("ip6" if family == 6 else "ip")


def _lookup(match: Lookup, _: Marks) -> str:
    fields = " . ".join(_read(match.view, field, match.family) for field in match.fields)
    return f"{fields} {'!= ' if match.negated else ''}@{_name(match.set)}"


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
    return f"{_read(statement.view, statement.field, statement.family)} vmap @{_name(statement.map)}"


def _log(statement: Log, _: Marks) -> str:
    if not _PREFIX.fullmatch(statement.prefix):
        raise ValueError(f"{statement.prefix!r} cannot be a prefix of a log line")
    line = f'log prefix "{statement.prefix}" group {statement.group} snaplen {_SNAPLEN}'
    rate = statement.rate or 1
    if statement.seen:
        ends = [_read(View.TRACKED, end, statement.family) for end in (Field.SOURCE, Field.DESTINATION)]
        flow = " . ".join([*ends, "meta l4proto"])
        return f"update @{_name(statement.seen)} {{ {flow} limit rate {rate}/second }} {line}"
    return f"limit rate {rate}/second burst {rate} packets {line}" if statement.rate else line


_STATEMENTS: dict[type, Callable[[Any, Marks], str]] = {
    Accept: lambda *_: "accept",
    Drop: lambda *_: "drop",
    Return: lambda *_: "return",
    Jump: lambda statement, _: f"jump {_name(statement.chain)}",
    Goto: lambda statement, _: f"goto {_name(statement.chain)}",
    Dispatch: _dispatch,
    SetEpoch: lambda _, marks: f"ct mark set ct mark & {~marks.mask & 0xFFFF_FFFF:#x} | {marks.epoch:#x}",
    PickUp: lambda _, marks: f"ct mark set ct mark | {marks.picked_up:#x}",
    Count: lambda *_: "counter",
    Log: _log,
}
