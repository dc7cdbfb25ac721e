"""What every format of the map is written from: all but the connections at once, and these as they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from podwall.report.public import Connection, Map

__all__ = ["Answer", "Scope", "Writer"]


class Scope(Struct, frozen=True):
    """What a map is about.

    `namespace` is that of -n. `sources`, `destinations` and `about` are the names of the ends that were asked for, None
    where they were not. `whole` are the namespaces that are listed with all their endpoints: `ns/*` can stand for them.
    """

    namespace: str | None = None
    sources: frozenset[str] | None = None
    destinations: frozenset[str] | None = None
    about: frozenset[str] | None = None
    whole: frozenset[str] = frozenset()

    @property
    def named(self) -> frozenset[str] | None:
        """All ends that were asked for; None where none was."""
        asked = [names for names in (self.sources, self.destinations, self.about) if names is not None]
        return frozenset[str]().union(*asked) if asked else None


class Answer(Struct, frozen=True):
    """`head` is the map without its connections; `connections` come once, in order of source and destination."""

    head: Map
    connections: Iterator[Connection]
    scope: Scope


Writer = Callable[[Answer], Iterator[str]]
