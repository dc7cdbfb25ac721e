"""Our table read back: what to ask nf_tables for, and what its answers hold. Nothing is asked here but by a callable.

Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from podwall.dataplane import wire
from podwall.dataplane.door import Held, digest
from podwall.dataplane.ruleset import TABLE, Chain, Hook
from podwall.dataplane.text import EPOCH_SET, MASK_SET, told
from podwall.dataplane.wire import Request
from podwall.errors import KernelError

__all__ = ["GENERATION", "TABLE_ITSELF", "read"]

_INET = 1
_GET_TABLE, _GET_CHAIN, _GET_RULE, _GET_SET, _GET_ELEMENTS, _GET_GENERATION = (
    0x0A00 | number for number in (1, 4, 7, 10, 13, 16)
)
# Attributes of chains, rules, sets and lists of elements. The first of them all is the table.
_TABLE = 1
_CHAIN_NAME, _CHAIN_HOOK, _HOOK_NUMBER = 3, 4, 1
_RULE_CHAIN, _RULE_USERDATA = 2, 7
_SET_NAME, _SET_FLAGS = 2, 3
_LIST_SET, _LIST_ELEMENTS = 2, 3
_ELEMENT_KEY, _ELEMENT_DATA, _ELEMENT_FLAGS = 1, 2, 3
_VALUE, _VERDICT, _VERDICT_CHAIN = 1, 2, 2
# Flags of sets and of elements.
_INTERVALS, _MAP, _FLOWS = 0x4, 0x8, 0x20
_END = 0x1
_HOOKS = {1: Hook.INPUT, 2: Hook.FORWARD}
_GENERIC = 4
_TRIES = 50

_Ask = Callable[[Request], Iterable[bytes]]


def _request(kind: int, what: str, *attributes: bytes) -> Request:
    body = wire.generic(_INET) + b"".join(attributes)
    return Request(kind, 0, body, lambda _: what)


TABLE_ITSELF = _request(_GET_TABLE, f"table {TABLE}", wire.text(1, TABLE))
# A number that every transaction of the namespace changes.
GENERATION = _request(_GET_GENERATION, "nf_tables")


class _Element(Struct, frozen=True):
    key: bytes
    chain: str
    end: bool


def read(dump: _Ask) -> Held:
    """The table, by dumps of its parts; the caller sees to it that nothing changes meanwhile."""
    table = wire.text(_TABLE, TABLE)
    kinds = dict(_sets(dump(_request(_GET_SET, "sets", table))))
    held = {
        name: _all(dump, _request(_GET_ELEMENTS, f"set {name}", table, wire.text(_LIST_SET, name)))
        for name, flags in sorted(kinds.items())
        if not flags & _FLOWS
    }
    marks = {name: _mark(held.pop(name, [])) for name in (EPOCH_SET, MASK_SET)}
    return Held(
        marks[EPOCH_SET],
        marks[MASK_SET],
        _chains(dump(_request(_GET_CHAIN, "chains")), dump(_request(_GET_RULE, "rules", table))),
        {
            name: frozenset(one.key for one in inside)
            for name, inside in held.items()
            if not kinds[name] & (_MAP | _INTERVALS)
        },
        {name: _intervals(inside) for name, inside in held.items() if kinds[name] & _INTERVALS},
        {name: {one.key: one.chain for one in inside} for name, inside in held.items() if kinds[name] & _MAP},
    )


def _sets(bodies: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    for body in bodies:
        parts = wire.found(body, _GENERIC)
        yield wire.name(parts.get(_SET_NAME)), wire.number(parts.get(_SET_FLAGS))


def _all(dump: _Ask, request: Request) -> list[_Element]:
    """The elements of a set. A hash table that grows or shrinks while it is dumped is told as many elements as it has,
    some of them twice and others never; the kernel does that by itself, after the transaction that was the cause.
    """
    for _ in range(_TRIES):
        found = list(_elements(dump(request)))
        if len({(one.key, one.end) for one in found}) == len(found):
            return found
    raise KernelError(f"{request.about(-1)} cannot be read: its elements move")


def _elements(bodies: Iterable[bytes]) -> Iterator[_Element]:
    for body in bodies:
        for _, one in wire.attributes(wire.found(body, _GENERIC).get(_LIST_ELEMENTS, b"")):
            parts = wire.found(one)
            verdict = wire.found(wire.found(parts.get(_ELEMENT_DATA, b"")).get(_VERDICT, b""))
            key = wire.found(parts.get(_ELEMENT_KEY, b"")).get(_VALUE, b"")
            end = bool(wire.number(parts.get(_ELEMENT_FLAGS)) & _END)
            yield _Element(key, wire.name(verdict.get(_VERDICT_CHAIN)), end)


def _intervals(elements: Iterable[_Element]) -> tuple[tuple[bytes, bytes], ...]:
    """Inclusive ranges. The kernel has where they begin, and where each ends for good; the last may have no end."""
    found: list[tuple[bytes, bytes]] = []
    first = b""
    for one in sorted(elements, key=lambda one: (one.key, not one.end)):
        if one.end and first:
            found.append((first, (int.from_bytes(one.key) - 1).to_bytes(len(one.key))))
        first = b"" if one.end else one.key
    return tuple(found) if not first else (*found, (first, b"\xff" * len(first)))


def _mark(elements: list[_Element]) -> int:
    # Marks are numbers of the machine.
    return int.from_bytes(elements[0].key, sys.byteorder) if len(elements) == 1 else 0


def _chains(chains: Iterable[bytes], rules: Iterable[bytes]) -> dict[str, str]:
    """Digests by name; none where the chain does not have as many rules as we gave it."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for body in rules:
        parts = wire.found(body, _GENERIC)
        name = wire.name(parts.get(_RULE_CHAIN))
        counts[name] += 1
        first.setdefault(name, _comment(parts.get(_RULE_USERDATA, b"")))
    named: dict[str, str] = {}
    for body in chains:
        parts = wire.found(body, _GENERIC)
        if body[0] == _INET and wire.name(parts.get(_TABLE)) == TABLE:
            name = wire.name(parts.get(_CHAIN_NAME))
            said, count = told(first[name]) if name in first else (_empty(parts.get(_CHAIN_HOOK)), 0)
            named[name] = said if count == counts[name] else ""
    return named


def _empty(hook: bytes | None) -> str:
    """The digest of a chain without rules, which has no place for a comment that could be changed."""
    return digest(Chain("", (), _HOOKS.get(wire.number(wire.found(hook).get(_HOOK_NUMBER))) if hook else None))


def _comment(userdata: bytes) -> str:
    """A rule's comment: nft keeps it as kind 0 among kinds, lengths and values of one byte, one byte and so many."""
    place = 0
    while place + 2 <= len(userdata):
        kind, length = userdata[place], userdata[place + 1]
        if kind == 0:
            return wire.name(userdata[place + 2 : place + 2 + length])
        place += 2 + length
    return ""
