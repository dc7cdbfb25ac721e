"""Two models compared: units, places, and every pair of places whose ports differ.

The comparison is the difference of two whole maps and nothing less: no row is left out because somebody thinks that an
edit does not concern it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, reduce
from itertools import product
from operator import or_

from msgspec import Struct

from podwall.diff.deltas import Delta, deltas
from podwall.diff.edits import Edit, EndpointEdit, Sight, edits_of_namespaces, edits_of_policies
from podwall.diff.halves import Half, Home
from podwall.diff.units import ABSENT, Member, Unit, matched
from podwall.engine.connections import externals_of
from podwall.engine.model import Model
from podwall.engine.postings import bits
from podwall.engine.reach import Reach
from podwall.engine.rules import PolicyRules
from podwall.engine.sets import NO_ADDRESSES, AddrSet

__all__ = ["Comparison", "Place", "compare", "own_pairs"]


class Place(Struct, frozen=True, gc=False):
    """What no rule of either side tells apart: units, or external addresses.

    `spot` are the atoms before and after. `edit` is what was edited of its only unit: an edited one has its own place.
    """

    spot: tuple[int, int]
    units: tuple[Unit, ...] = ()
    addresses: AddrSet | None = None
    edit: EndpointEdit | None = None


class Comparison:
    """Old and new, place by place. `outside`, `came` and `gone` are places as bits: external, added, removed ones."""

    def __init__(self, models: tuple[Model, Model], units: Sequence[Unit], only: str | None = None) -> None:
        old, new = self.models = models
        self.units = units
        self._sight = Sight(old.index, new.index)
        self.places: list[Place] = [*_inside(units, self._sight), *_outside(old.reach, new.reach)]
        self.outside = _mask(n for n, place in enumerate(self.places) if place.addresses is not None)
        self.came = _mask(n for n, p in enumerate(self.places) if p.addresses is None and p.spot[0] == ABSENT)
        self.gone = _mask(n for n, p in enumerate(self.places) if p.spot[1] == ABSENT and p.addresses is None)
        self.focus = self.everyone if only is None else _mask(n for n, p in enumerate(self.places) if _is_in(p, only))
        self.old = Half(old.reach, _homes(old.reach, self.places, 0))
        self.new = Half(new.reach, _homes(new.reach, self.places, 1))

    @property
    def everyone(self) -> int:
        """All places."""
        return (1 << len(self.places)) - 1

    @property
    def staying(self) -> int:
        """The places of both sides, external ones included."""
        return self.everyone & ~(self.came | self.gone)

    @cached_property
    def edits(self) -> list[Edit]:
        """Everything that was edited and that some rule can see: policies, namespaces, endpoints."""
        old, new = (model.index for model in self.models)
        own = [place.edit for place in self.places if place.edit is not None]
        return [*edits_of_policies(old, new), *edits_of_namespaces(old, new, self._sight), *own]

    @cached_property
    def policies(self) -> dict[str, list[PolicyRules]]:
        """The policies after, by namespace."""
        out: dict[str, list[PolicyRules]] = {}
        for ref, policy in self.models[1].index.policies.items():
            out.setdefault(ref.namespace, []).append(policy)
        return out

    @cached_property
    def deltas(self) -> list[Delta]:
        """Every pair of places whose ports differ; a unit's pair with itself only where it is one on both sides."""
        found = (part for delta in deltas(self.old, self.new, self.outside) for part in self._but_alone(delta))
        return [part for delta in found for part in self._about(delta)]

    @cached_property
    def pairs(self) -> int:
        """How many pairs of units and external sets differ."""
        weights = [len(place.units) or 1 for place in self.places]

        def weight(places: int) -> int:
            return sum(weights[place] for place in bits(places))

        return sum(weight(delta.sources) * weight(delta.destinations) for delta in self.deltas)

    def _about(self, delta: Delta) -> Iterator[Delta]:
        """The pairs with an end that the answer is about."""
        inside, rest = delta.sources & self.focus, delta.sources & ~self.focus
        for sources, destinations in ((inside, delta.destinations), (rest, delta.destinations & self.focus)):
            if sources and destinations:
                yield Delta(sources, destinations, delta.before, delta.after)

    def _but_alone(self, delta: Delta) -> Iterator[Delta]:
        """Without the places that are one unit whose pair with itself is none on some side (D5)."""
        alone = delta.sources & delta.destinations & self._turned
        for place in bits(alone):
            if delta.destinations != 1 << place:
                yield Delta(1 << place, delta.destinations & ~(1 << place), delta.before, delta.after)
        if delta.sources != alone:
            yield Delta(delta.sources & ~alone, delta.destinations, delta.before, delta.after)

    @cached_property
    def _turned(self) -> int:
        """The places whose only unit became many, or one."""
        return _mask(n for n, p in enumerate(self.places) if p.edit is not None and _is_turned(p.units[0]))


def compare(old: Model, new: Model, only: str | None = None) -> Comparison:
    """The comparison of two models, to whose endpoints addresses were allotted together.

    With a namespace, of pairs that have an end in it.
    """
    return Comparison((old, new), matched(_members(old), _members(new)), only)


def own_pairs(found: Comparison) -> Iterator[Delta]:
    """The pairs of units with themselves that are there on one side only, because there were no replicas before."""
    for number, place in enumerate(found.places):
        own = 1 << number
        if place.edit is not None and _is_turned(place.units[0]) and own & found.focus:
            many = place.units[0].many
            before, after = (
                dict(next(iter(half.parts(half.keys[number], own)))[0]) if there else {}
                for half, there in zip((found.old, found.new), many, strict=True)
            )
            if any(before.values()) or any(after.values()):
                yield Delta(own, own, before, after)


def _is_turned(unit: Unit) -> bool:
    return unit.stays and unit.many[0] != unit.many[1]


def _members(model: Model) -> Iterator[Member]:
    layout = model.reach.layout
    atoms = {name: layout.atom_of(name) for name in layout.spans}
    return ((endpoint, atoms[endpoint.namespace][slot]) for endpoint, slot in model.index.endpoints())


def _inside(units: Sequence[Unit], sight: Sight) -> Iterator[Place]:
    together: dict[tuple[int, int], list[Unit]] = {}
    for unit in units:
        edit = sight.edit_of(unit) if unit.stays else None
        if edit is None:
            together.setdefault(unit.spot, []).append(unit)
        else:
            yield Place(unit.spot, (unit,), edit=edit)
    for spot, found in sorted(together.items()):
        yield Place(spot, tuple(found))


def _outside(old: Reach, new: Reach) -> Iterator[Place]:
    """The external addresses cut by the sets of both sides; those of a family that one side does not have, too."""
    cells = [[(cell.atom, cell.addresses) for cell in externals_of(reach)] for reach in (old, new)]
    whole = [reduce(or_, (addresses for _, addresses in found), NO_ADDRESSES) for found in cells]
    cells[0].append((ABSENT, whole[1] - whole[0]))
    cells[1].append((ABSENT, whole[0] - whole[1]))
    found = [((a, b), one & other) for (a, one), (b, other) in product(cells[0], cells[1]) if one.overlaps(other)]
    for spot, addresses in sorted(found, key=lambda item: item[1].spans):
        yield Place(spot, addresses=addresses)


def _homes(reach: Reach, places: Iterable[Place], side: int) -> list[Home]:
    families = [(family.number, family.members) for family in reach.families]
    known: dict[int, Home] = {ABSENT: {}}
    out: list[Home] = []
    for place in places:
        atom = place.spot[side]
        if place.addresses is not None:
            out.append({f: atom for f, _ in families if atom != ABSENT and place.addresses.family(f)})
            continue
        if atom not in known:
            known[atom] = {number: atom for number, members in families if members >> atom & 1}
        out.append(known[atom])
    return out


def _is_in(place: Place, namespace: str) -> bool:
    return bool(place.units) and place.units[0].namespace == namespace


def _mask(numbers: Iterable[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << number
    return found
