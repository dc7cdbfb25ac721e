"""How many pairs are open: the summary of a map, counted without naming a single pair."""

from __future__ import annotations

import sys

from msgspec import Struct

from podwall.engine.reach import Reach

__all__ = ["Counts", "count"]

# (grant, source) pairs up to which sources are gone over one by one: about a third of a second.
_ONE_BY_ONE = 1_000_000


class Counts(Struct, frozen=True):
    """Over endpoints after grouping: all of them, ordered pairs of distinct ones, and the open ones of these.

    `classes` is the number of atoms: how many kinds of endpoints the rules tell apart.
    """

    endpoints: int
    classes: int
    pairs: int
    open_pairs: int


def count(reach: Reach, weights: list[int]) -> Counts:
    """`weights` says how many endpoints each atom stands for; external addresses are none, and weigh nothing.

    Counts the pairs with at least one open port in any family; the self pair (D5) is no pair of distinct ones.
    """
    total = sum(weights)
    return Counts(total, reach.layout.size - len(reach.externals), total * (total - 1), _open_pairs(reach, weights))


def _open_pairs(reach: Reach, weights: list[int]) -> int:
    if reach.weight() > _ONE_BY_ONE and sys.byteorder == "little":  # words are looked at as bytes
        from podwall.engine import matrix  # numpy takes longer to import than most answers

        return matrix.open_pairs(reach, weights)
    planes = _planes(weights)
    found = 0
    for sources in reach.sources():
        row = reach.reached(sources)
        reached = sum((row & plane).bit_count() << bit for bit, plane in enumerate(planes))
        for atom in sources.atoms:
            found += weights[atom] * (reached - (row >> atom & 1))
    return found


def _planes(weights: list[int]) -> list[int]:
    """Bit k of every weight, as one number: so a weighted count is a few counts of bits."""
    bits = max(weights, default=0).bit_length()
    return [
        int("".join("1" if w >> bit & 1 else "0" for w in reversed(weights)), 2) for bit in range(bits)
    ]
