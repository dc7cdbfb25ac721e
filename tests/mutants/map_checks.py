"""What the map of the Podwall that is imported gets wrong in a case, and the counts of its summary.

The map shows what neither a single pod nor a node decides, so lines about a pod's own node (D4), a pod's own address
(D5), nodes and Services are not looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from podwall.cluster.endpoints import Endpoint
from podwall.engine.connections import edges, externals_of
from podwall.engine.counts import Counts
from podwall.engine.index import EndpointKey, key_of
from podwall.engine.model import Model
from podwall.engine.questions import Question
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.engine.verdict import Connection, End
from podwall.errors import UnknownReference
from tests.truth.cases import Line


class _Map:
    """A model's map, by the names of both ends."""

    def __init__(self, model: Model) -> None:
        self._groups = model.groups(model.reach)
        self._cells = externals_of(model.reach)
        self.open = {(e.src, e.dst): e.ports for e in edges(model.reach, self._groups)}

    @cached_property
    def _names(self) -> dict[EndpointKey, str]:
        return {key_of(member): group.name for group in self._groups for member in group.members}

    @cached_property
    def families(self) -> dict[str, set[int]]:
        """The address families that each end of the map has."""
        out = {g.name: {_family(a) for m in g.members for a in m.addresses} for g in self._groups}
        return out | {c.name: {family for family in (4, 6) if c.addresses.family(family)} for c in self._cells}

    def name(self, end: Endpoint) -> str | None:
        """What an end is called on the map; None for one that is not on it."""
        if end.kind == "External":
            (name,) = (cell.name for cell in self._cells if end.addresses[0] in cell.addresses)
            return name
        return self._names.get(key_of(end))

    def ports(self, source: str, destination: str, family: int) -> PortSet:
        """What is open between two ends in one family."""
        return self.open.get((source, destination), {}).get(family, NO_PORTS)


def line_faults(model: Model, lines: Iterable[Line]) -> Iterator[str]:
    """The lines about pods, workloads and external addresses that the map answers differently."""
    drawn = _Map(model)
    for line in lines:
        asked = _shown(model, line)
        if asked is None:
            continue
        source, destination = drawn.name(asked.source.member), drawn.name(asked.destination.member)
        if source is not None and destination is not None:
            opened = (asked.protocol, asked.port) in drawn.ports(source, destination, asked.family)
            if opened is not (line.want == "allow"):
                yield f"{line.text}: on the map {source} -> {destination} it is {'open' if opened else 'closed'}"


def family_faults(model: Model) -> Iterator[str]:
    """Ports that are open in a family that one of the two ends has no address of (D20)."""
    drawn = _Map(model)
    for (source, destination), ports in sorted(drawn.open.items()):
        for family, opened in ports.items():
            if opened and not {family} <= drawn.families[source] & drawn.families[destination]:
                yield f"the map has {source} -> {destination} in IPv{family}"


def count_faults(model: Model) -> Iterator[str]:
    """A summary that does not count what the map shows between distinct endpoints."""
    names = {group.name for group in model.groups(model.reach)}
    shown = sum(s != d and s in names and d in names for s, d in _Map(model).open)
    total = len(names)
    counted = model.counts()
    wanted = Counts(total, counted.classes, total * (total - 1), shown)
    if counted != wanted:
        yield f"the summary says {counted}, the map {wanted}"


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


def _family(address: str) -> int:
    return 6 if ":" in address else 4
