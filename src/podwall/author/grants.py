"""Peers and ports of many needs → few rules: equal peers have their ports together, equal ports their peers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from podwall.author.compose import peers, ports_of
from podwall.author.recipe import Object
from podwall.author.selectors import namespace_selector
from podwall.author.subjects import choose
from podwall.engine.index import key_of
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.need import Grant
from podwall.needs.party import EVERYONE, Party
from podwall.needs.site import Site

__all__ = ["merged", "rules_for"]


def merged(grants: Iterable[Grant]) -> list[Grant]:
    """The same connections in as few grants as there are sets of ports; what everyone may needs no other peer."""
    everyone = NO_PORTS
    by_peer: dict[tuple[object, ...], Grant] = {}
    for grant in grants:
        if grant.peers.anyone:
            everyone |= grant.ports
            continue
        if not _is_anybody(grant.peers):  # a rule without peers would be one for everyone (N6)
            continue
        key = _identity(grant.peers)
        known = by_peer.get(key)
        by_peer[key] = Grant(grant.peers, grant.ports | known.ports) if known else grant
    by_ports: dict[PortSet, list[Party]] = {}
    for grant in by_peer.values():
        left = grant.ports - everyone
        if left:
            by_ports.setdefault(left, []).append(grant.peers)
    out = [Grant(party, ports) for ports, parties in by_ports.items() for party in _together(parties)]
    if everyone:
        out.append(Grant(EVERYONE, everyone))
    return sorted(out, key=lambda grant: (grant.ports.spans, _identity(grant.peers)))


def _is_anybody(party: Party) -> bool:
    return party.everywhere or party.whole or bool(party.endpoints or party.cidrs)


def _identity(party: Party) -> tuple[object, ...]:
    flags = (party.anyone, party.everywhere, party.whole)
    return (flags, party.namespace, tuple(map(key_of, party.endpoints)), party.cidrs, party.excepts)


def _together(parties: Sequence[Party]) -> Iterator[Party]:
    """Pods of one namespace as one party, and all plain blocks as one; the whole of a namespace takes in its pods."""
    whole = {party.namespace for party in parties if party.whole}
    pods: dict[str, Party] = {}
    cidrs: set[str] = set()
    for party in parties:
        if party.whole or party.everywhere or party.excepts:
            yield party
            continue
        if party.endpoints and party.namespace not in whole:
            known = pods.get(party.namespace)
            pods[party.namespace] = _both(known, party) if known else _pods(party)
        cidrs.update(party.cidrs)
    yield from (pods[name] for name in sorted(pods))
    if cidrs:
        yield Party("addresses", cidrs=tuple(sorted(cidrs)))


def _pods(party: Party) -> Party:
    return Party(party.name, party.namespace, party.endpoints)


def _both(one: Party, other: Party) -> Party:
    held = {key_of(e): e for e in (*one.endpoints, *other.endpoints)}
    return Party(", ".join(sorted({one.name, other.name})), one.namespace, tuple(held[key] for key in sorted(held)))


def rules_for(site: Site, direction: Direction, grants: Iterable[Grant], namespace: str) -> list[Object]:
    """The rules of one direction in a policy of a namespace: one for each set of ports.

    Peers that no lasting label selects are in no rule; the proof finds what they need closed.
    """
    held: dict[PortSet, list[Object]] = {}
    open_to_all: set[PortSet] = set()
    for grant in grants:
        entries = _peers(site, grant.peers, namespace)
        if not entries and not grant.peers.anyone:  # a rule without peers would be one for everyone (N6)
            continue
        known = held.setdefault(grant.ports, [])
        known += (entry for entry in entries if entry not in known)
        if grant.peers.anyone:
            open_to_all.add(grant.ports)
    key = "from" if direction is Direction.INGRESS else "to"
    return [_rule(key, [] if ports in open_to_all else found, ports) for ports, found in held.items()]


def _rule(key: str, found: list[Object], ports: PortSet) -> Object:
    parts = {key: found, "ports": ports_of(ports)}
    return {field: value for field, value in parts.items() if value}


def _peers(site: Site, party: Party, namespace: str) -> list[Object]:
    """As `compose.peers`; workloads that no label tells from others are selected with these."""
    try:
        return peers(site, party, namespace)
    except CannotWrite:
        out: list[Object] = []
        place = {} if party.namespace == namespace else {"namespaceSelector": namespace_selector(party.namespace)}
        for one in _workloads(site, party):
            with suppress(CannotWrite):
                out.append({**place, "podSelector": choose(site, one, None).selector})
        return out + peers(site, Party("", cidrs=party.cidrs, excepts=party.excepts), namespace)


def _workloads(site: Site, party: Party) -> list[Party]:
    held = {one.keys: one for one in map(site.of_workload, party.endpoints)}
    return sorted(held.values(), key=lambda one: one.name)
