"""The kernel's twin in memory: the door of `door`, with a rule set behind it that `walk` can be asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from podwall.dataplane.change import Change, applied
from podwall.dataplane.door import Held, held
from podwall.dataplane.ruleset import Ruleset
from podwall.dataplane.wellformed import refused_change, refused_ruleset
from podwall.errors import KernelError

__all__ = ["FakeKernel"]


class FakeKernel:
    """A `door.Kernel` that refuses what the real one refuses.

    `committed` is called after every transaction, so up to twice in one `apply`: there a test can send packets.
    """

    def __init__(self, committed: Callable[[Ruleset], None] | None = None) -> None:
        self.ruleset: Ruleset | None = None
        self._committed = committed

    def apply(self, change: Change) -> None:
        """The change in one transaction, and its epoch in a second (dataplane.md 4.4). Raises KernelError."""
        tables = list(_steps(self.ruleset, change))
        for table in tables:
            self.ruleset = table
            if self._committed is not None:
                self._committed(table)

    def dump(self) -> Held | None:
        """What is there now; None where there is no table."""
        return None if self.ruleset is None else held(self.ruleset)


def _steps(old: Ruleset | None, change: Change) -> Iterator[Ruleset]:
    """The table after each transaction."""
    first, table = msgspec.structs.replace(change, epoch=0), old
    if old is None or first != Change():
        table = _accepted(old, first)
        yield table
    if change.epoch:
        yield _accepted(table, Change(epoch=change.epoch))


def _accepted(old: Ruleset | None, change: Change) -> Ruleset:
    try:
        new = applied(old, change)
    except ValueError as error:
        raise KernelError(str(error)) from error
    before = refused_change(old, change) if old is not None and change.whole is None else iter(())
    for reason in (*before, *refused_ruleset(new)):
        raise KernelError(reason)
    return new
