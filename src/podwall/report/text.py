"""Plain text for a terminal of 80 columns: what a person reads first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import UNSET

from podwall.report.public import Connection, Map, Port, Ref, Summary

__all__ = ["map_text", "summary_text"]

_WIDTH = 80
_PORTS_AT = 44  # where the last column begins, unless a name is longer


def summary_text(summary: Summary) -> str:
    """The counts, one a line."""
    share = f" ({summary.openPairs / summary.pairs:.1%})" if summary.pairs else ""
    rows = (
        ("endpoints", f"{summary.endpoints:,}"),
        ("policies", f"{summary.policies:,}"),
        ("classes", f"{summary.classes:,}"),
        ("pairs", f"{summary.pairs:,}"),
        ("open pairs", f"{summary.openPairs:,}{share}"),
    )
    return "".join(f"{name:<12}{value:>16}\n" for name, value in rows)


def map_text(result: Map) -> str:
    """Every source with its destinations; those with the same ports together, whole namespaces as `ns/*`."""
    out = [_head(result), ""]
    by_source: dict[str, list[Connection]] = {}
    for connection in result.connections:
        by_source.setdefault(connection.src, []).append(connection)
    names = _Names(result)
    for name in [*(e.name for e in result.endpoints), *(x.name for x in result.external)]:
        found = by_source.get(name)
        out.append(names.title(name))
        out += _rows(found, names) if found else ["  nobody"]
        out.append("")
    out += _legend(result)
    return "\n".join(out).rstrip() + "\n"


def _head(result: Map) -> str:
    endpoints, pairs = len(result.endpoints), len(result.connections)
    return f"{_counted(endpoints, 'endpoint')}, {_counted(pairs, 'open pair')}, profile {result.profile}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _legend(result: Map) -> Iterator[str]:
    wide = [x for x in result.external if len(x.cidrs) > 1]
    if wide:
        yield "External addresses, cut where a rule can tell them apart:"
        for cell in wide:
            yield from _wrapped(f"  {cell.name} … = ", cell.cidrs)
        yield ""


class _Names:
    """How endpoints are named on the map, and which of them make a whole namespace."""

    def __init__(self, result: Map) -> None:
        self._isolated = {e.name: e.isolated for e in result.endpoints}
        self._pods = {e.name: e.pods for e in result.endpoints}
        self._wide = {x.name for x in result.external if len(x.cidrs) > 1}
        self.external = {x.name for x in result.external}
        self.namespaces: dict[str, set[str]] = {}
        for endpoint in result.endpoints:
            self.namespaces.setdefault(endpoint.namespace, set()).add(endpoint.name)

    def title(self, name: str) -> str:
        if name in self.external:
            return f"from {self.shown(name)} (external)"
        isolated = self._isolated[name]
        sides = [side for side, yes in (("ingress", isolated.ingress), ("egress", isolated.egress)) if yes]
        return f"from {name} ({'isolated: ' + ' + '.join(sides) if sides else 'not isolated'})"

    def shown(self, name: str) -> str:
        return f"{name} …" if name in self._wide else name

    def order(self, shown: str) -> tuple[bool, str]:
        return shown.removesuffix(" …") in self.external, shown


def _rows(found: list[Connection], names: _Names) -> Iterator[str]:
    by_ports: dict[tuple[tuple[Port, ...], str], list[str]] = {}
    for connection in found:
        by_ports.setdefault((tuple(connection.ports), _why(connection)), []).append(connection.dst)
    rows = [
        (destination, ports, why)
        for (ports, why), destinations in by_ports.items()
        for destination in _folded(destinations, found[0].src, names)
    ]
    for destination, ports, why in sorted(rows, key=lambda row: (names.order(row[0]), row[1])):
        head = f"  {destination}"
        if len(head) + 2 > _PORTS_AT:
            yield head
            head = ""
        yield from _wrapped(head.ljust(_PORTS_AT), _port_text(ports))
        yield from (f"      {line}" for line in why.splitlines())


def _folded(destinations: list[str], source: str, names: _Names) -> list[str]:
    """The destinations in order, a namespace that is there as a whole (the source itself apart) as one."""
    given = set(destinations)
    out: list[str] = []
    for namespace, members in sorted(names.namespaces.items()):
        others = members - {source}
        if len(others) > 1 and others <= given:
            out.append(f"{namespace}/* ({len(members & given)})")
            given -= members
    return [*out, *(names.shown(name) for name in given)]


def _port_text(ports: Iterable[Port]) -> list[str]:
    listed = list(ports)
    plain = {(p.protocol, p.port, p.endPort) for p in listed if p.family is UNSET}
    if len(listed) == len(plain) == 3 and all((first, last) == (1, 65535) for _, first, last in plain):
        return ["all ports"]
    return [_one_port(p) for p in listed]


def _one_port(port: Port) -> str:
    numbers = "all" if (port.port, port.endPort) == (1, 65535) else str(port.port)
    if port.endPort != port.port and numbers != "all":
        numbers += f"-{port.endPort}"
    return f"{port.protocol} {numbers}" + (f" (IPv{port.family})" if port.family is not UNSET else "")


def _wrapped(start: str, parts: Iterable[str]) -> Iterator[str]:
    """Comma-separated parts, continued under the first."""
    current, first = start, True
    for part in parts:
        piece = part if first else f", {part}"
        if not first and len(current) + len(piece) > _WIDTH - 1:
            yield f"{current},"
            current, piece = " " * min(len(start), _PORTS_AT), part
        current += piece
        first = False
    yield current


def _why(connection: Connection) -> str:
    if connection.egressBy is UNSET:
        return ""
    return f"egress by {_refs(connection.egressBy)}\ningress by {_refs(connection.ingressBy)}"


def _refs(refs: object) -> str:
    if isinstance(refs, list):
        return ", ".join(_ref(r) for r in refs if isinstance(r, Ref))
    return str(refs)


def _ref(ref: Ref) -> str:
    place = f" ({ref.file}:{ref.line})" if ref.file and ref.line else ""
    return f"{ref.namespace}/{ref.name}{place}"
