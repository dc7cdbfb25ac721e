"""Two halves held against each other, row by row: which places reach which others on other ports than before.

Sources that go together on both sides are one row. A row that is the same on both sides, and nearly all are, is done
with one comparison; of another one only the places where its flows differ are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from podwall.diff.halves import Half, Key
from podwall.engine.sets import NO_PORTS, PortSet

__all__ = ["Delta", "Ports", "deltas", "either", "within", "without"]

Ports: TypeAlias = dict[int, PortSet]
"""Ports by family. Of a pair: those families that both ends have an address of, open or not."""


class Delta(Struct, frozen=True, gc=False):
    """Places as bits; each source with each destination had these ports before, and has these after."""

    sources: int
    destinations: int
    before: Ports
    after: Ports


def without(ports: Ports, others: Ports) -> Ports:
    """The ports but for others; families with nothing left stay."""
    return {family: found - others.get(family, NO_PORTS) for family, found in ports.items()}


def within(ports: Ports, others: Ports) -> Ports:
    """The ports that others hold as well."""
    return {family: found & others.get(family, NO_PORTS) for family, found in ports.items()}


def either(ports: Ports, others: Ports) -> Ports:
    """The ports of both."""
    return {f: ports.get(f, NO_PORTS) | others.get(f, NO_PORTS) for f in sorted({*ports, *others})}


def deltas(old: Half, new: Half, outside: int) -> Iterator[Delta]:
    """Every pair of places whose ports differ, each once; `outside` are the external places, no two of them a pair."""
    rows: dict[tuple[Key, Key], int] = {}
    for place, keys in enumerate(zip(old.keys, new.keys, strict=True)):
        rows[keys] = rows.get(keys, 0) | 1 << place
    for keys, sources in rows.items():
        yield from _row(old, new, keys, (sources, outside))


def _row(old: Half, new: Half, keys: tuple[Key, Key], ends: tuple[int, int]) -> Iterator[Delta]:
    was, now = old.row(keys[0]), new.row(keys[1])
    if was == now:
        return
    changed = 0
    for flow in was.keys() | now.keys():
        changed |= was.get(flow, 0) ^ now.get(flow, 0)
    sources, outside = ends
    if sources & outside:
        changed &= ~outside
    for before, one in old.parts(keys[0], changed):
        for after, other in new.parts(keys[1], changed):
            both = one & other
            if both and not _equal(before, after):
                yield Delta(sources, both, before, after)


def _equal(before: Ports, after: Ports) -> bool:
    return all(before.get(f, NO_PORTS) == after.get(f, NO_PORTS) for f in {*before, *after})
