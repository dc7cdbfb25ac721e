"""The ends of an assertion on the atoms of a world: units that are judged as one, in sets with the same atoms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.engine.index import key_of
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, AddrSet, PortSet
from podwall.expect.ends import Found, Pick
from podwall.expect.world import World

__all__ = ["Part", "Side", "Unit", "alone", "is_pair", "side"]


class Unit(Struct, frozen=True):
    """Pods of one workload that no rule tells apart, or external addresses of one family that none does.

    `numbers` are the endpoints', in order. `many` is as in End. `node` is the name of a node.
    """

    name: str
    atom: int
    numbers: tuple[int, ...]
    many: bool = False
    addresses: AddrSet = NO_ADDRESSES
    node: str | None = None


class Part:
    """Units with the same families and the same ports, by atom."""

    def __init__(
        self, families: frozenset[int], ports: PortSet, units: Iterable[Unit], *, is_outside: bool = False
    ) -> None:
        self.families = families
        self.is_outside = is_outside
        self.ports = ports
        self.units = sorted(units, key=lambda unit: (unit.name, unit.addresses.spans, unit.numbers))
        self.by_atom: dict[int, list[Unit]] = {}
        self.by_name: dict[str, list[Unit]] = {}
        self.mask = 0
        for unit in self.units:
            self.by_atom.setdefault(unit.atom, []).append(unit)
            self.by_name.setdefault(unit.name, []).append(unit)
            self.mask |= 1 << unit.atom


class Side(Struct, frozen=True):
    """One end of an assertion. `members` are its endpoints as bits, by family; `addresses` those of nobody here."""

    parts: tuple[Part, ...]
    members: dict[int, int]
    addresses: AddrSet
    direct: bool
    service: bool

    @property
    def single(self) -> bool:
        """Whether it is one endpoint, or one address."""
        units = [unit for part in self.parts for unit in part.units]
        return len({number for unit in units for number in unit.numbers or (-1,)}) == 1


def side(world: World, found: Found, *, as_source: bool) -> Side:
    """An end as units. Host-network pods stand for themselves as sources, since each has a node of its own (D4)."""
    held: dict[tuple[frozenset[int], PortSet], dict[tuple[str, int], list[tuple[int, bool]]]] = {}
    members: dict[int, int] = {}
    for pick, number in _numbered(world, found.picks):
        for family in pick.families:
            members[family] = members.get(family, 0) | 1 << number
        alone = number if as_source and world.is_host(number) else -1
        ports = ALL_PORTS if as_source else pick.ports
        units = held.setdefault((pick.families, ports), {})
        units.setdefault((world.name(number), alone), []).append((number, pick.many))
    parts = [
        Part(*key, (_unit(world, name, alone, u) for (name, alone), u in units.items())) for key, units in held.items()
    ]
    parts += _outside(world, found, as_source=as_source)
    addresses = NO_ADDRESSES
    for outside in found.outside:
        addresses |= outside.addresses
    ordered = sorted(parts, key=lambda part: (sorted(part.families), part.ports.spans))
    return Side(tuple(ordered), members, addresses, found.direct, found.service)


def _numbered(world: World, picks: Iterable[Pick]) -> Iterator[tuple[Pick, int]]:
    """Each endpoint once; where it is meant twice, with all the families and ports of both."""
    held: dict[int, Pick] = {}
    for pick in picks:
        if pick.ports:
            number = world.numbers[key_of(pick.endpoint)]
            known = held.get(number)
            if known is None:
                held[number] = pick
            else:
                families, ports = known.families | pick.families, known.ports | pick.ports
                held[number] = Pick(pick.endpoint, families, ports, known.many or pick.many)
    return ((pick, number) for number, pick in held.items())


def _unit(world: World, name: str, alone: int, members: list[tuple[int, bool]]) -> Unit:
    numbers = tuple(sorted(number for number, _ in members))
    first = world.endpoints[numbers[0]]
    if alone >= 0 and first.kind == "Pod":
        name = f"{first.namespace}/{first.name}"
    node = first.node if first.kind == "Node" else None
    return Unit(name, world.atom(numbers[0]), numbers, any(many for _, many in members), node=node)


def _outside(world: World, found: Found, *, as_source: bool) -> Iterator[Part]:
    """External addresses, cut by cells and by families: an IPv4 address has no verdict in IPv6."""
    held: dict[tuple[int, PortSet], dict[int, AddrSet]] = {}
    for outside in found.outside:
        ports = ALL_PORTS if as_source else outside.ports
        for atom, cell in world.cells if ports else ():
            both = cell & outside.addresses
            for family in (4, 6):
                part = both.family(family)
                if part:
                    known = held.setdefault((family, ports), {})
                    known[atom] = known.get(atom, NO_ADDRESSES) | part
    for (family, ports), cells in held.items():
        units = (Unit(_name(part), atom, (), addresses=part) for atom, part in cells.items())
        yield Part(frozenset((family,)), ports, units, is_outside=True)


def _name(addresses: AddrSet) -> str:
    """The first CIDR."""
    return AddrSet(addresses.spans[:1]).cidrs()[0]


def alone(source: Side, destination: Side) -> bool:
    """Whether both ends are one thing each, by name: only then a pod and itself are a pair."""
    return source.direct and destination.direct and source.single and destination.single


def is_pair(source: Unit, destination: Unit) -> bool:
    """Whether two units are two ends: a pod and itself are not, two replicas of one workload are (D5)."""
    if source.node is not None and source.node == destination.node:
        return False
    if not source.numbers or source.numbers != destination.numbers:
        return True
    return len(source.numbers) > 1 or source.many or destination.many
