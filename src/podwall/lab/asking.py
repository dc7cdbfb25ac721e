"""Which probes are sent, with what the engine says of each: all pairs of a plan's seats at the ports that matter.

Seats that share a node's namespace, and that nothing tells apart, are asked once. An endpoint is not asked about itself
but by a Service (D5), nor one external address about another. Services are asked at their own addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import msgspec
from msgspec import Struct

from podwall.cluster.hosts import external
from podwall.engine.verdict import Connection, End
from podwall.lab.hosting import canonical, family_of
from podwall.lab.plan import Plan, Seat, SeatKind, Translation
from podwall.lab.probe import FAMILIES, Probe, Target
from podwall.lab.seated import Seated
from podwall.lab.wiring import space_of

__all__ = ["Asker", "Question", "address_in", "distinct"]

_CACHE, _DNS = "dns cache", 53


class Question(Struct, frozen=True, gc=False):
    """A probe that could be sent: numbers of two stands, or of one and of a Service's translation."""

    source: int
    destination: int
    protocol: str
    port: int
    family: int
    service: bool = False


class _Stand(Struct, frozen=True):
    """A seat as probes see it; `ends` are its ends by family, each with one address if it is no pod."""

    seat: Seat
    ends: dict[int, End]

    @property
    def is_outside(self) -> bool:
        return self.seat.kind is SeatKind.EXTERNAL


class Asker:
    """Makes the probes of one plan, under the policies that it is seated under."""

    def __init__(self, plan: Plan, seated: Seated) -> None:
        self.judge = seated.judge
        self._plan = plan
        self._seated = seated
        self.stands = [_Stand(seat, _by_family(seat, seated.ends[seat.name])) for seat in distinct(plan.seats)]
        self._spaces = [space_of(stand.seat) for stand in self.stands]
        # A Service may lead out of the lab: to addresses of a family that nobody here has.
        served = (t for t in plan.translations if any(canonical(a) in self._by_address for a, _ in t.targets))
        self.translations = [*served, *_cache(plan)]

    def seats(self) -> Iterator[tuple[Seat, int]]:
        """Every seat of the plan, with the number of the stand that stands for it."""
        numbers = {_key(stand.seat): number for number, stand in enumerate(self.stands)}
        return ((seat, numbers[_key(seat)]) for seat in self._plan.seats)

    # What could be asked

    def pairs(self, source: int, destination: int) -> tuple[int, ...]:
        """The families in which one stand is asked about another; none where it is not."""
        one, other = self.stands[source], self.stands[destination]
        if self.alike(source) == self.alike(destination):
            return ()
        return tuple(family for family in FAMILIES if family in one.ends and family in other.ends)

    def alike(self, number: int) -> str:
        """What stands that are not asked about each other have in common: a namespace, as a pod has with itself."""
        return self._spaces[number]

    def of_pair(self, source: int, destination: int, ports: Iterable[tuple[str, int]]) -> Iterator[Question]:
        """Everything that is asked about a pair."""
        families = self.pairs(source, destination)
        for protocol, port in ports:
            for family in families:
                yield Question(source, destination, protocol, port, family)

    def of_service(self, source: int, number: int) -> Iterator[Question]:
        """What one stand is asked about a port of a Service; nothing of what is outside, which has no way to it."""
        one, translation = self.stands[source], self.translations[number]
        family = family_of(translation.address)
        if not one.is_outside and family in one.ends:
            yield Question(source, number, translation.protocol, translation.port, family, service=True)

    # Predictions

    def probe(self, asked: Question) -> Probe:
        """The probe of a question, with the engine's verdict."""
        if asked.service:
            return self._to_service(asked, self.translations[asked.destination])
        source = self.stands[asked.source].ends[asked.family]
        destination = self.stands[asked.destination].ends[asked.family]
        target = self._target(asked, source, destination, asked.port)
        return self._made(asked, source, (destination.name, target.address, asked.port), (target,))

    def _to_service(self, asked: Question, translation: Translation) -> Probe:
        source = self.stands[asked.source].ends[asked.family]
        targets = tuple(self._target(asked, source, self._at(a), port) for a, port in translation.targets)
        name = translation.service.replace("/", "/service/", 1)
        return self._made(asked, source, (name, translation.address, translation.port), targets)

    def _made(self, asked: Question, source: End, dialed: tuple[str, str, int], targets: tuple[Target, ...]) -> Probe:
        name, address, port = dialed
        sender = address_in(source, asked.family)
        return Probe(
            source.name, sender, name, address, asked.protocol, port, asked.family, targets, hairpin=asked.service
        )

    def _target(self, asked: Question, source: End, destination: End, port: int) -> Target:
        connection = Connection(source, destination, asked.protocol, port, asked.family, asked.service)
        allowed = self.judge.verdict(connection, evidence=False).allowed
        address = address_in(destination, asked.family)
        return Target(self._seat_at(address, source), address, port, allowed)

    def _seat_at(self, address: str, source: End) -> str:
        """Who is met at an address; the cache is on everybody's own node."""
        if address == self._plan.dns_cache:
            return self._by_node[source.node or ""]
        found = self._by_address.get(address)
        return found.name if found else ""

    def connection(self, probe: Probe, target: Target) -> Connection:
        """What the engine is asked of a target, for whoever explains its verdict."""
        source, destination = self._at(probe.sender), self._at(target.address)
        return Connection(source, destination, probe.protocol, target.port, probe.family, probe.hairpin)

    def _at(self, address: str) -> End:
        """Who has an address: of those on a node's network, the one that stands for all of them."""
        return self._by_address.get(canonical(address)) or End(address, external(address))

    @cached_property
    def _by_address(self) -> dict[str, End]:
        stands = [(canonical(a), stand) for stand in reversed(self.stands) for a in stand.seat.endpoint.addresses]
        return {
            address: _at_address(stand.seat, self._seated.ends[stand.seat.name], address) for address, stand in stands
        }

    @cached_property
    def _by_node(self) -> dict[str, str]:
        return {stand.seat.node: stand.seat.name for stand in self.stands if stand.seat.endpoint.kind == "Node"}


def _cache(plan: Plan) -> Iterator[Translation]:
    """The DNS cache of every node, asked at its own address: like a Service with nobody but itself behind it."""
    for protocol in ("TCP", "UDP") if plan.dns_cache else ():
        yield Translation(_CACHE, plan.dns_cache, protocol, _DNS, ((plan.dns_cache, _DNS),))


def _at_address(seat: Seat, end: End, address: str) -> End:
    """An end as it is met at one of its addresses: those of a node, but not of a pod, may be different to rules."""
    if seat.kind is SeatKind.POD:
        return end
    return msgspec.structs.replace(end, member=msgspec.structs.replace(end.member, addresses=(address,)))


def _by_family(seat: Seat, end: End) -> dict[int, End]:
    """An end for each family that it has, at its first address."""
    first = _first_of_each(end.member.addresses)
    return {family: _at_address(seat, end, address) for family, address in first.items()}


def _first_of_each(addresses: Iterable[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for address in addresses:
        found.setdefault(family_of(address), address)
    return found


def address_in(end: End, family: int) -> str:
    """The address of an end in a family that it has, as packets spell it."""
    return canonical(next(address for address in end.member.addresses if family_of(address) == family))


def distinct(seats: Sequence[Seat]) -> Iterator[Seat]:
    """The seats that probes tell apart: of those at one address of a node, the node's own, else the first."""
    held: dict[tuple[str, ...], Seat] = {}
    for seat in seats:
        if _key(seat) not in held or seat.endpoint.kind == "Node":
            held[_key(seat)] = seat
    chosen = {seat.name for seat in held.values()}
    return (seat for seat in seats if seat.name in chosen)


def _key(seat: Seat) -> tuple[str, ...]:
    """What seats have in common that are one to a probe."""
    if seat.kind is SeatKind.HOST:
        return "node", seat.node, *_first_of_each(seat.endpoint.addresses).values()
    return "seat", seat.name
