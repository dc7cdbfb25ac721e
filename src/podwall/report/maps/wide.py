"""The map for grep and awk: one connection a line, columns that blanks part and that hold none, whatever the width."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET, UnsetType

from podwall.report.maps.answer import Answer
from podwall.report.maps.words import permit_name, port_token
from podwall.report.public import Connection, Permit

__all__ = ["write"]

_EXTERNAL = "External"
_PORTS = 24  # characters that most lists of ports need


def write(answer: Answer) -> Iterator[str]:
    """A head and the connections, each as it is found; columns are as wide as the names of all ends."""
    kinds = {endpoint.name: endpoint.kind for endpoint in answer.head.endpoints}
    ends = [*kinds, *(external.name for external in answer.head.external), "SRC"]
    widths = max(map(len, ends)), max(map(len, (*kinds.values(), _EXTERNAL)))
    first = next(answer.connections, None)
    reasons = ("EGRESS-BY", "INGRESS-BY") if first and first.egressBy is not UNSET else ()
    yield _line(widths, ("SRC", "SRC-KIND", "DST", "DST-KIND", "PORTS"), reasons)
    if first:
        yield _row(widths, kinds, first)
    for connection in answer.connections:
        yield _row(widths, kinds, connection)


def _row(widths: tuple[int, int], kinds: dict[str, str], found: Connection) -> str:
    ends = (x for name in (found.src, found.dst) for x in (name, kinds.get(name, _EXTERNAL)))
    reasons = [_by(by) for by in (found.egressBy, found.ingressBy) if by is not UNSET]
    return _line(widths, (*ends, ",".join(map(port_token, found.ports))), reasons)


def _line(widths: tuple[int, int], columns: tuple[str, ...], reasons: tuple[str, ...] | list[str]) -> str:
    src, src_kind, dst, dst_kind, ports = columns
    name, kind = widths
    line = f"{src:<{name}}  {src_kind:<{kind}}  {dst:<{name}}  {dst_kind:<{kind}}  {ports:<{_PORTS}}"
    return "  ".join((line, *reasons)).rstrip() + "\n"


def _by(by: list[Permit] | str | UnsetType) -> str:
    """`ns/name[0]@file:line(owner)`; a blank in a name is `_`, so that columns can be counted."""
    if not isinstance(by, list):
        return str(by).replace(" ", "-")
    return "_".join(",".join(map(_permit, by)).split())


def _permit(permit: Permit) -> str:
    place = f"@{permit.file}{f':{permit.line}' if permit.line else ''}" if permit.file else ""
    owner = f"({permit.owner})" if permit.owner else ""
    return f"{permit_name(permit).replace(' ', '/')}{place}{owner}"
