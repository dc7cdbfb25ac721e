"""Elements of sets and verdict maps as messages to nf_tables, and what of them an error is about. Nothing is sent here.

Numbers are those of linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial

from podwall.dataplane import wire
from podwall.dataplane.change import Change
from podwall.dataplane.ruleset import TABLE, Ruleset
from podwall.dataplane.text import element
from podwall.dataplane.wire import Request

__all__ = ["INET", "edits", "filling"]

INET = 1
_NEW, _DELETE = 0x0A00 | 12, 0x0A00 | 14
# Of the message.
_TABLE, _SET, _ELEMENTS = 1, 2, 3
# Of an element, of a value, and of a verdict.
_ELEMENT, _KEY, _DATA = 1, 1, 2
_VALUE, _VERDICT = 1, 2
_CODE, _CHAIN = 1, 2
_JUMP = (-3).to_bytes(4, signed=True)
# A list of elements is an attribute, whose length is a number of 16 bits (dataplane.md 3.2).
_LIST = 60_000
_CREATE = 0x400


def edits(change: Change) -> Iterator[Request]:
    """The elements of a change, those that go first: a key of a map that gets another chain is in both."""
    yield from _messages(_DELETE, {name: map(_keyed, keys) for name, keys in change.removed.items()})
    yield from _messages(_DELETE, {name: map(_keyed, routes) for name, routes in change.unrouted.items()})
    yield from _messages(_NEW, {name: map(_keyed, keys) for name, keys in change.added.items()})
    yield from _messages(_NEW, {name: _routed(routes) for name, routes in change.routed.items()})


def filling(ruleset: Ruleset) -> Iterator[Request]:
    """All elements of a rule set; what is given as intervals is not among them."""
    yield from _messages(_NEW, {one.name: map(_keyed, one.elements) for one in ruleset.sets.values()})
    yield from _messages(_NEW, {one.name: _routed(one.elements) for one in ruleset.maps.values()})


@cache
def _before(length: int) -> bytes:
    """What stands before a key of this length: sets have a hundred thousand of them, all the same."""
    whole = wire.nested(_ELEMENT, wire.nested(_KEY, wire.attribute(_VALUE, bytes(length))))
    return whole[:-length]


def _keyed(key: bytes) -> bytes:
    return _before(len(key)) + key


def _routed(routes: Mapping[bytes, str]) -> Iterator[bytes]:
    verdicts = {chain: _verdict(chain) for chain in set(routes.values())}
    for key, chain in routes.items():
        yield wire.nested(_ELEMENT, wire.nested(_KEY, wire.attribute(_VALUE, key)), verdicts[chain])


def _verdict(chain: str) -> bytes:
    return wire.nested(_DATA, wire.nested(_VERDICT, wire.attribute(_CODE, _JUMP), wire.text(_CHAIN, chain)))


def _messages(kind: int, sets: Mapping[str, Iterable[bytes]]) -> Iterator[Request]:
    for name, elements in sets.items():
        head = wire.generic(INET) + wire.text(_TABLE, TABLE) + wire.text(_SET, name)
        for some in _lists(elements):
            body = head + wire.nested(_ELEMENTS, some)
            yield Request(kind, _CREATE if kind == _NEW else 0, body, partial(_about, body, name))


def _lists(elements: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for one in elements:
        if size + len(one) > _LIST:
            yield b"".join(held)
            held, size = [], 0
        held.append(one)
        size += len(one)
    if held:
        yield b"".join(held)


def _about(body: bytes, name: str, offset: int) -> str:
    """The element that begins at an offset of a message, if one does, and its set."""
    inside = (
        next((value for kind, value in wire.attributes(body, offset) if kind == _ELEMENT), b"") if offset > 0 else b""
    )
    key = wire.found(wire.found(inside).get(_KEY, b"")).get(_VALUE)
    return f"element {element(key)} of {name}" if key else name
