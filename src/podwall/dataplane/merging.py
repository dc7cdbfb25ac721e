"""What the terms of a run have in common: peers and ports put together into as few look-ups as there can be.

Neither here nor in what is made of it are peers and ports multiplied without a bound: who may write policies could make
an agent, or a kernel, run out of memory with a single one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct, field

from podwall.dataplane.script import PeerTerm, PortOf, Run, term_text
from podwall.engine.rules import AnyPeer, AnyPort, Block, NamedPort, Nodes, Pods, PortRange
from podwall.engine.sets import AddrSet

__all__ = ["Merged", "Numbers", "Part", "Selected", "merged"]

Selected: TypeAlias = Pods | Nodes
Numbers: TypeAlias = frozenset[AnyPort | PortRange]
Part: TypeAlias = tuple[frozenset[PeerTerm], frozenset[PortRange | NamedPort]]

# Pairs of a peer and a port that one set has at most. A pair brings as many keys as the peer has endpoints.
_MOST = 1 << 14


class Merged(Struct):
    """The look-ups of one run; a connection that any of them finds meets it.

    `everything` are peers at any port; `at` peers that are looked up by address, beside ports; `parts` those that are
    looked up by both at once. `named` are named ports of peers that are not merged with others: anybody, blocks and
    wide peers. `anybody` are ports for everyone, `blocks` addresses by whether they mean everyone, and by ports.
    """

    everything: set[Selected] = field(default_factory=set)
    at: dict[frozenset[PortRange], set[Selected]] = field(default_factory=dict)
    parts: set[Part] = field(default_factory=set)
    named: dict[PeerTerm, frozenset[NamedPort]] = field(default_factory=dict)
    anybody: set[PortRange] = field(default_factory=set)
    blocks: dict[tuple[bool, Numbers], list[AddrSet]] = field(default_factory=dict)


@lru_cache(maxsize=8)  # a script is written in several views, one after the other
def merged(run: Run, wide: frozenset[PeerTerm], *, blocks_match_cluster: bool) -> Merged:
    """What a run asks. `wide` peers are never merged by port; blocks may not mean pods (D1)."""
    merger = _Merger(wide, blocks_match_cluster=blocks_match_cluster)
    for peers, ports in sorted(run.terms, key=lambda term: (len(term[0]) * len(term[1]), term_text(term))):
        merger.add(peers, ports)
    return merger.done()


class _Merger:
    """Takes terms, small ones first: those are the ones to be merged."""

    def __init__(self, wide: frozenset[PeerTerm], *, blocks_match_cluster: bool) -> None:
        self._wide = wide
        self._blocks_match_cluster = blocks_match_cluster
        self._out = Merged()
        self._pairs = 0
        self._ports: dict[Selected, frozenset[PortRange]] = {}  # of wide peers
        self._blocks: dict[Block, tuple[Numbers, ...]] = {}

    def add(self, peers: frozenset[PeerTerm], ports: frozenset[PortOf]) -> None:
        """One term."""
        numbers: Numbers = frozenset(port for port in ports if not isinstance(port, NamedPort))
        ranges = frozenset(port for port in numbers if isinstance(port, PortRange))
        names = frozenset(port for port in ports if isinstance(port, NamedPort))
        selected = frozenset(peer for peer in peers if isinstance(peer, Pods | Nodes))
        if AnyPeer() in peers:
            self._out.anybody |= ranges
        if len(ranges) < len(numbers):  # AnyPort, beside which there are no others
            self._out.everything |= selected
        else:
            self._narrow(selected - self._wide, ranges, names)
            for one in selected & self._wide if ranges else ():
                self._ports[one] = self._ports.get(one, frozenset()) | ranges
        for peer in peers if names else ():
            if self._is_apart(peer):
                self._out.named[peer] = self._out.named.get(peer, frozenset()) | names
        for peer in peers if numbers else ():
            if isinstance(peer, Block):
                self._blocks[peer] = (*self._blocks.get(peer, ()), numbers)

    def _narrow(self, peers: frozenset[Selected], ranges: frozenset[PortRange], names: frozenset[NamedPort]) -> None:
        if not peers:
            return
        single = frozenset(port for port in ranges if port.first == port.last)
        for port in ranges - single:
            self._out.at.setdefault(frozenset((port,)), set()).update(peers)
        self._pairs += len(peers) * len(single)
        if self._pairs > _MOST and single:
            self._out.at.setdefault(single, set()).update(peers)
            single = frozenset()
        if single or names:
            self._out.parts.add((frozenset[PeerTerm](peers), single | names))

    def _is_apart(self, peer: PeerTerm) -> bool:
        if isinstance(peer, Block):
            return peer.everywhere or self._blocks_match_cluster
        return isinstance(peer, AnyPeer) or peer in self._wide

    def done(self) -> Merged:
        """All of it; peers that have the same ports are together."""
        for one, ports in self._ports.items():
            self._out.at.setdefault(ports, set()).add(one)
        unions: dict[tuple[Numbers, ...], Numbers] = {}
        for block, several in self._blocks.items():
            if several not in unions:
                every: Numbers = frozenset().union(*several)
                unions[several] = every & {AnyPort()} or every
            self._out.blocks.setdefault((block.everywhere, unions[several]), []).append(block.addresses)
        return self._out
