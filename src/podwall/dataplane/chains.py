"""A script as chains of the kernel's rules, in one view, with the verdicts that its place in the table asks for.

Peers and ports are merged into as few look-ups as there can be: what a packet costs does not grow with the number of
policies, but for peers of many endpoints, blocks and ranges of ports.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from podwall.dataplane.contents import Definition, Everyone, Intervals, Peers, Ports, Services, name_of
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
from podwall.engine.rules import Action, AnyPeer, AnyPort, Block, Direction, NamedPort, Nodes, Pods, PortRange
from podwall.engine.sets import PROTOCOLS, AddrSet

__all__ = ["Place", "Settings", "Written", "written"]

_Members: TypeAlias = Pods | Nodes
_Pair: TypeAlias = tuple[PeerTerm, PortRange | NamedPort]


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
        if any(isinstance(peer, AnyPeer) and isinstance(port, AnyPort) for peer, port in run.terms):
            return [Rule((), (verdict,))]
        found = dict.fromkeys([*self._pods(run), *self._anybody(run), *self._blocks(run)])
        return [Rule(matches, (verdict,)) for matches in found]

    # Pods and nodes: by sets of their addresses

    def _pods(self, run: Run) -> Iterator[tuple[Match, ...]]:
        everything: set[_Members] = set()
        exact: set[_Pair] = set()  # of narrow peers
        apart: set[_Pair] = set()  # named ports of peers that are not narrow
        ranges: dict[PortRange, set[_Members]] = {}  # of narrow peers
        wide: dict[_Members, set[PortRange]] = {}
        for peer, port in run.terms:
            if isinstance(port, NamedPort):
                (apart if self._is_apart(peer) else exact if isinstance(peer, Pods | Nodes) else set()).add(
                    (peer, port)
                )
            elif isinstance(peer, Pods | Nodes):
                if isinstance(port, AnyPort):
                    everything.add(peer)
                elif self._is_wide(peer):
                    wide.setdefault(peer, set()).add(port)
                elif port.first == port.last:
                    exact.add((peer, port))
                else:
                    ranges.setdefault(port, set()).add(peer)
        yield from self._in_sets(everything, [()])
        yield from self._services(exact)
        for pair in sorted(apart, key=_pair_text):
            yield from self._services({pair})
        for peer in sorted(wide, key=peer_text):
            yield from self._in_sets({peer}, [*self._ports(wide[peer])])
        for port in sorted(ranges, key=port_text):
            yield from self._in_sets(ranges[port], [*self._ports({port})])

    def _is_wide(self, peer: PeerTerm) -> bool:
        return peer in self._settings.wide

    def _is_apart(self, peer: PeerTerm) -> bool:
        """Whether named ports of a peer have a set of their own."""
        means_pods = not isinstance(peer, Block) or peer.everywhere or self._settings.blocks_match_cluster
        return means_pods and (not isinstance(peer, Pods | Nodes) or self._is_wide(peer))

    def _in_sets(self, peers: set[_Members], asked: Sequence[tuple[Match, ...]]) -> Iterator[tuple[Match, ...]]:
        """All narrow peers in one set, a wide one in one that it has for itself; the cheap questions come first."""
        narrow = frozenset(peer for peer in peers if not self._is_wide(peer))
        apart = [frozenset((peer,)) for peer in sorted(peers - narrow, key=peer_text)]
        for family in self._settings.families:
            for members in (narrow, *apart):
                if members:
                    lookup = self._lookup((self._peer,), Peers(family, members))
                    yield from ((*matches, lookup) for matches in asked)

    def _services(self, pairs: set[_Pair]) -> Iterator[tuple[Match, ...]]:
        protocols = {name for _, port in pairs for name in ((port.protocol,) if port.protocol else PROTOCOLS)}
        for family in self._settings.families if pairs else ():
            definition = Services(family, frozenset(pairs))
            for protocol in sorted(protocols):
                yield Protocol(protocol), self._lookup((self._peer, Field.PROTOCOL, Field.PORT), definition)

    # Anybody: by ports alone

    def _anybody(self, run: Run) -> Iterator[tuple[Match, ...]]:
        ports = [port for peer, port in run.terms if isinstance(peer, AnyPeer) and isinstance(port, PortRange)]
        yield from self._ports(ports)

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

    def _blocks(self, run: Run) -> Iterator[tuple[Match, ...]]:
        """Blocks that have the same ports together; each family for itself (N10)."""
        ports: dict[Block, set[AnyPort | PortRange]] = {}
        for peer, port in run.terms:
            if isinstance(peer, Block) and not isinstance(port, NamedPort):
                ports.setdefault(peer, set()).add(port)
        together: dict[tuple[bool, frozenset[AnyPort | PortRange]], list[AddrSet]] = {}
        for block, asked in ports.items():
            every = frozenset((AnyPort(),)) if AnyPort() in asked else frozenset(asked)
            together.setdefault((block.everywhere, every), []).append(block.addresses)
        for everywhere, asked_for in sorted(together, key=lambda one: (one[0], sorted(map(port_text, one[1])))):
            addresses = AddrSet.union(together[everywhere, asked_for])
            yield from self._block(addresses, asked_for, everywhere=everywhere)

    def _block(
        self, addresses: AddrSet, ports: frozenset[AnyPort | PortRange], *, everywhere: bool
    ) -> Iterator[tuple[Match, ...]]:
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


def _pair_text(pair: _Pair) -> tuple[str, str]:
    return peer_text(pair[0]), port_text(pair[1])
