"""What of a difference to look at first: newly open to the internet, to everyone, to other namespaces; DNS lost.

Said of endpoints, the worst first. Only what is new counts: what was as open before is no risk of this change.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import or_

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Cluster, name_of
from podwall.cluster.services import selects, target_numbers
from podwall.diff.causes import Caused
from podwall.diff.comparison import Comparison
from podwall.diff.halves import Half
from podwall.engine.postings import bits
from podwall.engine.sets import NO_ADDRESSES, NO_PORTS, AddrSet, PortSet

__all__ = ["Risk", "Risky", "is_internet", "risky"]


class Risk(enum.Enum):
    """What may go wrong, the worst first. "from" and "to" are said of the endpoint."""

    FROM_INTERNET = "from-internet"
    TO_INTERNET = "to-internet"
    FROM_EVERYONE = "from-everyone"
    TO_EVERYONE = "to-everyone"
    DNS_LOST = "dns-lost"
    OTHER_NAMESPACE = "other-namespace"


class Risky(Struct, frozen=True):
    """Pairs of places, as bits, that bring a risk: to their sources, or `inwards`, to their destinations.

    Of OTHER_NAMESPACE they are all pairs of a piece; which of them do cross is seen by their names.
    """

    risk: Risk
    piece: Caused
    sources: int
    destinations: int
    inwards: bool


# Everything else is the internet, documentation ranges included: whoever writes them stands for somebody out there.
_NOT_INTERNET = reduce(
    or_,
    map(
        AddrSet.of,
        (
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
            *("0.0.0.0/8", "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8"),
        ),
    ),
    NO_ADDRESSES,
)


def is_internet(addresses: AddrSet) -> bool:
    """Whether some of the addresses are public."""
    return bool(addresses - _NOT_INTERNET)


def risky(found: Comparison, pieces: Iterable[Caused]) -> Iterator[Risky]:
    """The risks in some pieces, in no order; of added endpoints only those of the internet."""
    public = _mask(n for n, p in enumerate(found.places) if p.addresses is not None and is_internet(p.addresses))
    dns = _Dns(found)
    everyone = _Everyone(found)
    for piece in pieces:
        if any(piece.opened.values()):
            yield from _internet(piece, public)
            if not (piece.sources | piece.destinations) & found.came:
                rest = dns.beside(piece)
                yield from _namespaces(rest, found.outside)
                yield from everyone.risks(rest)
        elif any(piece.closed.values()):
            yield from dns.risks(piece)


def _internet(piece: Caused, public: int) -> Iterator[Risky]:
    if piece.sources & public:
        yield Risky(Risk.FROM_INTERNET, piece, piece.sources & public, piece.destinations, inwards=True)
    if piece.destinations & public:
        yield Risky(Risk.TO_INTERNET, piece, piece.sources, piece.destinations & public, inwards=False)


def _namespaces(piece: Caused, outside: int) -> Iterator[Risky]:
    sources, destinations = piece.sources & ~outside, piece.destinations & ~outside
    if sources and destinations:
        yield Risky(Risk.OTHER_NAMESPACE, piece, sources, destinations, inwards=True)


class _Everyone:
    """Which places reach everyone in the cluster, or are reached by everyone, and did not or were not before."""

    def __init__(self, found: Comparison) -> None:
        inside = found.everyone & ~found.outside
        self._sides = ((found.old, inside & ~found.came), (found.new, inside & ~found.gone))
        self._known: dict[tuple[int, bool], bool] = {}
        spaces = {unit.namespace for unit in found.units}
        self._is_one = len(spaces) < 2
        self._rows: list[list[tuple[int, int]]] = []

    def risks(self, piece: Caused) -> Iterator[Risky]:
        """Those of sources, and of destinations."""
        if self._is_one:
            return
        inside = self._sides[0][1] | self._sides[1][1]
        sources = _mask(n for n in bits(piece.sources & inside) if self._newly(n, inwards=False))
        destinations = _mask(n for n in bits(piece.destinations & inside) if self._newly(n, inwards=True))
        if sources and piece.destinations & inside:
            yield Risky(Risk.TO_EVERYONE, piece, sources, piece.destinations & inside, inwards=False)
        if destinations and piece.sources & inside:
            yield Risky(Risk.FROM_EVERYONE, piece, piece.sources & inside, destinations, inwards=True)

    def _newly(self, place: int, *, inwards: bool) -> bool:
        key = place, inwards
        if key not in self._known:
            way: Callable[[int, int], int] = self._into if inwards else self._out
            was, now = (way(side, place) | 1 << place for side in range(2))
            inside = self._sides[1][1]
            newly = inside & now & ~was
            # Of those who could reach nearly everyone before it is no news that they reach the last one, too.
            self._known[key] = inside & now == inside and 2 * newly.bit_count() >= inside.bit_count() - 1
        return self._known[key]

    def _out(self, side: int, place: int) -> int:
        half, _ = self._sides[side]
        return _reached(half, half.keys[place])

    def _into(self, side: int, place: int) -> int:
        if not self._rows:
            self._rows = [_columns(half) for half, _ in self._sides]
        found = 0
        for sources, reached in self._rows[side]:
            if reached >> place & 1:
                found |= sources
        return found


def _reached(half: Half, key: tuple[int, ...]) -> int:
    found = 0
    for places in half.row(key).values():
        found |= places
    return found


def _columns(half: Half) -> list[tuple[int, int]]:
    """All sources that go together, with everyone whom they reach."""
    together: dict[tuple[int, ...], int] = {}
    for place, key in enumerate(half.keys):
        together[key] = together.get(key, 0) | 1 << place
    return [(sources, _reached(half, key)) for key, sources in together.items()]


class _Dns:
    """Who could ask the cluster's DNS before, and cannot ask any of it now."""

    def __init__(self, found: Comparison) -> None:
        self._half = found.new
        known = _name_servers(found.models[1].cluster)
        self._ports = NO_PORTS
        self._places = 0
        for number, place in enumerate(found.places):
            for endpoint in (e for unit in place.units for e in unit.new):
                ports = known(endpoint)
                if ports:
                    self._ports |= ports
                    self._places |= 1 << number
        self._by_tcp = reduce(
            or_, (PortSet.of("TCP", first, last) for _, first, last in self._ports.ranges()), NO_PORTS
        )

    def beside(self, piece: Caused) -> Caused:
        """The piece without name servers that are asked for names, which is what they are there for."""
        if any(ports - self._ports - self._by_tcp for ports in piece.opened.values()):
            return piece
        return msgspec.structs.replace(piece, destinations=piece.destinations & ~self._places)

    def risks(self, piece: Caused) -> Iterator[Risky]:
        """The sources that lose it by what this closes."""
        hit = piece.destinations & self._places
        if hit and any(ports.overlaps(self._ports) for ports in piece.closed.values()):
            lost = _mask(n for n in bits(piece.sources) if not self._asks(n))
            if lost:
                yield Risky(Risk.DNS_LOST, piece, lost, hit, inwards=False)

    def _asks(self, place: int) -> bool:
        row = self._half.row(self._half.keys[place])
        return any(p & self._places and ports.overlaps(self._ports) for (_, ports), p in row.items())


_DNS_NAMESPACE, _DNS_LABEL = "kube-system", ("k8s-app", "kube-dns")
_DNS_SERVICES = ("coredns", "kube-dns", "rke2-coredns-rke2-coredns")
_DNS_PORT = 53


def _name_servers(cluster: Cluster) -> Callable[[Endpoint], PortSet]:
    """For an endpoint the UDP ports on which it answers as the cluster's DNS; none for all others."""
    bucket = cluster.namespaces.get(_DNS_NAMESPACE)
    services = [s.object for s in bucket.services if name_of(s.object.metadata) in _DNS_SERVICES] if bucket else []

    def ports(endpoint: Endpoint) -> PortSet:
        if endpoint.namespace != _DNS_NAMESPACE:
            return NO_PORTS
        found = NO_PORTS
        if _DNS_LABEL in endpoint.labels.items():
            found |= PortSet.of("UDP", _DNS_PORT)
        for service in services:
            for port in (service.spec.ports if service.spec else None) or ():
                if selects(service, endpoint) and (port.protocol, port.port) == ("UDP", _DNS_PORT):
                    for number in target_numbers(port, endpoint):
                        found |= PortSet.of("UDP", number)
        return found

    return ports


def _mask(numbers: Iterable[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << number
    return found
