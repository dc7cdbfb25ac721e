"""Plain text for a terminal of 80 columns: what a person reads first."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

from msgspec import UNSET

from podwall.report.external import Label, labels
from podwall.report.public import Connection, Map, Port, Ref, Summary

__all__ = ["map_text", "summary_text"]

_WIDTH = 80
_PORTS_AT = 44  # where the last column begins, unless a name is longer
_ANYWHERE = "any external address"


def summary_text(summary: Summary) -> str:
    """The counts, one a line."""
    share = f" ({summary.openPairs / summary.pairs:.1%})" if summary.pairs else ""
    rows = (
        ("endpoints", f"{summary.endpoints:,}"),
        ("policies", f"{summary.policies:,}"),
        ("classes", f"{summary.classes:,}"),
        ("pairs", f"{summary.pairs:,}"),
        ("open pairs", f"{summary.openPairs:,}"),
    )
    return "".join(f"{name:<12}{value:>16}\n" for name, value in rows).rstrip("\n") + f"{share}\n"


def map_text(result: Map, only: str | None = None) -> Iterator[str]:
    """Every source with its destinations, those with the same ports together, whole namespaces as `ns/*`.

    `only` is the namespace that the map is about: of others it knows a part.
    """
    names = _Names(result, only)
    yield f"{_head(result, only)}\n"
    by_source: dict[str, list[Connection]] = {}
    for connection in result.connections:
        by_source.setdefault(connection.src, []).append(connection)
    for endpoint in result.endpoints:
        found = by_source.get(endpoint.name, [])
        if found or only in (None, endpoint.namespace):
            yield from _paragraph([names.title(endpoint.name)], list(_rows(found, names)) or ["  nobody"])
    for cells, rows in _alike(result, by_source, names):
        yield from _paragraph(_wrapped("from ", names.cells(cells)), rows)
    yield from _legend(names)
    yield from _policies(result.connections)


def _head(result: Map, only: str | None) -> str:
    endpoints = sum(only in (None, e.namespace) for e in result.endpoints)
    pairs = _counted(len(result.connections), "connection")
    place, them = ("", "") if only is None else (f" in {only}", " from or to them")
    return f"{_counted(endpoints, 'endpoint')}{place}, {pairs}{them}, profile {result.profile}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _paragraph(head: Iterable[str], lines: Iterable[str]) -> Iterator[str]:
    yield "\n"
    yield from (f"{line}\n" for line in head)
    yield from (f"{line}\n" for line in lines)


def _alike(
    result: Map, by_source: dict[str, list[Connection]], names: _Names
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """External sources that reach the same, together; those that reach nobody are left out."""
    together: dict[tuple[str, ...], list[str]] = {}
    for cell in result.external:
        found = by_source.get(cell.name)
        if found:
            together.setdefault(tuple(_rows(found, names)), []).append(cell.name)
    for rows, cells in together.items():
        yield tuple(cells), list(rows)


class _Names:
    """How ends are named on the map, and which of them make a whole namespace."""

    def __init__(self, result: Map, only: str | None) -> None:
        self._isolated = {e.name: e.isolated for e in result.endpoints}
        self._labels = labels(result.external)
        self._cells = {x.name: 1 + at for at, x in enumerate(result.external)}  # ranks: behind all endpoints
        self._domains = {x.name for x in result.external if x.domains}
        self.namespace_of = {e.name: e.namespace for e in result.endpoints}
        self.used: set[str] = set()
        self._members: dict[str, int] = {}
        for endpoint in result.endpoints:
            if only in (None, endpoint.namespace):
                self._members[endpoint.namespace] = self._members.get(endpoint.namespace, 0) + 1

    def title(self, name: str) -> str:
        isolated = self._isolated[name]
        sides = [side for side, yes in (("ingress", isolated.ingress), ("egress", isolated.egress)) if yes]
        return f"from {name} ({'isolated: ' + ' + '.join(sides) if sides else 'not isolated'})"

    def cells(self, found: Sequence[str]) -> list[str]:
        """External sets by their labels, all of them as one; domain names, unless all of those are there as well."""
        addresses = [name for name in found if name not in self._domains]
        whole = len(addresses) == len(self._cells) - len(self._domains)
        if whole and len(found) == len(self._cells) > 1:
            return [_ANYWHERE]
        if whole and len(addresses) > 1:
            named = [name for name in found if name in self._domains]
            self.used.update(named)
            return [_ANYWHERE, *named]
        self.used.update(found)
        return [self._labels[name].shown for name in found]

    def folded(self, destinations: Iterable[str], source: str) -> Iterator[tuple[int, str]]:
        """Destinations with their ranks, a namespace that is there as a whole (the source itself apart) as one."""
        inside: dict[str, list[str]] = {}
        outside: list[str] = []
        for name in destinations:
            if name in self.namespace_of:
                inside.setdefault(self.namespace_of[name], []).append(name)
            else:
                outside.append(name)
        for namespace, found in inside.items():
            others = self._members.get(namespace, 0) - (self.namespace_of.get(source) == namespace)
            reached = len(found) - (source in found)
            whole = reached == others > 1
            yield from [(0, f"{namespace}/* ({len(found)})")] if whole else [(0, name) for name in found]
        yield from zip((self._cells[name] for name in outside), self.cells(outside), strict=False)

    @property
    def has_domains(self) -> bool:
        """Whether a domain name is in use."""
        return not self.used.isdisjoint(self._domains)

    def legend(self) -> Iterator[Label]:
        """The labels in use that do not say everything."""
        return (self._labels[name] for name in self._cells if name in self.used and self._labels[name].words)


def _rows(found: list[Connection], names: _Names) -> Iterator[str]:
    together: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for connection in found:
        key = _port_text(connection.ports), _why(connection, names.namespace_of)
        together.setdefault(key, []).append(connection.dst)
    rows = sorted(
        (destination, ports, why)
        for (ports, why), destinations in together.items()
        for destination in names.folded(destinations, found[0].src)
    )
    for (_, destination), ports, why in rows:
        head = f"  {destination}"
        if len(head) + 2 > _PORTS_AT:
            yield head
            head = ""
        yield from _wrapped(head.ljust(_PORTS_AT), ports)
        if why:
            yield from _wrapped("      ", why, " ")


def _port_text(ports: list[Port]) -> tuple[str, ...]:
    """Numbers and ranges, each protocol named once, each family where the families differ."""
    sorts: dict[tuple[str, object], list[str]] = {}
    for port in ports:
        sorts.setdefault((port.protocol, port.family), []).append(_numbers(port))
    whole = [family for (_, family), numbers in sorts.items() if numbers == ["all"]]
    if len(whole) == len(sorts) == 3 and len(set(whole)) == 1:
        return (f"all ports{_family(whole[0])}",)
    out = []
    for (protocol, family), numbers in sorts.items():
        numbers[0] = f"{protocol} {numbers[0]}"
        numbers[-1] += _family(family)
        out += numbers
    return tuple(out)


def _numbers(port: Port) -> str:
    if (port.port, port.endPort) == (1, 65535):
        return "all"
    return str(port.port) if port.endPort == port.port else f"{port.port}-{port.endPort}"


def _family(family: object) -> str:
    return "" if family is UNSET else f" (IPv{family})"


def _wrapped(start: str, parts: Iterable[str], separator: str = ", ") -> Iterator[str]:
    """Parts with separators, continued under the first."""
    current, first = start, True
    for part in parts:
        piece = part if first else f"{separator}{part}"
        if not first and len(current) + len(piece) + 1 > _WIDTH:
            yield f"{current}{separator.rstrip()}"
            current, piece = " " * min(len(start), _PORTS_AT), part
        current += piece
        first = False
    yield current


def _why(connection: Connection, inside: Container[str]) -> tuple[str, ...]:
    """What allows it at each end; policies have nothing to say at an external one."""
    sides: list[list[str]] = []
    if connection.egressBy is not UNSET and connection.src in inside:
        sides.append(_side("egress", connection.egressBy))
    if connection.ingressBy is not UNSET and connection.dst in inside:
        sides.append(_side("ingress", connection.ingressBy))
    if len(sides) == 2:
        sides[0][-1] += ";"
    return tuple(part for side in sides for part in side)


def _side(direction: str, by: list[Ref] | str) -> list[str]:
    if isinstance(by, str):
        return [f"{direction} {by}"]
    head, *others = (_name(ref) for ref in by)
    listed = [f"{direction} by {head}", *others]
    return [*(f"{name}," for name in listed[:-1]), listed[-1]]


def _name(ref: Ref) -> str:
    return f"{ref.namespace}/{ref.name}"


def _legend(names: _Names) -> Iterator[str]:
    found = list(names.legend())
    if found:
        yield "\nExternal addresses stand together where no rule can tell them apart:\n"
    for label in found:
        yield f"  {label.shown}\n"
        yield from (f"{line}\n" for line in _wrapped("      ", label.words, " "))
    if names.has_domains:
        yield "\nDomain names are ends of their own where no address is known of them.\n"


def _policies(connections: Iterable[Connection]) -> Iterator[str]:
    """Where the policies stand that were named, and whose they are."""
    found: set[Ref] = set()
    seen: set[int] = set()
    for connection in connections:
        for by in (connection.egressBy, connection.ingressBy):
            if isinstance(by, list) and id(by) not in seen:  # most connections share their lists
                seen.add(id(by))
                found.update(by)
    if found:
        yield "\nPolicies:\n"
    width = max((len(_name(ref)) for ref in found), default=0)
    for ref in sorted(found, key=lambda ref: (ref.namespace, ref.name)):
        yield f"  {_name(ref):<{min(width, 38)}}  {_place(ref)}".rstrip() + "\n"


def _place(ref: Ref) -> str:
    file = ref.file or ""
    place = f"{file}:{ref.line}" if ref.line else file
    if ref.owner is None or ref.owner == file.rpartition("/")[0]:  # its folder stands there already
        return place
    return f"{place} ({ref.owner})"
