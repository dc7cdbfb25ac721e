"""--from, --to, --about, --port and -n → what a map is cut to: references as ends of the map, ports as sets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from msgspec import Struct

from podwall.cluster.endpoints import Controller
from podwall.engine.connections import externals_of
from podwall.engine.focus import Focus
from podwall.engine.grouping import Group
from podwall.engine.index import key_of
from podwall.engine.questions import split_protocol
from podwall.engine.sets import NO_PORTS, AddrSet, PortSet
from podwall.engine.verdict import End
from podwall.errors import UnknownReference
from podwall.ops.inputs import Opened

__all__ = ["ALL", "Wanted", "focus_of"]

INTERNET = "internet"


class Wanted(Struct, frozen=True):
    """What a map is asked for: references and ports as they are typed."""

    sources: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing is asked for."""
        return not (self.sources or self.destinations or self.about or self.ports)


ALL = Wanted()


def focus_of(opened: Opened, wanted: Wanted) -> Focus:
    """The focus, with -n in it. Raises UnknownReference for what the input does not have."""
    ends = _Ends(opened)
    sources, destinations, about = (
        ends.named(flag, references) if references else None
        for flag, references in (
            ("--from", wanted.sources),
            ("--to", wanted.destinations),
            ("--about", wanted.about),
        )
    )
    inside = None if opened.only is None else ends.inside(opened.only)
    ports, names = _ports(opened, wanted.ports)
    touching = tuple(names for names in (inside, about) if names is not None)
    return Focus(sources, destinations, touching, ports, names)


class _Ends:
    """The ends of one map, by all that they are called."""

    def __init__(self, opened: Opened) -> None:
        self._model = opened.model
        self._groups = opened.model.groups(opened.model.reach)
        self._cells = externals_of(opened.model.reach)
        self._of = {key_of(member): group for group in self._groups for member in group.members}

    def inside(self, namespace: str) -> frozenset[str]:
        """The groups of a namespace."""
        return frozenset(group.name for group in self._groups if group.namespace == namespace)

    def named(self, flag: str, references: Iterable[str]) -> frozenset[str]:
        """Everyone that is named by one of the references."""
        found: set[str] = set()
        for reference in references:
            try:
                found.update(self._one(reference))
            except UnknownReference as error:
                raise UnknownReference(f"{flag}: {error}") from None
        return frozenset(found)

    def _one(self, reference: str) -> Iterable[str]:
        if reference == INTERNET:
            return [cell.name for cell in self._cells]
        if reference.endswith("/*"):
            return self._namespace(reference.removesuffix("/*"))
        block = _block(reference)
        if block is not None:
            return [cell.name for cell in self._cells if cell.addresses & block]
        return [name for end in self._model.questions.ends(reference) for name in self._names(end)]

    def _namespace(self, name: str) -> Iterable[str]:
        known = self._model.cluster.namespaces
        if name not in known:
            raise UnknownReference(f"there is no namespace {name!r} in the input{_meant(name, known)}")
        return self.inside(name)

    def _names(self, end: End) -> Iterator[str]:
        member = end.member
        if member.kind == "Node":
            raise UnknownReference(f"{end.name} is a node, and a map has none: ask podwall explain {end.name} DST")
        if member.kind == "External":
            yield from (cell.name for cell in self._cells if member.addresses[0] in cell.addresses)
            return
        own = self._of[key_of(member)]
        yield own.name
        if end.members and member.controller is not None:  # a workload by its name, and some replicas differ
            yield from (g.name for g in self._groups if _controller(g) == (member.namespace, member.controller))


def _controller(group: Group) -> tuple[str, Controller | None]:
    return group.namespace, group.members[0].controller


def _block(reference: str) -> AddrSet | None:
    """The addresses of a CIDR; None for what is none. Raises UnknownReference for what would be one."""
    address, slash, _ = reference.partition("/")
    if not slash or not _is_address(address):
        return None
    try:
        return AddrSet.of(str(ipaddress.ip_network(reference)))
    except ValueError as error:
        raise UnknownReference(str(error)) from None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ports(opened: Opened, texts: Sequence[str]) -> tuple[PortSet, tuple[tuple[str, str], ...]]:
    """Numbers and ranges as a set, and names with their protocols."""
    found, names = NO_PORTS, []
    for text in texts:
        port, protocol = split_protocol(text)
        first, dash, last = port.partition("-")
        if first.isdigit() and (last.isdigit() or not dash):
            numbers = int(first), int(last or first)
            if not 1 <= numbers[0] <= numbers[1] <= 65535:
                raise UnknownReference(f"--port {text}: not a port or range between 1 and 65535")
            found |= PortSet.of(protocol or "TCP", *numbers)
        else:
            names.append(_name(opened, port, protocol or ""))
    return found, tuple(names)


def _name(opened: Opened, name: str, protocol: str) -> tuple[str, str]:
    ports = {port for endpoint in opened.model.endpoints for port in endpoint.ports}
    if not any(port.name == name and protocol in (port.protocol, "") for port in ports):
        what = f"{protocol} port" if protocol else "port"
        raise UnknownReference(
            f"--port: no endpoint has a {what} named {name!r}{_meant(name, {p.name for p in ports})}"
        )
    return name, protocol


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(known), n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""
