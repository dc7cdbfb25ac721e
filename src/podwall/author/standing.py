"""What policies that are there let through already: it is not written a second time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.cluster.endpoints import Endpoint
from podwall.engine.judge import ports_on
from podwall.engine.rules import Action, AnyPeer, Block, Direction
from podwall.engine.sets import PortSet
from podwall.engine.verdict import Connection, End
from podwall.needs.party import Party
from podwall.needs.site import Site, families, somebody, told_apart

__all__ = ["addresses_allowed", "lets_already"]

_MOST_BLOCKS = 8  # of a draft, which people are to read
_ANYWHERE = {4: "198.51.100.7", 6: "2001:db8::7"}  # for documentation: only a rule for everyone is meant


def lets_already(site: Site, direction: Direction, subjects: Sequence[Endpoint], peers: Party, ports: PortSet) -> bool:
    """Whether NetworkPolicies isolate all subjects in a direction, and let through all of these ports.

    Of peers that are all pods of a namespace or more, those to come count as well: it is never said of them.
    """
    if peers.whole or peers.everywhere or peers.outside or not subjects:
        return False
    return all(
        site.isolated(subject, direction)
        and all(_lets(site, direction, subject, peer, ports, anyone=peers.anyone) for peer in _peers(site, peers))
        for subject in subjects
    )


def addresses_allowed(site: Site, subjects: Sequence[Endpoint], ports: PortSet) -> tuple[str, ...]:
    """The blocks that policies let all subjects reach on some of these ports: what somebody meant by them before."""
    found: list[set[str]] = []
    for subject in subjects:
        own = site.end(subject)
        rules = site.model.judge.rules(Direction.EGRESS, own) if site.isolated(subject, Direction.EGRESS) else ()
        found.append(
            {
                cidr
                for rule in rules
                if rule.action is Action.ALLOW
                and ports.overlaps(ports_on(rule.ports, somebody(*_ANYWHERE.values()).member))
                for peer in rule.peers
                if isinstance(peer, Block)
                for cidr in peer.addresses.cidrs()[:_MOST_BLOCKS]
            }
        )
    return tuple(sorted(set.intersection(*found))) if found and ports else ()


def _peers(site: Site, party: Party) -> Iterator[End]:
    """One end for all that rules do not tell apart."""
    if party.anyone:
        yield somebody(*_ANYWHERE.values())
    yield from map(site.end, party.endpoints)
    yield from site.outside(party)


def _lets(  # noqa: PLR0913 - one pair
    site: Site, direction: Direction, subject: Endpoint, peer: End, ports: PortSet, *, anyone: bool
) -> bool:
    own, judge = site.end(subject), site.model.judge
    source, destination = (peer, own) if direction is Direction.INGRESS else (own, peer)
    for port in told_apart(judge, source, destination, ports):
        for family in families(subject) & families(peer.member):
            side = judge.side(direction, Connection(source, destination, *port, family))
            terms = (match.rule.peers[match.peer] for match in side.matches)
            if not side.allowed or (anyone and not any(isinstance(term, AnyPeer) for term in terms)):
                return False
    return True
