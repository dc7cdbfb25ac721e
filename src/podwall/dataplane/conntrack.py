"""The kernel's table of connections: read for audits, and cleared of marks when an epoch's number is used again."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing, nullcontext
from itertools import islice

from podwall.dataplane import wire
from podwall.dataplane.connections import Connection, cleared, connection
from podwall.dataplane.netlink import Socket, Within
from podwall.dataplane.wire import Request

__all__ = ["clear_marks", "connections"]

_NEW, _GET = 0x0100 | 0, 0x0100 | 1
# Each may be answered, and answers have to fit a buffer that users who are not root cannot widen.
_AT_ONCE = 100


def connections(within: Within = nullcontext) -> Iterator[Connection]:
    """All connections of the namespace, of both families. Raises KernelError where conntrack cannot be read."""
    with closing(Socket(within)) as opened:
        found = map(connection, opened.dump(_ALL))
        yield from (one for one in found if one is not None)


def clear_marks(mask: int, within: Within = nullcontext) -> int:
    """Clears the bits of `mask` in every mark, and no other bit; how many connections had some.

    Those that end meanwhile are left out. A connection that begins meanwhile may be marked: rules are still in force.
    """
    with closing(Socket(within)) as opened:
        found = (cleared(body, mask) for body in opened.dump(_ALL))
        edits = (Request(_NEW, 0, body, lambda _: "a connection's mark") for body in found if body is not None)
        count = 0
        while some := list(islice(edits, _AT_ONCE)):
            opened.each(some, unless=errno.ENOENT)
            count += len(some)
        return count


_ALL = Request(_GET, 0, wire.generic(0), lambda _: "the table of connections")
