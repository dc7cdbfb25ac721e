"""The count of open pairs where rules say too much about each source to go over them one by one.

Sources are taken in blocks: rows of words, one bit for each destination, one matrix for each port set. What a rule adds
to a row is the same for all its sources, so eight rules of one port set and one stretch of destinations are looked up
at once (a table of their 256 unions; the method of the Four Russians). Memory is bounded by the block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from podwall.engine.layout import Layout
from podwall.engine.merged import Merged
from podwall.engine.reach import Reach, assigned, overlap
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.engine.tiers import Share, common

__all__ = ["open_pairs"]

Words: TypeAlias = NDArray[np.uint64]
_Bools: TypeAlias = NDArray[np.bool_]

_BLOCK_BYTES = 192 << 20  # of the matrices of one block
_TABLE_WORDS = 64  # a stretch of destinations longer than this is not worth a table
_AT_ONCE = 8


def open_pairs(reach: Reach, weights: Sequence[int]) -> int:
    """The ordered pairs of distinct endpoints with an open port; `weights[a]` endpoints stand behind atom a."""
    width = -(-reach.layout.size // 64)
    if not width:
        return 0
    sides = [_Both(reach, number, width) for number in range(len(reach.families))]
    matrices = 2 * max((len(b.egress.ports) + len(b.ingress.ports) for b in sides), default=0) + 4
    words = max(1, min(width, _BLOCK_BYTES // (8 * 64 * width * matrices)))
    weight = np.array(weights, dtype=np.int64)
    planes = _planes(weight, width)
    found = 0
    for start in range(0, width, words):
        end = min(start + words, width)
        open_ = np.zeros(((end - start) * 64, width), dtype=np.uint64)
        for both in sides:
            both.open(start, end, open_)
        found += _count(open_, start * 64, weight, planes)
    return found


def _count(open_: Words, first: int, weight: NDArray[np.int64], planes: Sequence[Words]) -> int:
    rows = min(len(open_), len(weight) - first)
    own = weight[first : first + rows]
    reached = sum(np.bitwise_count(open_ & plane).sum(axis=1, dtype=np.int64) << k for k, plane in enumerate(planes))
    atoms = np.arange(first, first + rows)
    themselves = open_[np.arange(rows), atoms >> 6] >> (atoms & 63).astype(np.uint64) & np.uint64(1)
    return int(((reached[:rows] - themselves.astype(np.int64)) * own).sum()) if planes else 0


def _planes(weight: NDArray[np.int64], width: int) -> list[Words]:
    """Bit k of every weight, as a row of words."""
    bits = int(weight.max(initial=0)).bit_length()
    out = []
    for k in range(bits):
        packed = np.zeros(width * 8, dtype=np.uint8)
        chosen = np.packbits((weight >> k & 1).astype(np.uint8), bitorder="little")
        packed[: len(chosen)] = chosen
        out.append(packed.view(np.uint64))
    return out


class _Both:
    """One family's egress and ingress."""

    def __init__(self, reach: Reach, number: int, width: int) -> None:
        family = reach.families[number]
        self._width = width
        self._family = family
        self._full = reach.layout.full
        self._let_in = reach.isolated[Direction.INGRESS]
        self._members = _words(family.members, width)
        self._keys = _keys(reach, number)
        self.egress = _Side(family.egress.merged, reach.layout, width)
        self.ingress = _Side(family.ingress.merged, reach.layout, width)

    def open(self, start: int, end: int, into: Words) -> None:
        """Adds what the sources in words `start..end` can reach."""
        out, let_in = self.egress.rows(start, end), self.ingress.rows(start, end)
        groups: dict[_Key, list[int]] = {}
        for row, key in enumerate(self._keys[start * 64 : end * 64]):
            if key is not None:
                groups.setdefault(key, []).append(row)
        for (isolated, egress_tiers, ingress_tiers), rows in groups.items():
            governed = self._full if isolated else 0
            leaving = self._overlaid(self._family.egress.shares(egress_tiers, governed), out, rows)
            entering = self._overlaid(self._family.ingress.shares(ingress_tiers, self._let_in), let_in, rows)
            found = np.zeros((len(rows), self._width), dtype=np.uint64)
            for ports, destinations in leaving:
                allowed = np.zeros_like(found)
                for in_ports, subjects in entering:
                    if overlap(ports, in_ports):
                        allowed |= subjects
                allowed &= destinations
                found |= allowed
            into[rows] |= found & self._members

    def _overlaid(
        self, shares: Sequence[Share], ruled: dict[PortSet, Words], rows: list[int]
    ) -> list[tuple[PortSet, Words]]:
        """What one side lets through, as matrices of these rows, or as one row that is the same for all of them."""
        found: list[tuple[PortSet, Words]] = []
        for share in shares:
            if share.open:
                found.append((share.ports, _words(share.open, self._width)))
            if share.left:
                left = _words(share.left, self._width)
                for ports, destinations in ruled.items():
                    if overlap(ports, share.ports):
                        found.append((common(ports, share.ports), destinations[rows] & left))
        return found


_Key: TypeAlias = tuple[bool, tuple[int, ...], tuple[int, ...]]  # isolated, egress and ingress tiers


def _keys(reach: Reach, number: int) -> list[_Key | None]:
    """What the tiers say of every atom as a source; None for those without an address of the family."""
    family = reach.families[number]
    out: list[_Key | None] = []
    tables = [side.ordered.by_namespace() for side in (family.egress, family.ingress)]
    for name, (start, size) in reach.layout.spans.items():
        egress, ingress = (assigned(table.get(name, {}), size) for table in tables)
        for atom in range(size):
            isolated = bool(reach.isolated[Direction.EGRESS] >> (start + atom) & 1)
            member = family.members >> (start + atom) & 1
            out.append((isolated, egress[atom], ingress[atom]) if member else None)
    return out


class _Side:
    """The merged grants of one direction as words: row i of `sources` and `destinations` is grant i."""

    def __init__(self, merged: Merged, layout: Layout, width: int) -> None:
        self._width = width
        self._ports = merged.ports
        self.ports = sorted(set(merged.ports), key=lambda p: p.spans)
        chosen = [n for n, sources in enumerate(merged.sources) if sources is not None]
        chosen.sort(key=lambda n: (merged.ports[n].spans, _low(merged.destinations[n]), n))
        self._sources = _matrix([_dense(layout, merged, n) for n in chosen], width)
        self._destinations = _matrix([merged.destinations[n] for n in chosen], width)
        self._of = [merged.ports[n] for n in chosen]
        self._base = merged.for_everyone
        self._tables, self._single = self._sorted_out()

    def rows(self, start: int, end: int) -> dict[PortSet, Words]:
        """Port set → for each source in words `start..end` the destinations that its grants name."""
        out: dict[PortSet, Words] = {}
        for ports in self.ports:
            base = _words(self._base.get(ports, 0), self._width)
            out[ports] = np.tile(base, ((end - start) * 64, 1))
        chosen = _unpacked(self._sources[:, start:end])
        for grants, low, table in self._tables:
            number = np.packbits(chosen[grants], axis=0, bitorder="little")[0]
            out[self._of[grants[0]]][:, low : low + table.shape[1]] |= table[number]
        for grant in self._single:
            if chosen[grant].any():
                out[self._of[grant]][chosen[grant]] |= self._destinations[grant]
        return out

    def _sorted_out(self) -> tuple[list[tuple[list[int], int, Words]], list[int]]:
        """Grants by eight with the table of their unions, and those whose destinations are too far apart for one."""
        tables, single = [], []
        for grants in self._neighbors():
            used = np.flatnonzero(self._destinations[grants].any(axis=0))
            if not len(used):
                continue
            low, high = int(used[0]), int(used[-1]) + 1
            if high - low > _TABLE_WORDS:
                single += grants
            else:
                tables.append((grants, low, _unions(self._destinations[grants, low:high])))
        return tables, single

    def _neighbors(self) -> Iterator[list[int]]:
        """Runs of up to eight grants with one port set whose destinations begin in the same stretch."""
        run: list[int] = []
        firsts = (self._destinations != 0).argmax(axis=1) if len(self._of) else []
        for grant, ports in enumerate(self._of):
            far = run and firsts[grant] - firsts[run[0]] > _TABLE_WORDS // 2
            if run and (len(run) == _AT_ONCE or self._of[run[0]] != ports or far):
                yield run
                run = []
            run.append(grant)
        if run:
            yield run


def _unions(rows: Words) -> Words:
    """Row n is the union of the rows whose bits are set in n."""
    table = np.zeros((1 << len(rows), rows.shape[1]), dtype=np.uint64)
    for bit, row in enumerate(rows):
        table[1 << bit : 2 << bit] = table[: 1 << bit] | row
    return table


def _unpacked(words: Words) -> _Bools:
    """Words → bools, lowest bit first, along the last axis."""
    bytes_ = np.ascontiguousarray(words).view(np.uint8)
    return np.unpackbits(bytes_, axis=-1, bitorder="little").astype(np.bool_)


def _dense(layout: Layout, merged: Merged, number: int) -> int:
    found = 0
    for name, atoms in (merged.sources[number] or {}).items():
        found |= atoms << layout.spans[name][0]
    return found


def _low(number: int) -> int:
    return (number & -number).bit_length()


def _matrix(rows: Sequence[int], width: int) -> Words:
    data = b"".join(row.to_bytes(width * 8, "little") for row in rows)
    words: Words = np.frombuffer(data, dtype=np.uint64).reshape(len(rows), width)
    return words


def _words(number: int, width: int) -> Words:
    row: Words = _matrix([number], width)[0]
    return row
