"""One span of bits for each namespace, as short as the rules allow: classes that no set tells apart become one atom.

Slots of a namespace are sparse and stay put while endpoints come and go; atoms are dense and are numbered by namespace
for one answer about all pairs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

from podwall.engine.index import Slots
from podwall.engine.postings import bits

__all__ = ["Layout"]


class _Span:
    """The atoms of one namespace. `slots_of[i]` are the slots that atom i stands for."""

    def __init__(self, everyone: int, sets: Iterable[int]) -> None:
        self.slots_of = _refine(everyone, sets)
        self._memo: dict[int, int] = {}
        self._whole = everyone == (1 << len(self.slots_of)) - 1

    def atoms(self, slots: int) -> int:
        """The atoms of a set that was among those the span was cut by."""
        if self._whole:  # every atom is one slot, in order
            return slots
        found = self._memo.get(slots)
        if found is None:
            found = 0
            for atom, part in enumerate(self.slots_of):
                if part & slots:
                    found |= 1 << atom
            self._memo[slots] = found
        return found

    def slots(self, atoms: int) -> int:
        """The slots of some atoms of the span."""
        if self._whole:
            return atoms
        found = 0
        for atom in bits(atoms):
            found |= self.slots_of[atom]
        return found


def _refine(everyone: int, sets: Iterable[int]) -> list[int]:
    done: list[int] = []  # parts of one slot need no further look
    parts = [everyone] if everyone else []
    for chosen in sets:
        refined: list[int] = []
        for part in parts:
            inside = part & chosen
            for piece in (inside, part ^ inside) if inside and inside != part else (part,):
                (refined if piece & (piece - 1) else done).append(piece)
        parts = refined
        if not parts:
            break
    return sorted(done + parts, key=lambda part: part & -part)


class Layout:
    """Numbers the atoms of all namespaces, in order of name."""

    def __init__(self, everyone: Mapping[str, int], sets: Iterable[Slots]) -> None:
        touching: dict[str, dict[int, None]] = {name: {} for name in everyone}
        for slots in sets:
            for name, chosen in slots.items():
                touching[name][chosen] = None
        self._cut: dict[str, _Span] = {}
        self.spans: dict[str, tuple[int, int]] = {}  # namespace → (first atom, number of atoms)
        self.size = 0
        for name in sorted(everyone):
            span = self._cut[name] = _Span(everyone[name], touching[name])
            self.spans[name] = (self.size, len(span.slots_of))
            self.size += len(span.slots_of)
        self.full = (1 << self.size) - 1
        self._names = [name for name, (_, size) in self.spans.items() if size]
        self._starts = [self.spans[name][0] for name in self._names]

    def local(self, name: str, slots: int) -> int:
        """The atoms of a namespace's slots, counted from the start of its span."""
        return self._cut[name].atoms(slots)

    def dense(self, slots: Slots | None) -> int:
        """The atoms of a set over all namespaces; None is everyone."""
        if slots is None:
            return self.full
        found = 0
        for name, chosen in slots.items():
            found |= self._cut[name].atoms(chosen) << self.spans[name][0]
        return found

    def sparse(self, atoms: int) -> Slots:
        """The slots of some atoms; namespaces without any are left out."""
        return {name: self._cut[name].slots(local) for name, local in self.split(atoms)}

    def split(self, atoms: int) -> Iterator[tuple[str, int]]:
        """Some atoms by namespace, counted from the start of its span; namespaces without any are left out."""
        done = 0
        while atoms:
            skipped = (atoms & -atoms).bit_length() - 1
            name, start, size = self._span_at(done + skipped)
            atoms >>= start - done
            yield name, atoms & (1 << size) - 1
            atoms >>= size
            done = start + size

    def _span_at(self, atom: int) -> tuple[str, int, int]:
        at = bisect_right(self._starts, atom) - 1
        return self._names[at], *self.spans[self._names[at]]

    def atom_of(self, name: str) -> dict[int, int]:
        """Slot → atom number, for one namespace."""
        out: dict[int, int] = {}
        for atom, part in enumerate(self._cut[name].slots_of, self.spans[name][0]):
            for slot in bits(part):
                out[slot] = atom
        return out
