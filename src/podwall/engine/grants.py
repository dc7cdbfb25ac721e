"""Rules with their sets: what each rule is about in one address family, as slots and numbers.

Named ports are split here by the destination's number (N13), so a grant's ports are plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from podwall.engine.domains import meets_name
from podwall.engine.index import Index, Slots
from podwall.engine.rules import (
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Domains,
    NamedPort,
    Nobody,
    Nodes,
    NoPort,
    Peer,
    PortRange,
    PortTerm,
    Rule,
)
from podwall.engine.sets import ALL_PORTS, NO_PORTS, PROTOCOLS, AddrSet, PortSet

__all__ = ["EXTERNAL", "Grant", "Grants", "intersect", "union"]

# The pseudo-namespace whose slots are the cells of external addresses, and the domain names without an address.
EXTERNAL = ""


class Grant(Struct, frozen=True, gc=False):
    """Connections between sources and destinations that one direction of one rule is about; None means everyone.

    `rule` says what is done with them.
    """

    direction: Direction
    sources: Slots | None
    destinations: Slots | None
    ports: PortSet
    rule: Rule


def union(a: Slots, b: Slots) -> Slots:
    """Both sets together."""
    out = dict(a)
    for name, slots in b.items():
        out[name] = out.get(name, 0) | slots
    return out


def intersect(a: Slots | None, b: Slots) -> Slots:
    """What is in both; None is everyone."""
    if a is None:
        return b
    if len(b) < len(a):
        a, b = b, a
    both = ((name, slots & b.get(name, 0)) for name, slots in a.items())
    return {name: slots for name, slots in both if slots}


class Grants:
    """The grants of all rules in one family, made one by one as they are asked for.

    `externals` are the cells of external addresses, (blocks that hold it as bits, addresses), in order of slot; the
    slots behind them are those of `domains`, the names of which no address is known.
    """

    def __init__(
        self, index: Index, family: int, externals: Sequence[tuple[int, AddrSet]], domains: Sequence[str] = ()
    ) -> None:
        self._index = index
        self._family = family
        self._externals = externals
        self._domains = domains
        self._numbers = index.cells()[1]
        self._named = _named_ports(index)
        self._ports: dict[tuple[PortTerm, ...], tuple[PortSet, tuple[NamedPort, ...]]] = {}

    def __iter__(self) -> Iterator[Grant]:
        for policy in self._index.policies.values():
            for rule in policy.rules:
                yield from self._of(rule)

    def _of(self, rule: Rule) -> Iterator[Grant]:
        subject = self._index.pods(rule.subject)
        peers = self._peers(rule.peers)
        if not subject or (peers is not None and not peers):
            return
        out = rule.direction is Direction.EGRESS
        sources, destinations = (subject, peers) if out else (peers, subject)
        numbers, names = self._split(rule.ports)
        if numbers:
            yield Grant(rule.direction, sources, destinations, numbers, rule)
        for name in names:
            for protocol, number, having in self._having(name):
                hit = intersect(destinations, having)
                if hit:
                    yield Grant(rule.direction, sources, hit, PortSet.of(protocol, number), rule)

    def _having(self, name: NamedPort) -> Iterator[tuple[str, int, Slots]]:
        for protocol in (name.protocol,) if name.protocol else PROTOCOLS:
            for number, having in self._named.get((protocol, name.name), {}).items():
                yield protocol, number, having

    def _split(self, terms: tuple[PortTerm, ...]) -> tuple[PortSet, tuple[NamedPort, ...]]:
        found = self._ports.get(terms)
        if found is None:
            numbers, names = NO_PORTS, []
            for term in terms:
                match term:
                    case AnyPort():
                        numbers = ALL_PORTS
                    case PortRange(protocol, first, last):
                        numbers |= PortSet.of(protocol, first, last)
                    case NamedPort():
                        names.append(term)
                    case NoPort():
                        pass
            found = self._ports[terms] = (numbers, tuple(names))
        return found

    def _peers(self, peers: tuple[Peer, ...]) -> Slots | None:
        out: Slots = {}
        for peer in peers:
            match peer:
                case AnyPeer():
                    return None
                case Block(addresses):
                    found = union(self._index.block(peer, self._family), self._outside(peer, addresses))
                case Domains(_, addresses):
                    found = union(self._index.addressed(addresses, self._family), self._outside(peer, addresses))
                case Nodes():
                    found = self._index.nodes(peer)
                case Nobody():
                    found = {}
                case _:
                    found = self._index.pods(peer)
            out = union(out, found) if out else found
        return out

    def _outside(self, peer: Peer, addresses: AddrSet) -> Slots:
        """The external cells of a peer's addresses, and the names that it matches by name alone."""
        number, found = self._numbers.get(addresses), 0
        if number is not None:  # None: no address at all
            for slot, (mask, _) in enumerate(self._externals):
                found |= (mask >> number & 1) << slot
        for slot, name in enumerate(self._domains, len(self._externals)):
            found |= meets_name(peer, name, self._family) << slot
        return {EXTERNAL: found} if found else {}


def _named_ports(index: Index) -> Mapping[tuple[str, str], Mapping[int, Slots]]:
    """(protocol, name) → number → the selectable classes that name this port so; only for names that a rule uses."""
    wanted = set(_names_in(index))
    out: dict[tuple[str, str], dict[int, Slots]] = {name: {} for name in wanted}
    if not wanted:
        return out
    for namespace, classes in index.namespaces.items():
        for slot, cls in classes.items():
            # A host-network pod counts as its node, and nodes have no port names (D6, D19).
            if not cls.host_network:
                for port in cls.ports:
                    if (port.protocol, port.name) in wanted:
                        having = out[port.protocol, port.name].setdefault(port.number, {})
                        having[namespace] = having.get(namespace, 0) | 1 << slot
    return out


def _names_in(index: Index) -> Iterable[tuple[str, str]]:
    for policy in index.policies.values():
        for rule in policy.rules:
            for term in rule.ports:
                if isinstance(term, NamedPort):
                    for protocol in (term.protocol,) if term.protocol else PROTOCOLS:
                        yield protocol, term.name
