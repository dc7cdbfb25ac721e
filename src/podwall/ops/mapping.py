"""podwall map: all pairs, or their counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwall.engine.connections import Edge, edges, externals_of
from podwall.engine.counts import count
from podwall.engine.grouping import Group
from podwall.engine.reach import Reach
from podwall.engine.rules import Direction, PolicyRef
from podwall.engine.sets import PortSet, address_number
from podwall.ops.inputs import Opened
from podwall.ops.ports import public_ports
from podwall.ops.references import Refs
from podwall.report.public import API_VERSION, Connection, Endpoint, External, Isolated, Map, Port, Ref, Summary

__all__ = ["make_map", "summarize"]

NOT_ISOLATED = "not isolated"


def summarize(opened: Opened) -> Summary:
    """How many pairs are open; with a namespace, of those that have an end in it."""
    model, only = opened.model, opened.only
    counts = model.counts()
    endpoints, pairs, open_pairs = counts.endpoints, counts.pairs, counts.open_pairs
    if only is not None:  # all pairs but those that lie outside altogether
        others = (group for group in model.groups(model.reach) if group.namespace != only)
        outside = count(model.reach, _weights(others, model.reach.layout.size))
        endpoints -= outside.endpoints
        pairs -= outside.pairs
        open_pairs -= outside.open_pairs
    return Summary(
        apiVersion=API_VERSION,
        kind="MapSummary",
        profile=model.profile.name,
        endpoints=endpoints,
        policies=sum(only in (None, policy.namespace) for policy in model.index.policies),
        classes=counts.classes,
        pairs=pairs,
        openPairs=open_pairs,
        incomplete=list(opened.incomplete),
    )


def make_map(opened: Opened, *, why: bool) -> Map:
    """Every open pair; with a namespace, those with an end in it; with `why`, each with the policies that permit it."""
    model = opened.model
    groups = model.groups(model.reach)
    found: Iterator[Edge] = edges(model.reach, groups, model.judge if why else None)
    if opened.only is not None:
        inside = {group.name for group in groups if group.namespace == opened.only}
        kept = [edge for edge in found if edge.src in inside or edge.dst in inside]
        ends = inside.union(*((edge.src, edge.dst) for edge in kept))
        groups = [group for group in groups if group.name in ends]
        found = iter(kept)
    refs = Refs(opened) if why else None
    return Map(
        apiVersion=API_VERSION,
        kind="Map",
        profile=model.profile.name,
        endpoints=[_endpoint(group, model.reach) for group in groups],
        external=[External(cell.name, cell.addresses.cidrs()) for cell in externals_of(model.reach)],
        connections=sorted(map(_Connections(refs).of, found), key=lambda c: (c.src, c.dst)),
        incomplete=list(opened.incomplete),
    )


def _endpoint(group: Group, reach: Reach) -> Endpoint:
    addresses = {address for member in group.members for address in member.addresses}
    return Endpoint(
        name=group.name,
        kind=group.kind,
        namespace=group.namespace,
        labels=group.labels,
        addresses=sorted(addresses, key=address_number),
        pods=group.pods,
        isolated=Isolated(
            ingress=bool(reach.isolated[Direction.INGRESS] >> group.atom & 1),
            egress=bool(reach.isolated[Direction.EGRESS] >> group.atom & 1),
        ),
    )


class _Connections:
    """Edges in their public form. Most have ports and policies that another one has had: those are shared."""

    def __init__(self, refs: Refs | None) -> None:
        self._refs = refs
        self._ports: dict[tuple[tuple[int, PortSet], ...], list[Port]] = {}
        self._by: dict[tuple[PolicyRef, ...], list[Ref]] = {}

    def of(self, edge: Edge) -> Connection:
        key = tuple(edge.ports.items())
        ports = self._ports.get(key)
        if ports is None:
            ports = self._ports[key] = public_ports(edge.ports)
        if self._refs is None:
            return Connection(edge.src, edge.dst, ports)
        return Connection(edge.src, edge.dst, ports, self._named(edge.egress_by), self._named(edge.ingress_by))

    def _named(self, policies: tuple[PolicyRef, ...] | None) -> list[Ref] | str:
        if policies is None or self._refs is None:
            return NOT_ISOLATED
        if policies not in self._by:
            self._by[policies] = [self._refs[policy] for policy in policies]
        return self._by[policies]


def _weights(groups: Iterable[Group], size: int) -> list[int]:
    out = [0] * size
    for group in groups:
        out[group.atom] += 1
    return out
