"""What sets are to hold, said symbolically: a definition names a set, and says which keys one endpoint adds to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.dataplane.ruleset import Key, address_key, port_key
from podwall.dataplane.script import NAME_DIGITS, PeerTerm, peer_text, term_text
from podwall.engine.rules import AnyPeer, Block, InNamespace, NamedPort, NamespacesMatching, Nodes, Pods, PortRange
from podwall.engine.sets import IPV6_BASE, AddrSet, address_number
from podwall.engine.verdict import is_selectable

__all__ = [
    "Definition",
    "Everyone",
    "Intervals",
    "Living",
    "Peers",
    "Ports",
    "Services",
    "Together",
    "addresses_of",
    "intervals_of",
    "is_peer",
    "key_type",
    "keys_of",
    "name_of",
    "parts_of",
    "static_keys",
]


class Peers(Struct, frozen=True):
    """The addresses of all these, of one family."""

    family: int
    peers: frozenset[Pods | Nodes]


class Services(Struct, frozen=True):
    """Address, protocol and port of all these, of one family; a named port where the peer has one of this name.

    A part is any of its peers at any of its ports.
    """

    family: int
    parts: frozenset[tuple[frozenset[PeerTerm], frozenset[PortRange | NamedPort]]]


class Everyone(Struct, frozen=True):
    """Every address of pods and nodes, of one family: what ipBlocks do not mean under some profiles (D1)."""

    family: int


class Ports(Struct, frozen=True):
    """Protocols and ports, of no address."""

    ports: frozenset[tuple[str, int]]


class Intervals(Struct, frozen=True):
    """Addresses by range, of one family."""

    family: int
    addresses: AddrSet


Together: TypeAlias = tuple[frozenset[PortRange | NamedPort], ...]
"""Ports, as they stand together in parts: the same set may be many peers'."""
Living: TypeAlias = Peers | Services | Everyone
"""Those whose keys come and go with endpoints."""
Definition: TypeAlias = Living | Ports | Intervals


@lru_cache(maxsize=512)  # each view of a script looks at the same sets
def name_of(definition: Definition) -> str:
    """The name of the set, which no other definition has."""
    match definition:
        case Peers(family, peers):
            return f"s_{_hashed(map(peer_text, peers))}_{family}"
        case Services(family, parts):
            return f"p_{_hashed(map(term_text, parts))}_{family}"
        case Everyone(family):
            return f"k_everyone_{family}"
        case Ports(ports):
            return f"q_{_hashed(map(repr, ports))}"
        case Intervals(family, addresses):
            return f"r_{_hashed((repr(addresses.spans),))}_{family}"


def _hashed(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()[:NAME_DIGITS]


def key_type(definition: Definition) -> Key:
    """The type of the set's keys."""
    match definition:
        case Services(family):
            return Key.SERVICE4 if family == 4 else Key.SERVICE6
        case Ports():
            return Key.PORT
        case _:
            return Key.ADDRESS4 if definition.family == 4 else Key.ADDRESS6


def static_keys(definition: Ports) -> frozenset[bytes]:
    """All keys of a set that no endpoint changes."""
    return frozenset(port_key(protocol, port) for protocol, port in definition.ports)


def intervals_of(definition: Intervals) -> tuple[tuple[bytes, bytes], ...]:
    """Disjoint ranges, inclusive, in order."""
    base = 0 if definition.family == 4 else IPV6_BASE
    spans = definition.addresses.family(definition.family).spans
    return tuple(
        (address_key(first - base, definition.family), address_key(last - base, definition.family))
        for first, last in spans
    )


def addresses_of(endpoint: Endpoint, family: int) -> list[bytes]:
    """The keys of an endpoint's addresses of one family."""
    if family == 4:
        return [address_number(a).to_bytes(4) for a in endpoint.addresses if ":" not in a]
    return [(address_number(a) - IPV6_BASE).to_bytes(16) for a in endpoint.addresses if ":" in a]


def is_peer(term: PeerTerm, endpoint: Endpoint, labels: Mapping[str, str]) -> bool:
    """Whether a peer means an endpoint whatever its address; `labels` are its namespace's."""
    match term:
        case AnyPeer():
            return True
        case Pods(scope, selector):
            return is_selectable(endpoint) and _in_scope(scope, endpoint, labels) and selector.matches(endpoint.labels)
        case Nodes(selector):
            own = endpoint.labels if endpoint.kind == "Node" else endpoint.host_labels
            return own is not None and selector.matches(own)
        case Block():
            return False


def _in_scope(scope: InNamespace | NamespacesMatching, endpoint: Endpoint, labels: Mapping[str, str]) -> bool:
    match scope:
        case InNamespace(name):
            return name == endpoint.namespace
        case NamespacesMatching(selector):
            return selector.matches(labels)


def parts_of(definition: Living) -> dict[PeerTerm, Together]:
    """The peers that bring keys, each with the ports that it brings them with; none where addresses are the keys."""
    if isinstance(definition, Everyone):
        return {AnyPeer(): ()}
    if isinstance(definition, Peers):
        return dict.fromkeys(definition.peers, ())
    out: dict[PeerTerm, Together] = {}
    for peers, ports in definition.parts:
        for peer in peers:
            out[peer] = (*out.get(peer, ()), ports)
    return out


def keys_of(definition: Living, part: tuple[PeerTerm, Together], endpoint: Endpoint) -> Iterator[bytes]:
    """The keys that one endpoint brings by one part of a definition, which means it but for blocks and their addresses.

    A key may come by several parts, and more than once by one.
    """
    peer, ports = part
    keys = addresses_of(endpoint, definition.family)
    if isinstance(peer, Block):  # of a block each address means itself only (D6)
        base = 0 if definition.family == 4 else IPV6_BASE
        keys = [key for key in keys if peer.addresses.has(base + int.from_bytes(key))]
    if not isinstance(definition, Services):
        yield from keys
        return
    for port in chain.from_iterable(ports) if keys else ():
        for protocol, number in _numbers(port, endpoint):
            ending = port_key(protocol, number)
            for key in keys:
                yield key + ending


def _numbers(port: PortRange | NamedPort, endpoint: Endpoint) -> Iterator[tuple[str, int]]:
    match port:
        case PortRange(protocol, first):
            yield protocol, first
        case NamedPort(protocol, name):  # a host-network pod counts as its node, which has no port names (D6, D19)
            for one in endpoint.ports if is_selectable(endpoint) else ():
                if one.name == name and protocol in (one.protocol, ""):
                    yield one.protocol, one.number
