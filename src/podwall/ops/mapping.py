"""podwall map: all pairs, or their counts."""

from __future__ import annotations

from collections import Counter

import msgspec
from msgspec import UNSET

from podwall.engine.connections import Edge, edges, ends_of, externals_of
from podwall.engine.connections import External as Outside
from podwall.engine.focus import EVERYTHING, Focus
from podwall.engine.grouping import Group
from podwall.engine.reach import Reach
from podwall.engine.rules import Direction, PolicyRef, Rule
from podwall.engine.sets import PortSet, address_number
from podwall.ops.focusing import ALL, Wanted, focus_of
from podwall.ops.inputs import Opened
from podwall.ops.ports import public_ports
from podwall.ops.references import Refs
from podwall.report.maps.answer import Answer, Scope
from podwall.report.public import (
    API_VERSION,
    NOT_ISOLATED,
    Asked,
    Connection,
    Endpoint,
    External,
    Isolated,
    Map,
    Permit,
    Port,
    Summary,
)

__all__ = ["make_map", "open_map", "summarize"]

# Lists of ports and of permits that connections share. Where no two connections have the same, there are millions.
_MOST_SHARED = 10_000


def summarize(opened: Opened) -> Summary:
    """How many pairs are open; with a namespace, of those that have an end in it."""
    model, only = opened.model, opened.only
    counts = model.counts() if only is None else model.counts_about(lambda group: group.namespace == only)
    return Summary(
        apiVersion=API_VERSION,
        kind="MapSummary",
        profile=model.profile.name,
        endpoints=counts.endpoints,
        policies=sum(only in (None, policy.namespace) for policy in model.index.policies),
        classes=counts.classes,
        pairs=counts.pairs,
        openPairs=counts.open_pairs,
        incomplete=list(opened.incomplete),
    )


def make_map(opened: Opened, wanted: Wanted = ALL, *, why: bool = False) -> Map:
    """A whole map with all its connections: `open_map` where they may be millions."""
    answer = open_map(opened, wanted, why=why)
    return msgspec.structs.replace(answer.head, connections=list(answer.connections))


def open_map(opened: Opened, wanted: Wanted = ALL, *, why: bool = False) -> Answer:
    """Every open pair in focus, found as it is asked for; with `why`, each with the rules that permit it.

    Its endpoints are those that are asked for and both ends of every connection. Raises UnknownReference.
    """
    model = opened.model
    groups = model.groups(model.reach)
    focus = focus_of(opened, wanted)
    shown = groups if focus == EVERYTHING else _shown(opened, groups, focus)
    public = _Connections(_Permits(Refs(opened)) if why else None)
    head = Map(
        apiVersion=API_VERSION,
        kind="Map",
        profile=model.profile.name,
        endpoints=[_endpoint(group, model.reach) for group in shown],
        external=list(map(_external, externals_of(model.reach))),
        connections=[],
        incomplete=list(opened.incomplete),
        focus=UNSET if wanted.everything else Asked(*map(list, msgspec.structs.astuple(wanted))),
    )
    found = edges(model.reach, groups, model.judge if why else None, focus)
    about = focus.touching[-1] if wanted.about else None
    scope = Scope(opened.only, focus.sources, focus.destinations, about, _whole(groups, shown))
    return Answer(head, map(public.of, found), scope)


def _shown(opened: Opened, groups: list[Group], focus: Focus) -> list[Group]:
    """Who was asked for, by name or else by namespace, and the ends of all connections."""
    named = [names for names in (focus.sources, focus.destinations, *focus.touching) if names is not None]
    if len(named) > 1 and opened.only is not None:  # -n stands first among those that are touched, and says least
        named.remove(focus.touching[0])
    ends = ends_of(opened.model.reach, groups, focus).union(*named)
    return [group for group in groups if group.name in ends]


def _whole(groups: list[Group], shown: list[Group]) -> frozenset[str]:
    sizes = Counter(group.namespace for group in groups)
    return frozenset(name for name, size in Counter(group.namespace for group in shown).items() if size == sizes[name])


def _external(cell: Outside) -> External:
    return External(cell.name, cell.addresses.cidrs(), list(cell.domains) if cell.domains else UNSET)


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
    """Edges in their public form. Most have ports and reasons that another one has had: those are shared."""

    def __init__(self, permits: _Permits | None) -> None:
        self._permits = permits
        self._ports: dict[tuple[tuple[int, PortSet], ...], list[Port]] = {}
        self._last: dict[int, PortSet] | None = None
        self._public: list[Port] = []

    def of(self, edge: Edge) -> Connection:
        if edge.ports is not self._last:  # most edges share theirs with the one before
            key = tuple(edge.ports.items())
            if key not in self._ports:
                if len(self._ports) >= _MOST_SHARED:
                    self._ports.clear()
                self._ports[key] = public_ports(edge.ports)
            self._last, self._public = edge.ports, self._ports[key]
        ports = self._public
        if self._permits is None:
            return Connection(edge.src, edge.dst, ports)
        return Connection(
            edge.src, edge.dst, ports, self._permits.of(edge.egress_by), self._permits.of(edge.ingress_by)
        )


class _Permits:
    """Rules as their policies with the paths of those that are meant."""

    def __init__(self, refs: Refs) -> None:
        self._refs = refs
        self._made: dict[tuple[int, ...], list[Permit]] = {}

    def of(self, rules: tuple[Rule, ...] | None) -> list[Permit] | str:
        """Sorted rules by policy; what it is called where there are none to be had."""
        if rules is None:
            return NOT_ISOLATED
        key = tuple(map(id, rules))  # to compare rules is to compare all their selectors
        if key not in self._made:
            if len(self._made) >= _MOST_SHARED:
                self._made.clear()
            paths: dict[PolicyRef, list[str]] = {}
            for rule in rules:
                paths.setdefault(rule.policy, []).append(rule.path)
            self._made[key] = [
                Permit(**msgspec.structs.asdict(self._refs[policy]), rules=tuple(found))
                for policy, found in paths.items()
            ]
        return self._made[key]
