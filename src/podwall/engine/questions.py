"""Questions → connections: every pair of ends that a question is about, with the destination's own port (D7, D20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from podwall.api.core import ServicePort
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Cluster
from podwall.cluster.services import port_of, selects, slice_addresses, target_numbers
from podwall.engine.references import References, ServiceRef, group_end, with_addresses
from podwall.engine.sets import PROTOCOLS
from podwall.engine.verdict import Connection, End
from podwall.errors import UnknownReference

__all__ = ["Asked", "Question", "Questions", "split_port", "split_protocol"]

_Way = tuple[End, int]


class Question(Struct, frozen=True):
    """What is asked, as written: references, a port's number or name, and a family where it matters."""

    src: str
    dst: str
    port: int | str
    protocol: str = "TCP"
    family: int | None = None


class Asked(Struct, frozen=True):
    """The connections that a question is about; `backends` names those behind a Service, None without one."""

    connections: tuple[Connection, ...]
    backends: tuple[str, ...] | None


def split_port(reference: str) -> tuple[str, str | None]:
    """`name:port` and `[v6]:port` → the two parts; the port is None where there is none."""
    if reference.startswith("["):
        address, closed, port = reference[1:].partition("]")
        return (address, port[1:] or None) if closed else (reference, None)
    name, _, port = reference.partition(":")
    return (reference, None) if ":" in port else (name, port or None)


def split_protocol(port: str) -> tuple[str, str | None]:
    """`53/udp` and `udp/53` → port and protocol; the protocol is None where none is said. Raises UnknownReference."""
    if "/" not in port:
        return port, None
    first, _, second = port.partition("/")
    for number, protocol in ((first, second.upper()), (second, first.upper())):
        if protocol in PROTOCOLS and number:
            return number, protocol
    raise UnknownReference(f"port {port!r}: write 53, 53/udp or udp/53; the protocols are {', '.join(PROTOCOLS)}")


class Questions:
    """Reads questions about one cluster."""

    def __init__(self, cluster: Cluster, references: References) -> None:
        self._cluster = cluster
        self._references = references

    def connections(self, asked: Question) -> Asked:
        """Every connection that must be allowed for the answer to be allow. Raises UnknownReference."""
        if asked.protocol not in PROTOCOLS:
            raise UnknownReference(f"protocol {asked.protocol!r} is not one of {', '.join(PROTOCOLS)}")
        source, destination = self._references.target(asked.src), self._references.target(asked.dst)
        sources = source if isinstance(source, tuple) else self.all_behind(source)
        if any(end.member.kind == "Domain" for end in sources):
            raise UnknownReference(f"{asked.src} is a domain name, which policies know of destinations only (C12)")
        behind = not isinstance(destination, tuple)
        if isinstance(destination, tuple):
            ways = _at_port(destination, asked)
        else:
            ways = self.backends(destination, asked.protocol, asked.port)
        family = _family(asked, sources, ways)
        made = [
            Connection(s, d, asked.protocol, port, family, behind)
            for d, port in ways
            if family in d.families
            for s in sources
            if family in s.families
        ]
        return Asked(tuple(made), tuple(sorted({c.destination.name for c in made})) if behind else None)

    def ends(self, reference: str) -> tuple[End, ...]:
        """Everyone that a reference stands for, whatever the port. Raises UnknownReference."""
        target = self._references.target(reference)
        return self.all_behind(target) if isinstance(target, ServiceRef) else target

    def service_ports(self, reference: str) -> tuple[tuple[str, int], ...] | None:
        """Protocol and number of each port of a Service; None for what is no Service. Raises UnknownReference."""
        target = self._references.target(reference)
        if not isinstance(target, ServiceRef):
            return None
        spec = target.service.spec
        return tuple((port.protocol or "TCP", port.port) for port in (spec.ports if spec else None) or ())

    def all_behind(self, ref: ServiceRef) -> tuple[End, ...]:
        """Everyone behind a Service, whatever the port. Raises UnknownReference."""
        if _selector(ref):
            groups = self._references.groups_in(ref.namespace)
            found = [
                self._references.pod_end(member) for g in groups for member in g.members if selects(ref.service, member)
            ]
        else:
            addresses = slice_addresses(self._cluster.namespaces[ref.namespace], ref.service, None)
            found = [end for a in addresses for end in self._end_of(a.address)]
        if not found:
            raise UnknownReference(f"Service {ref.name} has no endpoints in the input")
        ends: dict[str, End] = {}
        for end in found:  # one pod may be listed once for each of its addresses
            known = ends[end.name].member.addresses if end.name in ends else ()
            ends[end.name] = with_addresses(end, list(dict.fromkeys((*known, *end.member.addresses))))
        return tuple(_narrowed(ends[name], ref) for name in sorted(ends))

    def backends(self, ref: ServiceRef, protocol: str, port: int | str) -> list[tuple[End, int]]:
        """Everyone behind a port of a Service, each with its own port (D7). Raises UnknownReference."""
        ways = self._ways(ref, port_of(ref.service, ref.name, protocol, _port(port)))
        if not ways:
            raise UnknownReference(f"Service {ref.name} has no endpoints for port {port} in the input")
        return ways

    def _ways(self, ref: ServiceRef, port: ServicePort) -> list[_Way]:
        if _selector(ref):
            ways = list(self._selected(ref, port))
        else:
            addresses = slice_addresses(self._cluster.namespaces[ref.namespace], ref.service, port)
            ways = [(end, a.port or port.port) for a in addresses for end in self._end_of(a.address)]
        return [(_narrowed(end, ref), number) for end, number in ways]

    def _end_of(self, address: str) -> tuple[End, ...]:
        target = self._references.address(address, services=False)
        return () if isinstance(target, ServiceRef) else target

    def _selected(self, ref: ServiceRef, port: ServicePort) -> Iterator[_Way]:
        """The selected pods by the name of their group where all of it is selected, else by their own."""
        for group in self._references.groups_in(ref.namespace):
            by_number: dict[int, list[Endpoint]] = {}
            for member in group.members:
                if selects(ref.service, member):
                    for number in target_numbers(port, member):
                        by_number.setdefault(number, []).append(member)
            for number, members in sorted(by_number.items()):
                if len(members) == len(group.members):
                    yield group_end(group), number
                else:
                    yield from ((self._references.pod_end(member), number) for member in members)


def _selector(ref: ServiceRef) -> bool:
    return ref.service.spec is not None and bool(ref.service.spec.selector)


def _narrowed(end: End, ref: ServiceRef) -> End:
    """A Service that is asked for by an address is asked for in that address's family."""
    return end if ref.family is None else with_addresses(end, [a for a in end.member.addresses if _is(a, ref.family)])


def _port(port: int | str) -> int | str:
    return int(port) if isinstance(port, str) and port.isdigit() else port


def _at_port(ends: tuple[End, ...], asked: Question) -> list[_Way]:
    """The ends with the numbers that are meant."""
    port = asked.port if isinstance(asked.port, int) else _port(asked.port)
    if isinstance(port, str):
        return [way for end in ends for way in _at_name(end, port, asked.protocol)]
    if not 1 <= port <= 65535:
        raise UnknownReference(f"port {port} is not between 1 and 65535")
    return [(end, port) for end in ends]


def _at_name(end: End, port: str, protocol: str) -> Iterator[_Way]:
    """The end with the number of a port's name, which may be another one on each replica (N13)."""
    by_number: dict[int, Endpoint] = {}
    for member in end.members or (end.member,):
        numbers = sorted({p.number for p in member.ports if (p.name, p.protocol) == (port, protocol)})
        if len(numbers) != 1:
            found = " and ".join(map(str, numbers)) or "nothing"
            raise UnknownReference(f"port {port!r} ({protocol}) of {end.name} stands for {found}: give its number")
        by_number.setdefault(numbers[0], member)
    for number, member in sorted(by_number.items()):
        yield msgspec.structs.replace(end, member=member), number


def _family(asked: Question, sources: Sequence[End], ways: Sequence[_Way]) -> int:
    """The family that is asked for, else the first that both sides have, IPv4 first (D20)."""
    if len(sources) == len(ways) == 1:  # nearly all questions
        common = sources[0].families & ways[0][0].families
    else:
        common = _families(sources) & _families(end for end, _ in ways)
    if asked.family is None and common:
        return min(common)
    if asked.family in common:
        return asked.family
    wanted = f"IPv{asked.family} address" if asked.family else "address family"
    raise UnknownReference(f"{asked.src} and {asked.dst} have no {wanted} in common")


def _families(ends: Iterable[End]) -> frozenset[int]:
    return frozenset[int]().union(*(end.families for end in ends))


def _is(address: str, family: int) -> bool:
    return (":" in address) == (family == 6)
