"""Executes a rule set on one packet in memory, as the kernel would: what `text` says to nft, done in Python.

What fails to load breaks a rule, which is not the same as a match that does not hold: nothing of a connection can be
read from untracked and invalid packets, nor an address of the other family, and no `negated` turns that into a match.
"""

from __future__ import annotations

import functools
import ipaddress
from bisect import bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import TypeAlias

from msgspec import Struct

from podwall.dataplane import ruleset as ir
from podwall.dataplane.packet import Connection, Ends, Fate, Packet

__all__ = ["PORTED", "Walker", "walk"]

PORTED = frozenset(ir.PROTOCOL_NUMBERS[name] for name in ("TCP", "UDP", "SCTP"))
"""The protocols that have ports, by number."""

# What is read where nothing is tracked: addresses of no family.
_NOTHING = Connection(Ends(b"", b""), Ends(b"", b""))


class _Run(Struct):
    """One packet on its way."""

    packet: Packet
    connection: Connection
    mark: int
    log: list[str]
    chains: list[str]
    counted: list[tuple[str, int]]


# What a statement says of the rest: read on in this rule, or in the next one, or leave the chain, or be done.
_ON, _NEXT, _RETURN, _ACCEPT, _DROP = range(5)

_Test: TypeAlias = Callable[[_Run], bool]
_Read: TypeAlias = Callable[[_Run], bytes]
_Step: TypeAlias = Callable[[_Run], int]
_Enter: TypeAlias = Callable[[str, _Run], int]

_PLACES = {
    (ir.View.TRACKED, ir.Field.SOURCE): "connection.original.source",
    (ir.View.TRACKED, ir.Field.DESTINATION): "connection.reply.source",
    (ir.View.TRACKED, ir.Field.PORT): "connection.reply.source_port",
    (ir.View.REVERSED, ir.Field.SOURCE): "connection.reply.source",
    (ir.View.REVERSED, ir.Field.DESTINATION): "connection.original.source",
    (ir.View.REVERSED, ir.Field.PORT): "connection.original.source_port",
    (ir.View.HEADER, ir.Field.SOURCE): "packet.source",
    (ir.View.HEADER, ir.Field.DESTINATION): "packet.destination",
    (ir.View.HEADER, ir.Field.PORT): "packet.port",
}
_ADDRESSES = (ir.Field.SOURCE, ir.Field.DESTINATION)
_BITS = {4: 32, 6: 128}


def walk(ruleset: ir.Ruleset, hook: ir.Hook, packet: Packet) -> Fate:
    """What a well-formed rule set does with a packet at a hook. For many packets make one Walker."""
    return Walker(ruleset).walk(hook, packet)


class Walker:
    """Walks packets through one well-formed rule set; a chain is compiled when the first packet enters it.

    Limits of log lines are never reached here.
    """

    def __init__(self, ruleset: ir.Ruleset) -> None:
        self._ruleset = ruleset
        self._compiled: dict[str, _Step] = {}
        bases = [chain for chain in ruleset.chains.values() if chain.hook is not None]
        self._bases = {chain.hook: chain.name for chain in bases}
        if len(self._bases) < len(bases):
            raise ValueError("two base chains at one hook have no order")

    def walk(self, hook: ir.Hook, packet: Packet) -> Fate:
        """What becomes of the packet; accepted where no base chain has the hook."""
        base = self._bases.get(hook)
        connection = packet.connection or _NOTHING
        run = _Run(packet, connection, connection.mark, [], [], [])
        accepted = base is None or self._enter(base, run) != _DROP
        return Fate(accepted, run.mark, tuple(run.log), tuple(run.chains), tuple(run.counted))

    def _enter(self, name: str, run: _Run) -> int:
        """The rules of a chain: accept, drop, or on where it was jumped to."""
        run.chains.append(name)
        chain = self._compiled.get(name)
        if chain is None:
            chain = self._compiled[name] = self._compile(self._ruleset.chains[name])
        return chain(run)

    def _compile(self, chain: ir.Chain) -> _Step:
        rules = [
            (
                tuple(_test(match, self._ruleset) for match in rule.matches),
                tuple(self._step(statement, (chain.name, index)) for statement in rule.statements),
            )
            for index, rule in enumerate(chain.rules)
        ]
        return functools.partial(_run_chain, rules)

    def _step(self, statement: ir.Statement, place: tuple[str, int]) -> _Step:
        if isinstance(statement, ir.Count):
            return functools.partial(_count, place)
        if isinstance(statement, ir.Jump):
            return functools.partial(_jump, self._enter, statement.chain)
        if isinstance(statement, ir.Goto):
            return functools.partial(_goto, self._enter, statement.chain)
        if isinstance(statement, ir.Dispatch):
            read = _reader(statement.view, (statement.field,))
            return functools.partial(_dispatch, self._enter, read, self._ruleset.maps[statement.map].elements)
        return _plain_step(statement, self._ruleset)


def _run_chain(rules: list[tuple[tuple[_Test, ...], tuple[_Step, ...]]], run: _Run) -> int:
    for tests, steps in rules:
        for test in tests:
            if not test(run):
                break
        else:
            for step in steps:
                verdict = step(run)
                if verdict:
                    break
            else:
                continue
            if verdict != _NEXT:
                return verdict if verdict != _RETURN else _NEXT
    return _NEXT


# Statements. A verdict ends its rule; so does what cannot be loaded, and then the next rule is read.


def _count(place: tuple[str, int], run: _Run) -> int:
    run.counted.append(place)
    return _ON


def _jump(enter: _Enter, chain: str, run: _Run) -> int:
    return enter(chain, run)


def _goto(enter: _Enter, chain: str, run: _Run) -> int:
    verdict = enter(chain, run)
    return _RETURN if verdict == _NEXT else verdict


def _dispatch(enter: _Enter, read: _Read, elements: dict[bytes, str], run: _Run) -> int:
    chain = elements.get(read(run))
    return _NEXT if chain is None else enter(chain, run)


def _plain_step(statement: ir.Statement, ruleset: ir.Ruleset) -> _Step:
    if isinstance(statement, ir.SetEpoch):
        return functools.partial(_mark, ~ruleset.mask, ruleset.epoch)
    if isinstance(statement, ir.PickUp):
        return functools.partial(_mark, -1, ruleset.picked_up)
    if isinstance(statement, ir.Log):
        return functools.partial(_log, statement, _BITS[statement.family] // 8 if statement.seen else 0)
    verdict = {ir.Accept: _ACCEPT, ir.Drop: _DROP, ir.Return: _RETURN}[type(statement)]
    return lambda _: verdict


def _mark(kept: int, written: int, run: _Run) -> int:
    if run.connection is _NOTHING:
        return _NEXT  # the old mark cannot be loaded
    run.mark = run.mark & kept | written
    return _ON


def _log(statement: ir.Log, size: int, run: _Run) -> int:
    """A log line; where flows are kept in a set, only of tracked packets of its family. It never ends a rule."""
    if not size or len(run.connection.original.source) == size:
        run.log.append(statement.prefix)
    return _ON


# Matches.


@functools.singledispatch
def _test(match: ir.Match, _: ir.Ruleset) -> _Test:
    raise TypeError(f"no such match: {match!r}")


@_test.register
def _(match: ir.Lookup, ruleset: ir.Ruleset) -> _Test:
    one = ruleset.sets[match.set]
    read, size, negated = _reader(match.view, match.fields), one.key.size, match.negated
    holds = _within(one.intervals) if one.intervals else one.elements.__contains__
    if not negated and not one.intervals:
        return lambda run: holds(read(run))

    def test(run: _Run) -> bool:
        key = read(run)
        return len(key) == size and holds(key) is not negated

    return test


def _within(intervals: tuple[tuple[bytes, bytes], ...]) -> Callable[[bytes], bool]:
    ordered = sorted(intervals)
    firsts, lasts = [first for first, _ in ordered], [last for _, last in ordered]

    def holds(key: bytes) -> bool:
        at = bisect_right(firsts, key) - 1
        return at >= 0 and key <= lasts[at]

    return holds


@_test.register
def _(match: ir.AddressIs, _: ir.Ruleset) -> _Test:
    first, last = _ends(match.cidr)
    read, size = _reader(match.view, (match.field,)), len(first)

    def test(run: _Run) -> bool:
        address = read(run)
        return len(address) == size and first <= address <= last

    return test


@functools.lru_cache(maxsize=4096)
def _ends(cidr: str) -> tuple[bytes, bytes]:
    network = ipaddress.ip_network(cidr, strict=False)
    return network[0].packed, network[-1].packed


@_test.register
def _(match: ir.Protocol, _: ir.Ruleset) -> _Test:
    number = ir.PROTOCOL_NUMBERS[match.name]
    return lambda run: run.packet.protocol == number


@_test.register
def _(match: ir.PortIn, _: ir.Ruleset) -> _Test:
    read, first, last = attrgetter(_PLACES[match.view, ir.Field.PORT]), match.first, match.last
    tracked = match.view is not ir.View.HEADER

    def test(run: _Run) -> bool:
        if run.packet.protocol not in PORTED or (tracked and run.connection is _NOTHING):
            return False
        port: int = read(run)
        return first <= port <= last

    return test


@_test.register
def _(match: ir.State, _: ir.Ruleset) -> _Test:
    name = match.name
    return lambda run: run.packet.state == name


@_test.register
def _(_match: ir.EpochIs, ruleset: ir.Ruleset) -> _Test:
    mask, epoch = ruleset.mask, ruleset.epoch
    return lambda run: run.mark & mask == epoch and run.connection is not _NOTHING


@_test.register
def _(_match: ir.PickedUp, ruleset: ir.Ruleset) -> _Test:
    bit = ruleset.picked_up
    return lambda run: bool(run.mark & bit)


@_test.register
def _(_match: ir.NotSyn, _: ir.Ruleset) -> _Test:
    tcp = ir.PROTOCOL_NUMBERS["TCP"]
    return lambda run: run.packet.protocol == tcp and (run.packet.ack or not run.packet.syn)


@_test.register
def _(match: ir.Icmp6Type, _: ir.Ruleset) -> _Test:
    number, size, first, last = ir.PROTOCOL_NUMBERS["ICMPv6"], _BITS[6] // 8, match.first, match.last

    def test(run: _Run) -> bool:
        packet = run.packet
        return packet.protocol == number and len(packet.source) == size and first <= packet.icmp <= last

    return test


@_test.register
def _(_match: ir.Loopback, _: ir.Ruleset) -> _Test:
    return lambda run: run.packet.loopback


# Reading keys. What cannot be read is a key of no length, which is in no set.


def _reader(view: ir.View, fields: tuple[ir.Field, ...]) -> _Read:
    if len(fields) == 1 and fields[0] in _ADDRESSES:
        return attrgetter(_PLACES[view, fields[0]])
    parts = tuple(_part(view, field) for field in fields)

    def read(run: _Run) -> bytes:
        key = b""
        for part in parts:
            value = part(run)
            if not value:
                return b""
            key += value
        return key

    return read


def _part(view: ir.View, field: ir.Field) -> _Read:
    if field in _ADDRESSES:
        return attrgetter(_PLACES[view, field])
    if field is ir.Field.PROTOCOL:
        return lambda run: _PADDED[run.packet.protocol]
    port, tracked = attrgetter(_PLACES[view, field]), view is not ir.View.HEADER

    def read(run: _Run) -> bytes:
        if run.packet.protocol not in PORTED or (tracked and run.connection is _NOTHING):
            return b""
        number: int = port(run)
        return number.to_bytes(2) + b"\0\0"

    return read


_PADDED = tuple(bytes((number, 0, 0, 0)) for number in range(256))
