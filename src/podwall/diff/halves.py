"""One side of a comparison, said in places: what no rule of either side tells apart, numbered once for both.

Atoms of the two sides have nothing to do with each other. A place is what the atoms of both sides have in common: an
atom before with an atom after. So a set of atoms of either side is a set of places, and sets can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from podwall.engine.connections import Parts, opened
from podwall.engine.postings import bits
from podwall.engine.reach import Flow, Reach, Signature, Sources
from podwall.engine.sets import NO_PORTS, PortSet

__all__ = ["Half", "Home", "Key", "Row"]

Home: TypeAlias = Mapping[int, int]
"""Family → the atom of a place; without the families that it has no address of on this side."""

Key: TypeAlias = tuple[int, ...]
"""For each family of a side the number of the sources that go together, -1 where there is no address of it."""

Row: TypeAlias = dict[tuple[int, PortSet], int]
"""What some sources reach: (family, ports) → places."""

_NOBODY = -1
_FEW = 4  # atoms, up to which looking them up costs less than a shift


class Half:
    """Rows of one reachability, by place."""

    def __init__(self, reach: Reach, homes: Sequence[Home]) -> None:
        self._reach = reach
        self.families = [family.number for family in reach.families]
        groups = list(reach.sources())
        self._signatures = [group.signatures for group in groups]
        number_of = {atom: number for number, group in enumerate(groups) for atom in group.atoms}
        self.keys: list[Key] = [self._key(home, number_of) for home in homes]
        self._translated = [_Translation(_places(homes, family)) for family in self.families]
        self._rows: dict[Key, Row] = {}
        self._parts: dict[tuple[int, int], Row] = {}
        self.members = {
            family: sum(1 << place for place, home in enumerate(homes) if family in home) for family in self.families
        }

    def _key(self, home: Home, number_of: Mapping[int, int]) -> Key:
        return tuple(number_of[home[f]] if f in home else _NOBODY for f in self.families)

    def row(self, key: Key) -> Row:
        """All that sources of this key reach."""
        found = self._rows.get(key)
        if found is None:
            found = {}
            for at, number in enumerate(key):
                if number != _NOBODY:
                    found |= self._of_family(at, number)
            self._rows[key] = found
        return found

    def places_of(self, atoms: int) -> int:
        """The places of some atoms of endpoints."""
        found = 0
        for translation in self._translated:
            found |= translation.of(atoms)
        return found

    def parts(self, key: Key, wanted: int) -> Parts:
        """Some places, cut by their ports in every family that both ends have."""
        parts: Parts = [({}, wanted)]
        for family, number in zip(self.families, key, strict=True):
            hit = self.members[family] & wanted
            if number != _NOBODY and hit:
                parts = opened(parts, Flow(family, NO_PORTS, hit))
        for (family, ports), places in self.row(key).items():
            if places & wanted:
                parts = opened(parts, Flow(family, ports, places & wanted))
        return parts

    def _of_family(self, at: int, number: int) -> Row:
        found = self._parts.get((at, number))
        if found is None:
            found = {}
            only: list[Signature | None] = [None] * len(self.families)
            only[at] = self._signatures[number][at]
            for flow in self._reach.flows(Sources((), tuple(only))):
                places = self._translated[at].of(flow.destinations)
                if places:
                    known = found.get((flow.family, flow.ports), 0)
                    found[flow.family, flow.ports] = known | places
            self._parts[at, number] = found
        return found


def _places(homes: Sequence[Home], family: int) -> dict[int, int]:
    """Atom → its places, as bits."""
    out: dict[int, int] = {}
    for place, home in enumerate(homes):
        atom = home.get(family)
        if atom is not None:
            out[atom] = out.get(atom, 0) | 1 << place
    return out


class _Translation:
    """Sets of atoms → sets of places. Most atoms are one place each and stand in the same order: those are shifted."""

    def __init__(self, places: Mapping[int, int]) -> None:
        self._shifted: dict[int, int] = {}  # by how much, to the left → the atoms
        self._table: dict[int, int] = {}
        self._memo: dict[int, int] = {}
        odd = 0
        for atom, found in places.items():
            if found & (found - 1):
                self._table[atom] = found
                odd |= 1 << atom
            else:
                shift = found.bit_length() - 1 - atom
                self._shifted[shift] = self._shifted.get(shift, 0) | 1 << atom
        self._move(odd)

    def _move(self, odd: int) -> None:
        for shift, atoms in [*self._shifted.items()]:
            if atoms.bit_count() <= _FEW:
                del self._shifted[shift]
                odd |= atoms
                for atom in bits(atoms):
                    self._table[atom] = 1 << (atom + shift)
        self._odd = odd

    def of(self, atoms: int) -> int:
        """The places of some atoms."""
        found = self._memo.get(atoms)
        if found is None:
            found = sum(self._table[atom] for atom in bits(atoms & self._odd))
            for shift, moved in self._shifted.items():
                hit = atoms & moved
                found |= hit << shift if shift >= 0 else hit >> -shift
            self._memo[atoms] = found
        return found
