"""Needs put to the engine: which of them policies deny, at which end, and by which of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.engine.judge import Judge
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.engine.verdict import Connection, End
from podwall.needs.need import Need
from podwall.needs.party import Party
from podwall.needs.site import Site, families, somebody, told_apart

__all__ = ["Closed", "closed"]

_OUTSIDE = ("198.51.100.7", "2001:db8::7")  # somebody who is nobody: addresses for documentation
_MOST_BLOCKS = 64  # of what may be thousands of published ranges


class Closed(Struct, frozen=True):
    """A pair of a need that is denied, at its first denied port, and the policies that deny it, by `ns/name`."""

    need: Need
    src: str
    dst: str
    protocol: str
    port: int
    direction: Direction
    by: tuple[str, ...]


def closed(site: Site, needs: Iterable[Need]) -> tuple[int, list[Closed]]:
    """How many questions were asked of the policies of a site, and the first port of each pair that they deny."""
    judge = Judge(site.model.index)
    asked, out = 0, []
    for need in needs:
        for source in _ends(site, need.sources):
            for destination in _ends(site, need.destinations):
                found = [_denied(judge, need, one) for one in _asked(judge, source, destination, need.ports)]
                asked += len(found)
                out += [one for one in found if one is not None][:1]
    return asked, out


def _asked(judge: Judge, source: End, destination: End, ports: PortSet) -> Iterator[Connection]:
    for family in sorted(families(source.member) & families(destination.member)):
        for port in told_apart(judge, source, destination, ports):
            yield Connection(source, destination, *port, family)


def _denied(judge: Judge, need: Need, asked: Connection) -> Closed | None:
    verdict = judge.verdict(asked)
    for side in (verdict.egress, verdict.ingress):
        if not side.allowed:
            refs = {m.rule.policy for m in side.matches} | {i.policy for i in side.isolated_by}
            by = tuple(sorted(f"{ref.namespace}/{ref.name}".removeprefix("/") for ref in refs))
            names = asked.source.name, asked.destination.name
            return Closed(need, *names, asked.protocol, asked.port, side.direction, by)
    return None


def _ends(site: Site, party: Party) -> list[End]:
    """One end of each class of a party, an address of each of its blocks, and somebody outside for everyone."""
    ends = {(e.namespace, site.model.index.slot(e)): site.end(e) for e in reversed(party.endpoints)}
    firsts = [cidr.partition("/")[0] for cidr in party.addresses.cidrs()[:_MOST_BLOCKS]]
    named = [*firsts, *(_OUTSIDE if party.anyone else ())]
    outside = {end.name: end for end in (*map(somebody, named), *site.outside(party, _MOST_BLOCKS))}
    return [*ends.values(), *outside.values()]
