"""Connections that differ in one end only, with a whole namespace as that end: fewer rows and arrows, nothing lost.

`ns/*` are all endpoints of a namespace but the one at the other end: an endpoint's connection with itself (D5) is never
folded. ANYWHERE are all external sets but domain names, which nobody knows to be any of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import UNSET, Struct

from podwall.report.maps.answer import Answer
from podwall.report.public import Connection, Permit, Port

__all__ = ["ANYWHERE", "Line", "fold"]

ANYWHERE = "*"
_OUTSIDE = ""
_By = tuple[Permit, ...] | str | None
_Sort = tuple[tuple[Port, ...], _By, _By]  # ports, and reasons of both sides


class Line(Struct, frozen=True):
    """Connections with the same ports and reasons. An end is a name, `ns/*` or ANYWHERE."""

    src: str
    dst: str
    ports: tuple[Port, ...]
    egress: _By = None
    ingress: _By = None


def fold(answer: Answer) -> list[Line]:
    """All connections of an answer, sorted: destinations are folded first, and then sources."""
    homes = _Homes(answer)
    itself: set[tuple[str, _Sort]] = set()
    by_source: dict[tuple[str, _Sort], list[str]] = {}
    for connection in answer.connections:
        sort = _sort(connection)
        if connection.src == connection.dst:
            itself.add((connection.src, sort))
        else:
            by_source.setdefault((connection.src, sort), []).append(connection.dst)
    by_destination: dict[tuple[str, _Sort], list[str]] = {}
    for (src, sort), destinations in by_source.items():
        for dst in homes.folded(destinations, src):
            by_destination.setdefault((dst, sort), []).append(src)
    lines = [Line(name, name, *sort) for name, sort in itself]
    for (dst, sort), sources in by_destination.items():
        lines += (Line(src, dst, *sort) for src in homes.folded(sources, dst))
    return sorted(lines, key=lambda line: (line.src, line.dst, line.ports))


def _sort(connection: Connection) -> _Sort:
    return tuple(connection.ports), _by(connection.egressBy), _by(connection.ingressBy)


def _by(by: object) -> _By:
    if by is UNSET:
        return None
    return tuple(by) if isinstance(by, list) else str(by)


class _Homes:
    """Where ends are at home, and how many live there; of namespaces that are not shown as a whole nobody knows."""

    def __init__(self, answer: Answer) -> None:
        self._home = {endpoint.name: endpoint.namespace for endpoint in answer.head.endpoints}
        self._home |= {cell.name: cell.name for cell in answer.head.external if cell.domains}
        self._size = {_OUTSIDE: sum(not cell.domains for cell in answer.head.external)}
        for endpoint in answer.head.endpoints:
            home = endpoint.namespace
            if home in answer.scope.whole:
                self._size[home] = self._size.get(home, 0) + 1

    def folded(self, names: Iterable[str], other: str) -> Iterator[str]:
        """The names, all of one home as one; `other` is the end that all of them have in common."""
        at_home: dict[str, list[str]] = {}
        for name in names:
            at_home.setdefault(self._home.get(name, _OUTSIDE), []).append(name)
        for home, found in at_home.items():
            if len(found) == self._size.get(home, 0) - (self._home.get(other) == home) > 1:
                yield f"{home}/*" if home else ANYWHERE
            else:
                yield from found
