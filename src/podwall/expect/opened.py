"""What is open on some ports, as pairs of names with whole namespaces put together: the allow lines of a draft."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from podwall.engine.connections import edges, externals_of
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, AddrSet, PortSet
from podwall.expect.world import World

__all__ = ["INTERNET", "Line", "Opened", "opened"]

INTERNET = "internet"
_MOST_BLOCKS = 4  # of one set of addresses that are written one by one
_Pairs: TypeAlias = dict[tuple[str, PortSet], set[str]]


class Line(Struct, frozen=True, order=True):
    """Two ends by text (`ns/name`, `ns/*`, a CIDR, internet), and the ports that are open."""

    destination: str
    source: str
    ports: tuple[tuple[str, int, int], ...]


class Opened(Struct, frozen=True):
    """All lines; `wide` are the workloads that reach or let in somebody on every port."""

    lines: tuple[Line, ...]
    wide: tuple[str, ...]


def opened(world: World, members: Mapping[str, list[str]], internet: AddrSet, only: str | None) -> Opened:
    """What is open in the first family that both ends have; with `only`, what has an end in that namespace.

    `members` are the workloads of each namespace, `internet` the addresses of that set.
    """
    reach = world.model.reach
    homes = {name: namespace for namespace, names in members.items() for name in names}
    cells = {cell.name: cell.addresses for cell in externals_of(reach)}
    inside: _Pairs = {}
    outside: dict[tuple[str, bool, PortSet], AddrSet] = {}  # a workload, whether it is the destination, and ports
    wide: set[str] = set()
    for edge in edges(reach, world.model.groups(reach)):
        if only in (None, homes.get(edge.src), homes.get(edge.dst)):
            ports = edge.ports[min(edge.ports)]
            if ports >= ALL_PORTS:
                wide.update(name for name in (edge.src, edge.dst) if name in homes)
            elif edge.src in cells or edge.dst in cells:
                into = edge.src in cells
                key = edge.dst if into else edge.src, into, ports
                outside[key] = outside.get(key, NO_ADDRESSES) | cells[edge.src if into else edge.dst]
            elif ports and edge.src != edge.dst:
                inside.setdefault((edge.dst, ports), set()).add(edge.src)
    for (name, into, ports), addresses in outside.items():
        for text in _texts(addresses, internet):
            source, destination = (text, name) if into else (name, text)
            inside.setdefault((destination, ports), set()).add(source)
    found = sorted(Line(to, source, tuple(ports.ranges())) for source, to, ports in _folded(inside, members))
    return Opened(tuple(found), tuple(sorted(wide)))


def _texts(addresses: AddrSet, internet: AddrSet) -> Iterator[str]:
    """How addresses are written; nothing for what it takes many blocks to say."""
    known = internet & addresses
    if known and known == internet:
        yield INTERNET
        addresses -= internet
    blocks = addresses.cidrs()
    if len(blocks) <= _MOST_BLOCKS:
        yield from blocks


def _folded(pairs: _Pairs, members: Mapping[str, list[str]]) -> Iterator[tuple[str, str, PortSet]]:
    """Source, destination and ports: whole namespaces of sources as one, then of destinations."""
    by_source: _Pairs = {}
    for (destination, ports), sources in pairs.items():
        for source in _wholes(sources, destination, members):
            by_source.setdefault((source, ports), set()).add(destination)
    for (source, ports), destinations in by_source.items():
        for destination in _wholes(destinations, source, members):
            yield source, destination, ports


def _wholes(names: set[str], other: str, members: Mapping[str, list[str]]) -> Iterable[str]:
    """Names, with `ns/*` for all of a namespace; the other end itself need not be among them."""
    left = set(names)
    for namespace in {name.partition("/")[0] for name in names} & members.keys():
        found = {name for name in members[namespace] if name != other}
        if len(found) > 1 and found <= names:
            left -= found
            left.add(f"{namespace}/*")
    return left
