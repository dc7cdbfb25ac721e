"""Which epoch comes next, and which marks have to be cleared before."""

from __future__ import annotations

from random import Random

import pytest

from podwall.dataplane.door import Held
from podwall.dataplane.epochs import Epoch, first_epoch, next_epoch

MASK = 0x7FFF8000


def held(epoch: int, mask: int) -> Held:
    return Held(epoch, mask, {}, {}, {}, {})


@pytest.mark.parametrize(
    ("epoch", "mask", "then"),
    [
        (0x8000, MASK, Epoch(0x10000)),
        (0x7FFF0000, MASK, Epoch(0x7FFF8000)),
        (0x7FFF8000, MASK, Epoch(0x8000, MASK)),
        (0x1, 0b1011, Epoch(0b10)),
        (0b11, 0b1011, Epoch(0b1000)),
        (0b1011, 0b1011, Epoch(0b1, 0b1011)),
        (0x80000000, 0xF0000000, Epoch(0x90000000)),
        (0xF0000000, 0xF0000000, Epoch(0x10000000, 0xF0000000)),
    ],
)
def test_the_next_epoch_stays_within_the_mask(epoch: int, mask: int, then: Epoch) -> None:
    assert next_epoch(epoch, mask) == then


@pytest.mark.parametrize("mask", [MASK, 0b1011, 0xFFFF])
def test_epochs_come_once_each_until_marks_are_cleared(mask: int) -> None:
    epoch = next_epoch(mask, mask)
    seen: set[int] = set()
    while not epoch.stale or not seen:
        assert epoch.number
        assert not epoch.number & ~mask
        seen.add(epoch.number)
        epoch = next_epoch(epoch.number, mask)
    assert len(seen) == (1 << mask.bit_count()) - 1


def test_a_restart_goes_on_after_what_the_kernel_has() -> None:
    assert first_epoch(held(0x8000, MASK), MASK, Random(1)) == Epoch(0x10000)
    assert first_epoch(held(MASK, MASK), MASK, Random(1)) == Epoch(0x8000, MASK)


@pytest.mark.parametrize(
    ("before", "stale"),
    [(None, MASK), (held(0, MASK), MASK), (held(0x1, 0xF), MASK | 0xF), (held(0, 0), MASK)],
)
def test_without_an_epoch_to_go_on_from_one_is_drawn_and_marks_are_cleared(before: Held | None, stale: int) -> None:
    drawn = [first_epoch(before, MASK, Random(seed)) for seed in range(50)]
    assert all(epoch.number and not epoch.number & ~MASK and epoch.stale == stale for epoch in drawn)
    assert len({epoch.number for epoch in drawn}) > 40
