"""Questions → connections: every pair of ends that a question is about, with the destination's own port (D7, D20)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from podwall.api.core import ServicePort
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Cluster
from podwall.cluster.services import port_of, selects, slice_addresses, target_numbers
from podwall.engine.references import References, ServiceRef, group_end, pod_end
from podwall.engine.sets import PROTOCOLS
from podwall.engine.verdict import Connection, End
from podwall.errors import UnknownReference

__all__ = ["Asked", "Question", "Questions", "split_port"]

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
    if reference.count(":") == 1:
        name, _, port = reference.partition(":")
        return name, port or None
    return reference, None


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
        sources = self._behind_any(source) if isinstance(source, ServiceRef) else source
        behind = isinstance(destination, ServiceRef)
        if isinstance(destination, ServiceRef):
            ways = self._behind(destination, asked)
        else:
            ways = [(end, _number(end, asked)) for end in destination]
        made = tuple(
            Connection(s, d, asked.protocol, port, _family(s, d, asked.family), hairpin=behind)
            for s in sources
            for d, port in ways
        )
        return Asked(made, tuple(sorted({end.name for end, _ in ways})) if behind else None)

    def _behind_any(self, ref: ServiceRef) -> tuple[End, ...]:
        """Everyone behind a Service, whatever the port."""
        ports = (ref.service.spec.ports if ref.service.spec else None) or []
        found = {end.name: end for port in ports for end, _ in self._ways(ref, port)}
        if not found:
            raise UnknownReference(f"Service {ref.name} has no endpoints in the input")
        return tuple(found[name] for name in sorted(found))

    def _behind(self, ref: ServiceRef, asked: Question) -> list[_Way]:
        ways = self._ways(ref, port_of(ref.service, ref.name, asked.protocol, _port(asked.port)))
        if not ways:
            raise UnknownReference(f"Service {ref.name} has no endpoints for port {asked.port} in the input")
        return ways

    def _ways(self, ref: ServiceRef, port: ServicePort) -> list[_Way]:
        if ref.service.spec is not None and ref.service.spec.selector:
            return list(self._selected(ref, port))
        bucket = self._cluster.namespaces[ref.namespace]
        ways: list[_Way] = []
        for found in slice_addresses(bucket, ref.service, port):
            target = self._references.address(found.address, services=False)
            if not isinstance(target, ServiceRef):
                ways += ((end, found.port or port.port) for end in target)
        return ways

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
                    yield from ((pod_end(member), number) for member in members)


def _port(port: int | str) -> int | str:
    return int(port) if isinstance(port, str) and port.isdigit() else port


def _number(end: End, asked: Question) -> int:
    port = _port(asked.port)
    if isinstance(port, str):
        numbers = sorted({p.number for p in end.member.ports if (p.name, p.protocol) == (port, asked.protocol)})
        if len(numbers) != 1:
            found = " and ".join(map(str, numbers)) or "nothing"
            raise UnknownReference(f"port {port!r} ({asked.protocol}) of {end.name} stands for {found}: give its number")
        return numbers[0]
    if not 1 <= port <= 65535:
        raise UnknownReference(f"port {port} is not between 1 and 65535")
    return port


def _family(source: End, destination: End, wanted: int | None) -> int:
    """The family that is asked for, else the first that both ends have, IPv4 first (D20)."""
    both = [f for f in (4, 6) if _has(source, f) and _has(destination, f)]
    if wanted is None and both:
        return both[0]
    if wanted in both:
        return wanted
    family = f"IPv{wanted} address" if wanted else "address family"
    raise UnknownReference(f"{source.name} and {destination.name} have no {family} in common")


def _has(end: End, family: int) -> bool:
    return any((":" in address) == (family == 6) for address in end.member.addresses)
