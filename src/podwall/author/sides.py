"""Needs → what each workload in scope must let through at its own end, in either direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.author.scope import Scope, Work, WorkKey
from podwall.author.standing import lets_already
from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.engine.verdict import is_selectable
from podwall.needs.need import Need
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["Side", "sides_of"]


class Side(Struct, frozen=True):
    """What one workload must let through in a direction; `standing` where policies that are there do it already."""

    work: Work
    direction: Direction
    peers: Party
    ports: PortSet
    need: Need
    standing: bool


def sides_of(site: Site, scope: Scope, needs: Iterable[Need]) -> dict[WorkKey, list[Side]]:
    """The sides of every need that are in scope, by workload, in the order of the needs."""
    out: dict[WorkKey, list[Side]] = {work.key: [] for work in scope.works}
    for need in needs:
        for direction, subjects, peers in (
            (Direction.EGRESS, need.sources, need.destinations),
            (Direction.INGRESS, need.destinations, need.sources),
        ):
            for work in _in_scope(site, scope, subjects):
                standing = lets_already(site, direction, work.party.endpoints, peers, need.ports)
                out[work.key].append(Side(work, direction, peers, need.ports, need, standing))
    return out


def _in_scope(site: Site, scope: Scope, party: Party) -> Iterator[Work]:
    """The workloads that one end means; everyone and the whole world write no policy of their own."""
    if party.anyone or party.everywhere:
        return
    yield from scope.within(_members(site, party))


def _members(site: Site, party: Party) -> Iterable[Endpoint]:
    return filter(is_selectable, site.endpoints(party.namespace)) if party.whole else party.endpoints
