"""The order of tiers for all destinations of a source at once: Admin, NetworkPolicy, Baseline, allow (C1).

A source's rules are walked in order; for each range of ports that no rule of the tiers cuts, the bits of the
destinations that no rule has decided yet are kept. What is left of the NetworkPolicy tier is only where its word
counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from msgspec import Struct

from podwall.engine.merged import Merged, Ordered
from podwall.engine.rules import Action
from podwall.engine.sets import ALL_PORTS, PortSet

__all__ = ["Share", "Side", "common"]


class Share(Struct, frozen=True, gc=False):
    """Some ports: the destinations that are open whatever the NetworkPolicy tier says, and those left to its rules."""

    ports: PortSet
    open: int
    left: int


@cache
def common(a: PortSet, b: PortSet) -> PortSet:
    """The ports of both sets; there are few sets and many pairs of them."""
    return a & b


class Side:
    """One direction of one family. `governed`: the destinations of a source that the NetworkPolicy tier decides for."""

    def __init__(self, merged: Merged, ordered: Ordered, full: int) -> None:
        self.merged = merged
        self.ordered = ordered
        self._full = full
        self._shares: dict[tuple[tuple[int, ...], int], tuple[Share, ...]] = {}

    def open(self, grants: Sequence[int], tiers: tuple[int, ...], governed: int) -> dict[PortSet, int]:
        """Ports → the destinations that this direction lets a source reach; their union is what is open.

        `grants` are the numbers of its merged grants and `tiers` those of its ordered ones, those of everyone apart.
        """
        ruled = dict(self.merged.for_everyone)
        for n in grants:
            ports = self.merged.ports[n]
            ruled[ports] = ruled.get(ports, 0) | self.merged.destinations[n]
        return _overlaid(self.shares(tiers, governed), ruled)

    def shares(self, tiers: tuple[int, ...], governed: int) -> tuple[Share, ...]:
        """How the tiers around the NetworkPolicy tier divide ports and destinations for one sort of source."""
        found = self._shares.get((tiers, governed))
        if found is None:
            numbers = sorted((*tiers, *self.ordered.everyone))
            found = self._shares[tiers, governed] = tuple(self._walk(numbers, governed))
        return found

    def _walk(self, numbers: Sequence[int], governed: int) -> Iterable[Share]:
        same: dict[tuple[int, int], PortSet] = {}
        for ports in _cut([self.ordered.ports[n] for n in numbers]):
            key = self._decided([n for n in numbers if ports <= self.ordered.ports[n]], governed)
            same[key] = same[key] | ports if key in same else ports
        return (Share(ports, open_, left) for (open_, left), ports in same.items())

    def _decided(self, numbers: Sequence[int], governed: int) -> tuple[int, int]:
        """What is open, and what is left to the rules of the NetworkPolicy tier, on ports that all these rules have."""
        admin = [n for n in numbers if n < self.ordered.admin]
        accepted, undecided, passed = self._tier(admin, self._full)
        onward = undecided | passed  # Pass skips the rest of the tier, whatever its policies (C4)
        allowed, undecided, passed = self._tier(numbers[len(admin) :], onward & ~governed)
        return accepted | allowed | undecided | passed, onward & governed

    def _tier(self, numbers: Sequence[int], undecided: int) -> tuple[int, int, int]:
        accepted = passed = 0
        for n in numbers:
            hit = undecided & self.ordered.destinations[n]
            undecided ^= hit
            match self.ordered.actions[n]:
                case Action.ALLOW:
                    accepted |= hit
                case Action.PASS:
                    passed |= hit
                case Action.DENY:
                    pass
        return accepted, undecided, passed


def _overlaid(shares: Sequence[Share], ruled: Mapping[PortSet, int]) -> dict[PortSet, int]:
    out: dict[PortSet, int] = {}
    for share in shares:
        if share.open:
            out[share.ports] = out.get(share.ports, 0) | share.open
        if share.left:
            for ports, destinations in ruled.items():
                both = ports if share.ports is ALL_PORTS else common(ports, share.ports)
                hit = destinations & share.left
                if hit and both:
                    out[both] = out.get(both, 0) | hit
    return out


def _cut(sets: Iterable[PortSet]) -> list[PortSet]:
    """The port space in pieces that none of the sets cuts; one piece where there are no sets."""
    pieces = [ALL_PORTS]
    for chosen in dict.fromkeys(sets):
        refined = []
        for piece in pieces:
            inside = piece & chosen
            outside = piece - chosen
            refined += [part for part in (inside, outside) if part]
        pieces = refined
    return pieces
