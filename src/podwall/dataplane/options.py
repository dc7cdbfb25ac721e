"""What a node's table depends on beside the cluster: flags of whoever runs it."""

from __future__ import annotations

from msgspec import Struct

from podwall.dataplane.log import Logging
from podwall.errors import InputError

__all__ = ["Marks", "Options"]


class Marks(Struct, frozen=True):
    """The bits of connection marks that are ours: those of the epoch, and one for connections that were picked up.

    Raises InputError where they get in each other's way: then a mark of one would be read as the other.
    """

    mask: int = 0x7FFF_8000
    picked_up: int = 0x8000_0000
    first: int = 0x8000

    def __post_init__(self) -> None:
        if not 0 < self.mask < 1 << 32 or not self.first or self.first & ~self.mask:
            raise InputError(f"marks: the first epoch, {self.first:#x}, is not within the mask, {self.mask:#x}")
        if self.picked_up.bit_count() != 1 or not 0 < self.picked_up < 1 << 32 or self.picked_up & self.mask:
            raise InputError(f"marks: {self.picked_up:#x} is not one bit outside of the mask, {self.mask:#x}")


class Options(Struct, frozen=True):
    """How one node's table is written: the address families that it judges, where it logs, which marks are its own.

    Packets of other families pass, so a local pod may have no address of them. `wide` is as in Members.
    Raises InputError for families that are none.
    """

    families: tuple[int, ...] = (4, 6)
    logging: Logging = Logging()
    marks: Marks = Marks()
    wide: int = 256

    def __post_init__(self) -> None:
        if self.families not in ((4,), (6,), (4, 6)):
            raise InputError(f"address families: {self.families} is neither (4,) nor (6,) nor (4, 6)")
