"""What the map of the Podwall that is imported gets wrong in a case, and the counts of its summary.

The map shows what neither a single pod nor a node decides, so lines about a pod's own node (D4), a pod's own address
(D5), nodes and Services are not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwall.cluster.endpoints import Endpoint
from podwall.engine import matrix
from podwall.engine.connections import edges, externals_of
from podwall.engine.grouping import weights_of
from podwall.engine.index import key_of
from podwall.engine.model import Model
from podwall.engine.questions import Question
from podwall.engine.sets import NO_PORTS
from podwall.engine.verdict import Connection, End
from podwall.errors import UnknownReference
from tests.truth.cases import Line


class _Map:
    """A model's map, by the names of both ends."""

    def __init__(self, model: Model) -> None:
        self.groups = model.groups(model.reach)
        self.cells = externals_of(model.reach)
        self.open = {(e.src, e.dst): e.ports for e in edges(model.reach, self.groups)}
        self._names = {key_of(member): group.name for group in self.groups for member in group.members}

    def name(self, end: Endpoint) -> str | None:
        """What an end is called on the map; None for one that is not on it."""
        if end.kind == "Domain":
            return next((cell.name for cell in self.cells if end.name in cell.domains), None)
        if end.kind == "External":
            return next((cell.name for cell in self.cells if end.addresses[0] in cell.addresses), None)
        return self._names.get(key_of(end))

    def families(self) -> dict[str, set[int]]:
        """The address families that each end has."""
        out = {g.name: {6 if ":" in a else 4 for m in g.members for a in m.addresses} for g in self.groups}
        return out | {
            c.name: {family for family in (4, 6) if c.domains or c.addresses.family(family)} for c in self.cells
        }


def map_faults(model: Model, lines: Iterable[Line]) -> Iterator[str]:
    """Lines that the map answers differently, and ways in which it contradicts its own ends or its summary."""
    drawn = _Map(model)
    yield from _line_faults(model, drawn, lines)
    yield from _family_faults(drawn)
    yield from _count_faults(model, drawn)


def _line_faults(model: Model, drawn: _Map, lines: Iterable[Line]) -> Iterator[str]:
    for line in lines:
        asked = _shown(model, line)
        if asked is None:
            continue
        pair = drawn.name(asked.source.member), drawn.name(asked.destination.member)
        source, destination = pair
        if source is not None and destination is not None:
            ports = drawn.open.get((source, destination), {}).get(asked.family, NO_PORTS)
            opened = (asked.protocol, asked.port) in ports
            if opened is not (line.want == "allow"):
                yield f"{line.text}: on the map {source} -> {destination} it is {'open' if opened else 'closed'}"


def _family_faults(drawn: _Map) -> Iterator[str]:
    """Ports that are open in a family that one of the two ends has no address of (D20)."""
    families = drawn.families()
    for (source, destination), ports in sorted(drawn.open.items()):
        for family, opened in ports.items():
            if opened and family not in families[source] & families[destination]:
                yield f"the map has {source} -> {destination} in IPv{family}"


def _count_faults(model: Model, drawn: _Map) -> Iterator[str]:
    """A summary that does not count what the map shows between distinct endpoints, in either way of counting."""
    names = {group.name for group in drawn.groups}
    shown = sum(s != d and s in names and d in names for s, d in drawn.open)
    counted = model.counts()
    if (counted.endpoints, counted.open_pairs) != (len(names), shown):
        yield f"the summary says {counted}, the map {len(names)} endpoints and {shown} open pairs"
    large = matrix.open_pairs(model.reach, weights_of(model.index, model.reach.layout))
    if large != shown:
        yield f"counted as in a large cluster, {large} pairs are open, on the map {shown}"


def _shown(model: Model, line: Line) -> Connection | None:
    """The one connection that a line is about, where a map can show it."""
    if line.want == "error" or not isinstance(line.port, int):
        return None
    question = Question(line.src, line.dst, line.port, line.protocol.upper(), line.family)
    try:
        asked = model.questions.connections(question)
    except UnknownReference:  # the verdict is wrong, and said to be
        return None
    if asked.backends is not None or len(asked.connections) != 1:
        return None
    (connection,) = asked.connections
    ends = connection.source, connection.destination
    return None if _both_external(*ends) or _own_address(*ends) or _from_own_node(*ends) else connection


def _both_external(source: End, destination: End) -> bool:
    return source.member.kind == destination.member.kind == "External"


def _own_address(source: End, destination: End) -> bool:
    same = key_of(source.member) == key_of(destination.member)
    return same and not (source.many or destination.many)


def _from_own_node(source: End, destination: End) -> bool:
    return source.member.host_network and source.node is not None and source.node == destination.node
