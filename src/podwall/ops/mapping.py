"""podwall map: all pairs, or their counts."""

from __future__ import annotations

from podwall.engine.connections import Edge, edges, externals_of
from podwall.engine.grouping import Group
from podwall.engine.reach import Reach
from podwall.engine.rules import Direction, PolicyRef
from podwall.engine.sets import NO_PORTS, PortSet, address_number
from podwall.ops.inputs import Opened
from podwall.ops.references import Refs
from podwall.report.public import API_VERSION, Connection, Endpoint, External, Isolated, Map, Port, Ref, Summary

__all__ = ["make_map", "summarize"]

NOT_ISOLATED = "not isolated"


def summarize(opened: Opened) -> Summary:
    """How many pairs are open."""
    model = opened.model
    counts = model.counts()
    return Summary(
        apiVersion=API_VERSION,
        kind="MapSummary",
        profile=model.profile.name,
        endpoints=counts.endpoints,
        policies=len(model.index.policies),
        classes=counts.classes,
        pairs=counts.pairs,
        openPairs=counts.open_pairs,
        incomplete=list(opened.incomplete),
    )


def make_map(opened: Opened, *, why: bool) -> Map:
    """Every open pair; with `why`, each with the policies that permit it."""
    model = opened.model
    groups = model.groups(model.reach)
    refs = Refs(opened)
    found = (_connection(edge, refs if why else None) for edge in edges(model.reach, groups, model.judge if why else None))
    return Map(
        apiVersion=API_VERSION,
        kind="Map",
        profile=model.profile.name,
        endpoints=[_endpoint(group, model.reach) for group in groups],
        external=[External(e.name, e.addresses.cidrs()) for e in externals_of(model.reach)],
        connections=sorted(found, key=lambda c: (c.src, c.dst)),
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


def _connection(edge: Edge, refs: Refs | None) -> Connection:
    ports = _ports(edge.ports)
    if refs is None:
        return Connection(edge.src, edge.dst, ports)
    return Connection(edge.src, edge.dst, ports, _by(edge.egress_by, refs), _by(edge.ingress_by, refs))


def _by(policies: tuple[PolicyRef, ...] | None, refs: Refs) -> list[Ref] | str:
    return NOT_ISOLATED if policies is None else [refs[p] for p in policies]


def _ports(by_family: dict[int, PortSet]) -> list[Port]:
    """Ports of both families plainly, those of one family with its number."""
    sets = list(by_family.values())
    both = sets[0] & sets[-1]
    found = [(*r, 0) for r in both.ranges()]
    for family, ports in by_family.items():
        found += ((*r, family) for r in (ports - both if ports else NO_PORTS).ranges())
    return [Port(p, first, last, family) if family else Port(p, first, last) for p, first, last, family in sorted(found)]
