"""A map by namespace: what is drawn of one that has too many endpoints to name each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import UNSET, Struct, UnsetType

from podwall.engine.sets import NO_PORTS, PortSet
from podwall.report.maps.answer import Answer
from podwall.report.public import Connection, Isolated, Port

__all__ = ["MOST_ENDPOINTS", "OUTSIDE", "Between", "Namespace", "Overview", "is_large", "overview", "union"]

MOST_ENDPOINTS = 100  # that are listed or drawn one by one
OUTSIDE = ""  # in the place of a namespace: all external addresses


class Namespace(Struct, frozen=True):
    """A namespace: how many of its endpoints are isolated, and how many are open from and to external addresses."""

    name: str
    endpoints: int
    ingress: int
    egress: int
    from_outside: int
    to_outside: int


class Between(Struct, frozen=True):
    """The connections from one namespace to another or to itself.

    `pairs` are pairs of endpoints, those of one with itself left out; towards OUTSIDE and from there, endpoints.
    `every` says that these are all that there could be. `ports` is the union of the ports of all.
    """

    src: str
    dst: str
    pairs: int
    every: bool
    ports: list[Port]


class Overview(Struct, frozen=True):
    """All namespaces and all that is open between them, sorted. `connections` counts as the map does."""

    namespaces: list[Namespace]
    between: list[Between]
    connections: int


def is_large(answer: Answer) -> bool:
    """Whether a map has more endpoints than can be read one by one."""
    return len(answer.head.endpoints) > MOST_ENDPOINTS


def overview(answer: Answer) -> Overview:
    """Reads all connections of an answer."""
    counts = _Counts(answer)
    for connection in answer.connections:
        counts.add(connection)
    return Overview(list(counts.namespaces()), list(counts.between()), counts.connections)


class _Tally:
    """What is known of one pair of namespaces. Most connections share their ports with others: each list once."""

    def __init__(self) -> None:
        self.pairs = 0
        self.inside: set[str] = set()  # ends in the cluster of connections with an external one
        self.ports: dict[int, list[Port]] = {}


class _Counts:
    def __init__(self, answer: Answer) -> None:
        self._isolated: dict[str, list[Isolated]] = {}
        self._home = {endpoint.name: endpoint.namespace for endpoint in answer.head.endpoints}
        self._whole = answer.scope.whole
        self._found: dict[tuple[str, str], _Tally] = {}
        for endpoint in answer.head.endpoints:
            self._isolated.setdefault(endpoint.namespace, []).append(endpoint.isolated)
        self.connections = 0

    def add(self, connection: Connection) -> None:
        src, dst = self._home.get(connection.src, OUTSIDE), self._home.get(connection.dst, OUTSIDE)
        tally = self._found.setdefault((src, dst), _Tally())
        tally.ports[id(connection.ports)] = connection.ports
        self.connections += 1
        if src == OUTSIDE:
            tally.inside.add(connection.dst)
        elif dst == OUTSIDE:
            tally.inside.add(connection.src)
        elif connection.src != connection.dst:
            tally.pairs += 1

    def namespaces(self) -> Iterator[Namespace]:
        for name, own in sorted(self._isolated.items()):
            outside = (self._found.get(key) for key in ((OUTSIDE, name), (name, OUTSIDE)))
            yield Namespace(
                name,
                len(own),
                sum(isolated.ingress for isolated in own),
                sum(isolated.egress for isolated in own),
                *(len(tally.inside) if tally else 0 for tally in outside),
            )

    def between(self) -> Iterator[Between]:
        for (src, dst), tally in sorted(self._found.items(), key=lambda item: item[0]):
            pairs = tally.pairs + len(tally.inside)
            yield Between(src, dst, pairs, pairs == self._most(src, dst), union(tally.ports.values()))

    def _most(self, src: str, dst: str) -> int:
        """The pairs that there could be; -1 where that is not known, because not all endpoints are on the map."""
        if not {src, dst} - {OUTSIDE} <= self._whole:
            return -1
        if OUTSIDE in (src, dst):
            return len(self._isolated[src or dst])
        return len(self._isolated[src]) * (len(self._isolated[dst]) - (src == dst))


def union(lists: Iterable[list[Port]]) -> list[Port]:
    """The ports of several lists; those of one family only where they are not among those of both."""
    found: dict[int | UnsetType, PortSet] = {}
    for ports in lists:
        for port in ports:
            known = found.get(port.family, NO_PORTS)
            found[port.family] = known | PortSet.of(port.protocol, port.port, port.endPort)
    plain = found.pop(UNSET, NO_PORTS)
    out = [Port(*span) for span in plain.ranges()]
    for family, own in found.items():
        out += [Port(*span, family) for span in (own - plain).ranges()]
    return sorted(out, key=lambda port: (port.protocol, port.port, port.endPort, port.family or 0))
