"""Assertions drafted from what is now, for people to review: what is open on some ports, and what is closed.

Each line is judged before it is written down, so that a draft holds when it is run. Whole namespaces are written as
`ns/*` where one line says it of all. What is open on every port is left out: that is a missing policy, not a wish.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from msgspec import Struct

from podwall.engine.rules import PortRange, PortTerm
from podwall.engine.sets import AddrSet
from podwall.errors import UnknownReference
from podwall.expect.ends import Ends
from podwall.expect.expectation import Block, Everyone, Expectation, Named, Set, Spec, short_text
from podwall.expect.judge import judge, prepared
from podwall.expect.opened import INTERNET, Line, opened
from podwall.expect.world import World

__all__ = ["MOST_NAMESPACES", "MOST_PAIRS", "Draft", "Section", "draft"]

# Beyond so many, what is closed between them is not written down: that would be a line for each two.
MOST_NAMESPACES = 40
# Nor is every single workload held against every one of a namespace, beyond so many pairs of them.
MOST_PAIRS = 500_000


class Section(Struct, frozen=True):
    """Lines about one namespace: what comes into it, and what leaves it for where no namespace is."""

    namespace: str
    lines: tuple[str, ...]


class Draft(Struct, frozen=True):
    """All sections; `wide` are the workloads that reach or let in somebody on every port.

    `between` says whether what is closed between namespaces is written down; `crowded` are the namespaces of which not
    every pair that is closed is, as `a -> b`.
    """

    sections: tuple[Section, ...]
    wide: tuple[str, ...]
    between: bool
    crowded: tuple[str, ...] = ()


def draft(world: World, ends: Ends, only: str | None) -> Draft:
    """The assertions about a cluster, or about what has an end in one namespace."""
    return _Drafting(world, ends, only).draft()


class _Drafting:
    """One draft in the making."""

    def __init__(self, world: World, ends: Ends, only: str | None) -> None:
        self._world = world
        self._ends = ends
        self._only = only
        self._members: dict[str, list[str]] = {}
        for group in world.model.groups(world.model.reach):
            self._members.setdefault(group.namespace, []).append(group.name)
        self._homes = {name: namespace for namespace, names in self._members.items() for name in names}
        self._dns = self._names_of(Set("dns"))
        self._pairs = MOST_PAIRS
        self._crowded: list[str] = []

    def draft(self) -> Draft:
        found = opened(self._world, self._members, self._internet(), self._only)
        self._add_nodes(found.lines)
        between = self._only is not None or len(self._members) <= MOST_NAMESPACES
        lines: dict[str, list[str]] = {name: [] for name in sorted(self._members)}
        for line in found.lines:
            text = self._allowed(line)
            home = self._home(line.destination) or self._home(line.source)
            if text and home:
                lines[home].append(text)
        for home in lines:
            lines[home] += self._closed(home, between=between)
        sections = (Section(home, tuple(dict.fromkeys(texts))) for home, texts in lines.items() if texts)
        return Draft(tuple(sections), found.wide, between, tuple(self._crowded))

    def _add_nodes(self, lines: Iterable[Line]) -> None:
        """The nodes whose addresses are in a block that a line names, or in the internet, which all are asked about."""
        texts = {text for line in lines for text in (line.source, line.destination)}
        specs = map(self._spec, sorted(texts))
        asked: list[Spec] = [*(spec for spec in specs if isinstance(spec, Block)), Set(INTERNET)]
        nodes = [p.endpoint for spec in asked for p in self._ends.source(spec).picks if p.endpoint.kind == "Node"]
        if not self._world.knows(nodes):
            self._world = World(self._world.model, nodes)

    def _internet(self) -> AddrSet:
        cells = [cell for _, cell in self._world.cells]
        outside = self._ends.source(Set(INTERNET)).outside
        return AddrSet.union(cell & one.addresses for one in outside for cell in cells)

    def _names_of(self, end: Spec) -> frozenset[str]:
        try:
            picks = self._ends.source(end).picks
        except UnknownReference:
            return frozenset()
        return frozenset(self._world.shown(pick.endpoint) for pick in picks)

    def _home(self, text: str) -> str | None:
        """The namespace of an end, None for sets and addresses."""
        return text.removesuffix("/*") if text.endswith("/*") else self._homes.get(text)

    # What is open

    def _allowed(self, line: Line) -> str | None:
        source, destination = self._spec(line.source), self._spec(line.destination)
        if self._dns == {line.destination}:
            as_set = self._holding(source, Set("dns"), None, "allow")
            if as_set is not None:
                return as_set
        return self._holding(source, destination, tuple(PortRange(*port) for port in line.ports), "allow")

    def _spec(self, text: str) -> Spec:
        if text == INTERNET:
            return Set(INTERNET)
        if text.endswith("/*"):
            return Everyone(text.removesuffix("/*"))
        return Named(text) if text in self._homes else Block(text)

    # What is closed

    def _closed(self, home: str, *, between: bool) -> Iterator[str]:
        """Whoever cannot connect to a namespace, and what cannot leave it."""
        if self._only in (None, home):
            yield from self._denied(INTERNET, home)
        for other in sorted(self._members) if between else ():
            if self._only in (None, home, other):
                yield from self._denied(other, home)
        if self._only in (None, home):
            yield from self._denied(home, INTERNET)

    def _denied(self, source: str, destination: str) -> Iterator[str]:
        """One line for all of both, else for each of one side, else for each two; nothing of what is open."""
        every, whole = self._whole(source), self._whole(destination)
        line = self._holding(every, whole, None, "deny")
        if line is not None:
            yield line
            return
        sources, destinations = self._each(source), self._each(destination)
        self._pairs -= len(sources) * len(destinations)
        if self._pairs < 0:
            self._crowded.append(f"{source} -> {destination}")
            return
        reaching = yield from self._apart((one, whole) for one in sources if one != every)
        reached = yield from self._apart((every, other) for other in destinations if other != whole)
        yield from self._apart((one, other) for one, _ in reaching for _, other in reached if one != other)

    def _apart(self, pairs: Iterable[tuple[Spec, Spec]]) -> Generator[str, None, list[tuple[Spec, Spec]]]:
        """A line for each two of which nothing is open; returns the others."""
        left = []
        for source, destination in pairs:
            line = self._holding(source, destination, None, "deny")
            if line is None:
                left.append((source, destination))
            else:
                yield line
        return left

    @staticmethod
    def _whole(end: str) -> Spec:
        return Set(INTERNET) if end == INTERNET else Everyone(end)

    def _each(self, end: str) -> list[Spec]:
        return [Set(INTERNET)] if end == INTERNET else [Named(name) for name in self._members[end]]

    def _holding(self, source: Spec, destination: Spec, ports: tuple[PortTerm, ...] | None, verdict: str) -> str | None:
        """The line, if it holds."""
        text = short_text(source, destination, ports, verdict)
        asked = Expectation(text, source, destination, ports, verdict == "allow")
        return text if judge(self._world, prepared(self._ends, asked)).holds else None
