"""Address cells: the address space cut where blocks begin and end; no block tells addresses of one cell apart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from podwall.engine.sets import IPV6_BASE, AddrSet, address_number

__all__ = ["Cells"]

_WHOLE = AddrSet(((0, (1 << 32) - 1), (IPV6_BASE, IPV6_BASE + (1 << 128) - 1)))


class Cells:
    """The cells of some blocks. A cell is named by the bits of the blocks that hold it; 0 is "in none"."""

    def __init__(self, blocks: Sequence[AddrSet]) -> None:
        edges: dict[int, int] = {0: 0, IPV6_BASE: 0}
        for number, block in enumerate(blocks):
            for first, last in block.spans:
                edges[first] = edges.get(first, 0) ^ (1 << number)
                edges[last + 1] = edges.get(last + 1, 0) ^ (1 << number)
        self._starts = sorted(edges)
        self._masks: list[int] = []
        mask = 0
        for start in self._starts:
            mask ^= edges[start]
            self._masks.append(mask)

    def at(self, address: str) -> int:
        """The blocks that hold an address, as bits. Raises ValueError for what is not an address."""
        if len(self._starts) == 2:  # no block at all
            return 0
        return self._masks[bisect_right(self._starts, address_number(address)) - 1]

    def external(self, families: Iterable[int]) -> list[tuple[int, AddrSet]]:
        """Every cell of these families with its addresses: disjoint sets that no rule can tell apart."""
        spans: dict[int, list[tuple[int, int]]] = {}
        wanted = _WHOLE & _families(families)
        ends = [*(start - 1 for start in self._starts[1:]), _WHOLE.spans[-1][1]]
        for start, end, mask in zip(self._starts, ends, self._masks, strict=True):
            spans.setdefault(mask, []).append((start, end))
        cells = ((mask, AddrSet(tuple(found)) & wanted) for mask, found in spans.items())
        return sorted(((m, a) for m, a in cells if a), key=lambda cell: cell[1].spans)


def _families(families: Iterable[int]) -> AddrSet:
    out = AddrSet()
    for family in families:
        out |= _WHOLE.family(family)
    return out
