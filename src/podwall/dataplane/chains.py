"""A script as chains of the kernel's rules, in one view, with the verdicts that its place in the table asks for.

Peers and ports are merged into as few look-ups as there can be: what a packet costs does not grow with the number of
policies, but for peers of many endpoints, blocks and ranges of ports.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from podwall.dataplane.contents import Definition, Everyone, Intervals, Peers, Ports, Services, name_of
from podwall.dataplane.merging import Merged, Numbers, Part, Selected, merged
from podwall.dataplane.ruleset import (
    Accept,
    AddressIs,
    Chain,
    Field,
    Goto,
    Lookup,
    Match,
    PortIn,
    Protocol,
    Return,
    Rule,
    View,
)
from podwall.dataplane.script import PeerTerm, Run, Script, peer_text, port_text
from podwall.engine.rules import Action, AnyPeer, AnyPort, Direction, PortRange
from podwall.engine.sets import PROTOCOLS, AddrSet

__all__ = ["Place", "Settings", "Written", "written"]

# Peers of one script that have a set of their own, which other groups may share; more of them are put into one.
_SHARED = 16


Verdict: TypeAlias = Return | Goto | Accept


class Place(Struct, frozen=True):
    """Where a script's chains stand: the first one's name, how packets are read, and what becomes of them."""

    name: str
    view: View
    allow: Verdict
    deny: Verdict


class Written(Struct, frozen=True):
    """Chains, and the sets that they look at."""

    chains: tuple[Chain, ...]
    definitions: tuple[Definition, ...]


class Settings(Struct, frozen=True):
    """What scripts are written under: families that are judged, peers that are wide, whether blocks mean pods (D1)."""

    families: tuple[int, ...]
    wide: frozenset[PeerTerm] = frozenset()
    blocks_match_cluster: bool = True


def written(script: Script, place: Place, settings: Settings) -> Written:
    """The chains of a script."""
    writer = _Writer(script.group.direction, place, settings)
    return writer.script(script)


class _Writer:
    """One script at one place; notes the sets that its rules name."""

    def __init__(self, direction: Direction, place: Place, settings: Settings) -> None:
        self._place = place
        self._view = place.view
        self._settings = settings
        self._peer = Field.DESTINATION if direction is Direction.EGRESS else Field.SOURCE
        self._shared = frozenset(sorted(settings.wide, key=peer_text)[:_SHARED])
        self._definitions: dict[Definition, None] = {}

    def script(self, script: Script) -> Written:
        """The admin tier, then the rest, which has a chain of its own where a Pass leads to it (C4)."""
        rest = [*self._rest(script)]
        passes = any(run.action is Action.PASS for run in script.admin)
        onward = Goto(f"{self._place.name}_n")
        first = [rule for run in script.admin for rule in self._run(run, self._verdict(run.action, onward))]
        if passes:
            chains = [Chain(self._place.name, (*first, Rule((), (onward,)))), Chain(onward.chain, tuple(rest))]
        else:
            chains = [Chain(self._place.name, (*first, *rest))]
        return Written(tuple(chains), tuple(self._definitions))

    def _rest(self, script: Script) -> Iterator[Rule]:
        """The NetworkPolicy tier is final for whom it isolates (C5); in the last tier, Pass is allow (C4)."""
        if script.isolated:
            yield from self._run(script.allowed, self._place.allow)
            yield Rule((), (self._place.deny,))
            return
        for run in script.baseline:
            yield from self._run(run, self._verdict(run.action, self._place.allow))
        if not isinstance(self._place.allow, Return):
            yield Rule((), (self._place.allow,))

    def _verdict(self, action: Action, passing: Verdict) -> Verdict:
        match action:
            case Action.ALLOW:
                return self._place.allow
            case Action.DENY:
                return self._place.deny
            case _:
                return passing

    def _run(self, run: Run, verdict: Verdict) -> list[Rule]:
        if any(AnyPeer() in peers and AnyPort() in ports for peers, ports in run.terms):
            return [Rule((), (verdict,))]
        asked = merged(run, self._settings.wide, blocks_match_cluster=self._settings.blocks_match_cluster)
        found = dict.fromkeys([*self._selected(asked), *self._ports(asked.anybody), *self._blocks(asked)])
        return [Rule(matches, (verdict,)) for matches in found]

    # Pods and nodes: by sets of their addresses

    def _selected(self, asked: Merged) -> Iterator[tuple[Match, ...]]:
        yield from self._in_sets(asked.everything, [()])
        yield from self._services(asked.parts)
        named: list[Part] = [(frozenset((p,)), asked.named[p]) for p in sorted(asked.named, key=peer_text)]
        for part in named[:_SHARED]:
            yield from self._services({part})
        yield from self._services(set(named[_SHARED:]))
        for ports in sorted(asked.at, key=lambda ports: sorted(map(port_text, ports))):
            yield from self._in_sets(asked.at[ports], [*self._ports(ports)])

    def _in_sets(self, peers: set[Selected], asked: Sequence[tuple[Match, ...]]) -> Iterator[tuple[Match, ...]]:
        """A wide peer in a set that it has for itself, all others in one; the cheap questions come first."""
        narrow = frozenset(peer for peer in peers if peer not in self._shared)
        apart = [frozenset((peer,)) for peer in sorted(peers - narrow, key=peer_text)]
        for family in self._settings.families:
            for members in (narrow, *apart):
                if members:
                    lookup = self._lookup((self._peer,), Peers(family, members))
                    yield from ((*matches, lookup) for matches in asked)

    def _services(self, parts: set[Part]) -> Iterator[tuple[Match, ...]]:
        protocols = {port.protocol for _, ports in parts for port in ports}
        for family in self._settings.families if parts else ():
            definition = Services(family, frozenset(parts))
            for protocol in PROTOCOLS if "" in protocols else sorted(protocols):
                yield Protocol(protocol), self._lookup((self._peer, Field.PROTOCOL, Field.PORT), definition)

    # Ports

    def _ports(self, ports: Collection[PortRange]) -> Iterator[tuple[Match, ...]]:
        """By protocol: a port or a range is compared, several ports are looked up."""
        for protocol in PROTOCOLS:
            own = {port for port in ports if port.protocol == protocol}
            exact = {port.first for port in own if port.first == port.last}
            if len(exact) > 1:
                definition = Ports(frozenset((protocol, number) for number in exact))
                yield Protocol(protocol), self._lookup((Field.PROTOCOL, Field.PORT), definition)
            for port in sorted(own, key=lambda port: (port.first, port.last)):
                if len(exact) <= 1 or port.first != port.last:
                    yield Protocol(protocol), PortIn(self._view, port.first, port.last)

    # Blocks: by address

    def _blocks(self, asked: Merged) -> Iterator[tuple[Match, ...]]:
        """Blocks that have the same ports together; each family for itself (N10)."""
        for everywhere, ports in sorted(asked.blocks, key=lambda one: (one[0], sorted(map(port_text, one[1])))):
            addresses = AddrSet.union(asked.blocks[everywhere, ports])
            yield from self._block(addresses, ports, everywhere=everywhere)

    def _block(self, addresses: AddrSet, ports: Numbers, *, everywhere: bool) -> Iterator[tuple[Match, ...]]:
        ranges = [port for port in ports if isinstance(port, PortRange)]
        asked = [*self._ports(ranges)] if len(ranges) == len(ports) else [()]
        for family in self._settings.families:
            part = addresses.family(family)
            if part:
                inside = self._inside(part, family)
                if not everywhere and not self._settings.blocks_match_cluster:
                    inside = (*inside, self._lookup((self._peer,), Everyone(family), negated=True))
                yield from ((*matches, *inside) for matches in asked)

    def _inside(self, addresses: AddrSet, family: int) -> tuple[Match, ...]:
        cidrs = addresses.cidrs()
        if len(cidrs) == 1 and not cidrs[0].endswith("/0"):
            return (AddressIs(self._view, self._peer, cidrs[0]),)
        return (self._lookup((self._peer,), Intervals(family, addresses)),)

    def _lookup(self, fields: tuple[Field, ...], definition: Definition, *, negated: bool = False) -> Lookup:
        self._definitions[definition] = None
        family = 0 if isinstance(definition, Ports) else definition.family
        return Lookup(self._view, fields, name_of(definition), family, negated)
