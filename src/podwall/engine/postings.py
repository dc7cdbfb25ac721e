"""Label → members, as bits: the index that selectors are evaluated on, once each, whatever the number of members.

A member is a slot number; a set of members is an int with the slots' bits. Namespaces among themselves and the endpoint
classes of a namespace are both kept this way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from podwall.engine.labels import Selector, Term

__all__ = ["Postings", "bits", "number_of"]


class Postings:
    """Mutable: slots come and go. `all` holds every slot that is in."""

    def __init__(self) -> None:
        self.all = 0
        self._by_key: dict[str, dict[str, int]] = {}

    def add(self, slot: int, labels: Mapping[str, str]) -> None:
        """Puts a slot in; it must be out."""
        bit = 1 << slot
        self.all |= bit
        by_key = self._by_key
        for key, value in labels.items():
            values = by_key.get(key)
            if values is None:
                by_key[key] = {value: bit}
            else:
                values[value] = values.get(value, 0) | bit

    def remove(self, slot: int, labels: Mapping[str, str]) -> None:
        """Takes a slot out; it was put in with the same labels."""
        keep = ~(1 << slot)
        self.all &= keep
        for key, value in labels.items():
            values = self._by_key[key]
            values[value] &= keep
            if not values[value]:
                del values[value]
                if not values:
                    del self._by_key[key]

    def select(self, selector: Selector) -> int:
        """The slots that match."""
        found = self.all
        for term in selector.terms:
            found &= self._term(term)
            if not found:
                break
        return found

    def _term(self, term: Term) -> int:
        values = self._by_key.get(term.key, {})
        found = 0
        for value in term.values:
            if value is not None:
                found |= values.get(value, 0)
        if None in term.values:
            present = 0
            for slots in values.values():
                present |= slots
            found |= self.all & ~present
        return self.all & ~found if term.complement else found


def bits(number: int) -> Iterator[int]:
    """The positions of the set bits, lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def number_of(positions: Iterable[int]) -> int:
    """The number with these bits set, in any order."""
    found = list(positions)
    held = bytearray((max(found, default=0) >> 3) + 1)
    for position in found:
        held[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(held, "little")
