"""Everything else that a change opens or closes: pairs by name, without what is asked.

Replicas of one controller go by its name where all of them are concerned alike, else by their own. (On the map the
largest class has the controller's name; which one that is, it takes the whole map to tell.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Controller, Endpoint
from podwall.engine.effect import Difference, Party
from podwall.engine.index import EndpointKey, Index, key_of
from podwall.engine.sets import NO_ADDRESSES, AddrSet, PortSet, address_number
from podwall.engine.verdict import Connection, End

__all__ = ["Names", "Pair", "Pairs", "Shown", "pairs"]

MOST_LISTED = 20


class Pair(Struct, frozen=True):
    """Two ends by name and the ports, by family; an external end has its first CIDR for a name, its addresses too."""

    src: str
    dst: str
    ports: dict[int, PortSet]
    external: AddrSet | None = None


class Pairs(Struct, frozen=True):
    """Pairs in order of name; `more` is the number of those that are left out.

    `weight` counts all of them, those with external addresses once for each address.
    """

    listed: tuple[Pair, ...] = ()
    more: int = 0
    weight: int = 0

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.listed) + self.more


class _Name(Struct, frozen=True):
    """A row's end. `many` says that a pair of it with itself means two replicas (D5)."""

    text: str
    many: bool = False
    addresses: AddrSet | None = None


class Shown(Struct, frozen=True):
    """What the replicas of one controller, or a single endpoint, go by. `many` is as in Group."""

    name: str
    replicas: int
    many: bool


_Opened: TypeAlias = tuple[tuple[int, PortSet], ...]
_Row: TypeAlias = tuple[_Name, _Name, dict[int, PortSet]]


class Names:
    """What each endpoint is shown as; `ns/Kind/name` for a controller whose name something else has too."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._found: dict[str, dict[EndpointKey, Shown]] = {}

    def __getitem__(self, endpoint: Endpoint) -> Shown:
        home = endpoint.namespace
        if home not in self._found:
            self._found[home] = dict(_names_in(home, [e for e, _ in self._index.members(home)]))
        return self._found[home][key_of(endpoint)]


def _names_in(namespace: str, endpoints: Iterable[Endpoint]) -> Iterator[tuple[EndpointKey, Shown]]:
    families: dict[Controller, list[Endpoint]] = {}
    for endpoint in endpoints:
        families.setdefault(endpoint.controller or Controller(endpoint.kind, endpoint.name), []).append(endpoint)
    holders = Counter(controller.name for controller in families)
    for controller, members in families.items():
        unique = controller.kind == "Pod" or holders[controller.name] == 1
        name = f"{namespace}/{controller.name}" if unique else f"{namespace}/{controller.kind}/{controller.name}"
        shown = Shown(name, len(members), len(members) > 1 or any(e.many for e in members))
        yield from ((key_of(member), shown) for member in members)


def pairs(found: Sequence[Difference], names: Names, asked: Connection | None, *, opened: bool) -> Pairs:
    """What is opened, or what is closed, but for the connection that is asked for, if any, in any family."""
    rows = [row for parties in _merged(found, opened=opened) for row in _rows(parties, names)]
    made = [pair for row in rows for pair in _others(row, names, asked)]
    listed = nsmallest(MOST_LISTED, made, key=_order)
    return Pairs(tuple(listed), len(made) - len(listed), sum(map(_weight, made)))


def _weight(pair: Pair) -> int:
    return 1 if pair.external is None else sum(last - first + 1 for first, last in pair.external.spans)


def _order(pair: Pair) -> tuple[object, ...]:
    return pair.src, pair.dst, tuple((family, ports.spans) for family, ports in pair.ports.items())


def _merged(found: Iterable[Difference], *, opened: bool) -> Iterator[tuple[Party, Party, dict[int, PortSet]]]:
    """The differences of one kind, with the external addresses together that have the same ports with the same end."""
    outside: dict[tuple[bool, tuple[EndpointKey, ...], _Opened], tuple[Party, AddrSet]] = {}
    for one in found:
        ports = one.opened if opened else one.closed
        if not ports:
            continue
        inner, outer = one.source, one.destination
        inwards = inner.addresses is not None
        if inwards:
            inner, outer = outer, inner
        if outer.addresses is None:
            yield one.source, one.destination, ports
            continue
        key = (inwards, tuple(map(key_of, inner.members)), tuple(sorted(ports.items(), key=lambda item: item[0])))
        known = outside.get(key, (inner, NO_ADDRESSES))[1]
        outside[key] = inner, known | outer.addresses
    for (inwards, _, ports_by_family), (inner, addresses) in outside.items():
        party = Party((), addresses)
        ends = (party, inner) if inwards else (inner, party)
        yield *ends, dict(ports_by_family)


def _rows(parties: tuple[Party, Party, dict[int, PortSet]], names: Names) -> Iterator[_Row]:
    source, destination, ports = parties
    destinations = list(_named(destination, names))
    for src in _named(source, names):
        for dst in destinations:
            if src.text != dst.text or (src.many and dst.many):
                yield src, dst, ports


def _named(party: Party, names: Names) -> Iterator[_Name]:
    """A controller's name where all its replicas are there, else theirs."""
    if party.addresses is not None:
        yield _external(party.addresses)
        return
    held: dict[str, list[Endpoint]] = {}
    for member in party.members:
        held.setdefault(names[member].name, []).append(member)
    for members in held.values():
        shown = names[members[0]]
        if len(members) == shown.replicas:
            yield _Name(shown.name, shown.many)
        else:
            yield from (_Name(f"{member.namespace}/{member.name}") for member in members)


def _external(addresses: AddrSet) -> _Name:
    return _Name(addresses.cidrs()[0], addresses=addresses)


def _others(row: _Row, names: Names, asked: Connection | None) -> Iterator[Pair]:
    """A row without what is asked for."""
    src, dst, ports = row
    if asked is None or not (_is(src, asked.source, names) and _is(dst, asked.destination, names)):
        yield _pair(src, dst, ports)
        return
    rest = {family: left for family, known in ports.items() if (left := known - _asked_port(asked))}
    for at, name in enumerate((src, dst)):
        if name.addresses is not None:  # the address that is asked for, and all the others of the set
            end = (asked.source, asked.destination)[at]
            own = name.addresses & _addresses(end)
            if name.addresses != own:
                others = _external(name.addresses - own)
                yield _pair(*((others, dst) if at == 0 else (src, others)), ports)
            src, dst = (_external(own), dst) if at == 0 else (src, _external(own))
    if rest:
        yield _pair(src, dst, rest)


def _pair(src: _Name, dst: _Name, ports: dict[int, PortSet]) -> Pair:
    return Pair(src.text, dst.text, ports, dst.addresses if src.addresses is None else src.addresses)


def _asked_port(asked: Connection) -> PortSet:
    return PortSet.of(asked.protocol, asked.port)


def _is(name: _Name, end: End, names: Names) -> bool:
    """Whether a row's end stands for the end that is asked for."""
    if name.addresses is not None:
        return end.slot < 0 and name.addresses.overlaps(_addresses(end))
    if end.slot < 0:
        return False
    return name.text in (names[end.member].name, f"{end.member.namespace}/{end.member.name}")


def _addresses(end: End) -> AddrSet:
    out = NO_ADDRESSES
    for address in end.member.addresses:
        number = address_number(address)
        out |= AddrSet(((number, number),))
    return out
