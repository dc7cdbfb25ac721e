"""Epochs of rule sets, as numbers within the bits of a mark that are ours: which comes first, and which comes next."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from podwall.dataplane.door import Held

__all__ = ["Epoch", "first_epoch", "next_epoch"]


class Epoch(Struct, frozen=True):
    """An epoch to go to. Before it is written anywhere, the bits `stale` have to be cleared in all marks; 0: none."""

    number: int
    stale: int = 0


def next_epoch(epoch: int, mask: int) -> Epoch:
    """The one after this. When they are used up the first comes again, and marks of its last time must not count."""
    later = ((epoch | ~mask) + _one(mask)) & mask
    return Epoch(later) if later else Epoch(_one(mask), mask)


def first_epoch(held: Held | None, mask: int, random: Random) -> Epoch:
    """The one to start with: after the one that the kernel's table is in; without one, any, and no mark may have it."""
    if held is not None and held.mask == mask and held.epoch:
        return next_epoch(held.epoch, mask)
    drawn = random.randrange(1, 1 << mask.bit_count())
    return Epoch(_spread(drawn, mask), mask | (held.mask if held is not None else 0))


def _one(mask: int) -> int:
    return mask & -mask


def _spread(number: int, mask: int) -> int:
    """The bits of a number at the bits of a mask, which may have gaps."""
    spread = 0
    while number:
        bit = _one(mask)
        spread |= bit if number & 1 else 0
        number >>= 1
        mask ^= bit
    return spread
