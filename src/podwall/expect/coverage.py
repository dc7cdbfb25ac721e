"""What the assertions would notice: each policy is edited, and whoever it concerns is judged again.

The engine says which pairs an edit opens and closes (`engine.effect`); an assertion that holds notices it where one of
them is among its own and turns it. An edit that changes nothing between the endpoints that there are is no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from podwall.engine.altered import altered
from podwall.engine.effect import Difference, Party, differences
from podwall.engine.index import key_of
from podwall.engine.postings import bits, number_of
from podwall.engine.sets import NO_ADDRESSES, AddrSet, PortSet
from podwall.engine.unmoved import Unmoved
from podwall.expect.judge import Outcome
from podwall.expect.mutants import Mutant
from podwall.expect.watches import Change, Ends, Watches, pairs_of
from podwall.expect.world import World

__all__ = ["Checked", "Coverage", "Witness"]


class Witness(Struct, frozen=True):
    """One pair that an edit opens, or else closes, by name, and its ports in one family.

    An end outside of the cluster has its addresses, and the first CIDR of them for a name. `number` is the
    destination's, -1 outside.
    """

    source: str
    destination: str
    ports: PortSet
    opened: bool
    number: int
    outside: tuple[AddrSet, AddrSet]


class Checked(Struct, frozen=True):
    """An edit and what came of it: `changes` says whether it opens or closes anything between the ends that there are.

    `witness` is a pair that it opens or closes and nobody notices.
    """

    mutant: Mutant
    changes: bool
    noticed: bool
    witness: Witness | None = None


class Coverage:
    """All assertions that hold, against one edit after the other."""

    def __init__(self, world: World, outcomes: Iterable[Outcome]) -> None:
        self._world = world
        self._unmoved = Unmoved(world.index, world.reach)
        self._watches = Watches(world, outcomes)

    def check(self, mutant: Mutant) -> Checked:
        """One edit: whether it changes anything, and whether some assertion would fail."""
        found: list[Change] = []
        if self._watches.notice(self._changes(mutant, found)):
            return Checked(mutant, changes=True, noticed=True)
        changes = [change for change in found if self._is_real(change)]
        return Checked(mutant, bool(changes), noticed=False, witness=self._witness(changes) if changes else None)

    def _changes(self, mutant: Mutant, kept: list[Change]) -> Iterator[Change]:
        """What the edit opens and closes; what was asked for is kept as well."""
        for one in self._differences(mutant):
            change = Change(self._ends(one.source), self._ends(one.destination), one.opened, one.closed)
            kept.append(change)
            yield change

    def _differences(self, mutant: Mutant) -> Iterator[Difference]:
        index = self._world.index
        return differences(index, [mutant.rules], self._unmoved.cut(altered(index, [mutant.rules])))

    def _ends(self, party: Party) -> Ends:
        return Ends(number_of(self._world.numbers[key_of(m)] for m in party.members), party.addresses or NO_ADDRESSES)

    def _is_real(self, change: Change) -> bool:
        """Whether it is about a pair that policies decide about."""
        if change.source.addresses or change.destination.addresses:
            return True
        return next(pairs_of(self._world, change.source.members, change.destination.members), None) is not None

    def _witness(self, changes: Sequence[Change]) -> Witness:
        """The first pair by name, one within the cluster if there is any."""
        return min((self._pair_of(change) for change in changes), key=_order)

    def _pair_of(self, change: Change) -> Witness:
        opened = bool(change.opened)
        by_family = change.opened or change.closed
        ports = by_family[min(by_family)]
        outside = change.source.addresses, change.destination.addresses
        if any(outside):
            names = [self._name(ends) for ends in (change.source, change.destination)]
            number = -1 if outside[1] else next(bits(change.destination.members))
            return Witness(names[0], names[1], ports, opened, number, outside)
        pairs = pairs_of(self._world, change.source.members, change.destination.members)
        named = ((self._world.name(m), self._world.name(n), n) for m, n in pairs)
        source, destination, number = min(named)
        return Witness(source, destination, ports, opened, number, outside)

    def _name(self, ends: Ends) -> str:
        if ends.addresses:
            return ends.addresses.cidrs()[0]
        return min(self._world.name(number) for number in bits(ends.members))


def _order(witness: Witness) -> tuple[object, ...]:
    return any(witness.outside), witness.source, witness.destination, witness.ports.spans
