"""Observed traffic rolled up: the document that `podwall flows show -o json` writes (interface.md), as values.

An edge is who opened connections to whom on which port, in a window of time. Here is what its fields mean; names in it
are resolved by who asks, against one cluster.
"""

from __future__ import annotations

import datetime as dt

from msgspec import Struct

__all__ = ["KIND", "Edge", "Edges", "moment"]

KIND = "Edges"
_LET_THROUGH = ("allow", "would_deny")
_REFUSED = ("deny",)


class Edge(Struct, frozen=True):
    """One edge. `src` and `dst` are references, or the first CIDR of a set of external addresses.

    `port` is None for protocols without ports. `first` and `last` are RFC 3339, `days` counts days with a connection,
    and `verdicts` counts connections by allow, deny, would_deny (let through by a plugin that only audits), unknown.
    """

    src: str
    dst: str
    protocol: str
    port: int | None
    first: str
    last: str
    count: int = 1
    days: int = 1
    verdicts: dict[str, int] = {}
    sources: list[str] = []

    @property
    def began(self) -> dt.datetime:
        """When it was first seen."""
        return moment(self.first)

    @property
    def ended(self) -> dt.datetime:
        """When it was last seen."""
        return moment(self.last)

    @property
    def let_through(self) -> int:
        """How many connections went through: denied attempts and scans are no need (flows.md 1.11, rule 8)."""
        return sum(self.verdicts.get(verdict, 0) for verdict in _LET_THROUGH)

    @property
    def only_refused(self) -> bool:
        """Whether every attempt is known to have failed, so that nothing was used."""
        return bool(self.verdicts) and not any(n for v, n in self.verdicts.items() if v not in _REFUSED)


class Edges(Struct, frozen=True):
    """The document."""

    kind: str
    edges: list[Edge]
    apiVersion: str | None = None  # noqa: N815 - the public spelling


def moment(text: str) -> dt.datetime:
    """A time of the document, in UTC where it names no zone. Raises ValueError."""
    found = dt.datetime.fromisoformat(text)
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found
