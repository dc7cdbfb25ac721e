"""A matrix: sources are rows, destinations are columns, a square is what is open from one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import cos, radians, sin

from msgspec import Struct

from podwall.report.maps import svg_draw as draw
from podwall.report.maps.answer import Answer
from podwall.report.maps.external import Label, labels
from podwall.report.maps.overview import MOST_ENDPOINTS, OUTSIDE, Between, is_large, overview
from podwall.report.maps.words import port_token, port_words, ports_line
from podwall.report.public import Connection, Port
from podwall.report.wording import counted

__all__ = ["matrix"]

_CELL = 18
_PAD = 24
_TURN = 60  # degrees that the names of columns are turned by
_LONGEST = 44  # letters of a name
_TOP = 84  # the heads
_OPEN = " (open)"
_MOST_EXTERNAL = 40  # external sets that are drawn one by one


class _Item(Struct, frozen=True):
    """A row or a column; those of one `band` stand together."""

    name: str
    label: str
    band: str


class _Square(Struct, frozen=True):
    """`whole`: every pair that it stands for is open; `every`: some pair on all ports."""

    src: str
    dst: str
    ports: list[Port]
    whole: bool
    every: bool
    said: str


class _Sheet(Struct, frozen=True):
    """What is drawn, and the words around it."""

    head: str
    rows: Sequence[_Item]
    columns: Sequence[_Item]
    squares: Sequence[_Square]
    legend: Sequence[tuple[bool, bool, str]]


def matrix(answer: Answer) -> Iterator[str]:
    """All endpoints and external sets, or namespaces where these are too many."""
    connections = None if is_large(answer) else list(answer.connections)
    if connections is not None:
        ends = {end for found in connections for end in (found.src, found.dst)}
        if sum(external.name in ends for external in answer.head.external) <= _MOST_EXTERNAL:
            return _picture(_by_endpoint(answer, connections))
        answer = Answer(answer.head, iter(connections), answer.scope)
    return _picture(_by_namespace(answer))


def _by_endpoint(answer: Answer, connections: list[Connection]) -> _Sheet:
    shown = labels(answer.head.external)
    head = f"{counted(len(answer.head.endpoints), 'endpoint')}, {counted(len(connections), 'connection')}, "
    scope = answer.scope
    rows = {found.src for found in connections} | (scope.sources or set())
    columns = {found.dst for found in connections} | (scope.destinations or set())
    everyone = {endpoint.name for endpoint in answer.head.endpoints} if scope.named is None else set()
    return _Sheet(
        head=f"{head}profile {answer.head.profile}",
        rows=list(_items(answer, rows | everyone, shown, "egress")),
        columns=list(_items(answer, columns | everyone, shown, "ingress")),
        squares=[_square(found, shown) for found in connections],
        legend=((True, False, "some ports"), (True, True, "all ports")),
    )


def _items(answer: Answer, names: set[str], shown: dict[str, Label], side: str) -> Iterator[_Item]:
    for endpoint in answer.head.endpoints:
        if endpoint.name in names:
            isolated = endpoint.isolated.egress if side == "egress" else endpoint.isolated.ingress
            label = draw.short(endpoint.name, _LONGEST)
            yield _Item(endpoint.name, label if isolated else f"{label}{_OPEN}", endpoint.namespace)
    for external in answer.head.external:
        if external.name in names:
            yield _Item(external.name, draw.short(shown[external.name].shown, _LONGEST), OUTSIDE)


def _square(found: Connection, shown: dict[str, Label]) -> _Square:
    src, dst = (shown[end].shown if end in shown else end for end in (found.src, found.dst))
    words = port_words(found.ports)
    said = f"{src} → {dst}: {', '.join(words)}"
    return _Square(found.src, found.dst, found.ports, whole=True, every=_is_all(found.ports), said=said)


def _is_all(ports: Sequence[Port]) -> bool:
    return port_words(ports) == ("all ports",)


def _by_namespace(answer: Answer) -> _Sheet:
    found = overview(answer)
    head = f"{counted(len(answer.head.endpoints), 'endpoint')}, {counted(found.connections, 'connection')}, "
    items = [_Item(n.name, draw.short(f"{n.name} ({n.endpoints:,})", _LONGEST), n.name) for n in found.namespaces]
    if any(OUTSIDE in (between.src, between.dst) for between in found.between):
        items.append(_Item(OUTSIDE, "external addresses", OUTSIDE))
    return _Sheet(
        head=f"{head}profile {answer.head.profile}; by namespace, as there are more than {MOST_ENDPOINTS} endpoints",
        rows=items,
        columns=items,
        squares=[_summed(between) for between in found.between],
        legend=(
            (False, False, "some pairs, some ports"),
            (True, False, "every pair, some ports"),
            (False, True, "some pairs, up to all ports"),
            (True, True, "every pair, up to all ports"),
        ),
    )


def _summed(found: Between) -> _Square:
    src, dst = (end or "external addresses" for end in (found.src, found.dst))
    what = "endpoint" if OUTSIDE in (found.src, found.dst) else "pair"
    pairs = f"{'all ' if found.every else ''}{counted(found.pairs, what)}"
    said = f"{src} → {dst}: {pairs}, {ports_line(found.ports)}"
    return _Square(found.src, found.dst, found.ports, whole=found.every, every=_is_all(found.ports), said=said)


# ------------------------------------------------------------------------------------------------------------ drawing
def _picture(sheet: _Sheet) -> Iterator[str]:
    """Names stand left of the rows and slanting above the columns."""
    longest = max((draw.width_of(item.label) for item in sheet.columns), default=0)
    left = _PAD + max((draw.width_of(item.label) for item in sheet.rows), default=0) + 12
    top = _TOP + longest * sin(radians(_TURN)) + 16
    across, down = len(sheet.columns) * _CELL, len(sheet.rows) * _CELL
    width = max(left + across + longest * cos(radians(_TURN)) + _PAD, _PAD * 2 + draw.width_of(sheet.head, 12), 640)
    parts = _parts(sheet, (left, top))
    said = f"{sheet.head}. Rows are sources, columns are destinations, a square is what is open."
    yield from draw.document((width, top + down + 2 * _PAD), "Who can talk to whom", said, parts)


def _parts(sheet: _Sheet, corner: tuple[float, float]) -> Iterator[str]:
    yield draw.text((_PAD, 34), "Who can talk to whom", size=18, bold=True)
    yield draw.text((_PAD, 54), sheet.head, size=12, fill=draw.QUIET)
    yield from _legend(sheet)
    yield from _bands(sheet, corner)
    yield from _names(sheet, corner)
    yield from _squares(sheet, corner)


def _legend(sheet: _Sheet) -> Iterator[str]:
    x = float(_PAD)
    for whole, every, said in sheet.legend:
        yield from _mark((x, 64), whole=whole, every=every)
        yield draw.text((x + _CELL + 4, 64 + 13), said)
        x += _CELL + 20 + draw.width_of(said)
    if any(item.label.endswith(_OPEN) for item in (*sheet.rows, *sheet.columns)):
        yield draw.text((x, 64 + 13), "(open): no policy isolates it in this direction", fill=draw.QUIET)


def _bands(sheet: _Sheet, corner: tuple[float, float]) -> Iterator[str]:
    """Every other namespace shaded, in both directions, and lines between all of them."""
    left, top = corner
    across, down = len(sheet.columns) * _CELL, len(sheet.rows) * _CELL
    shade = f'fill="{draw.INK}" fill-opacity="0.05"'
    line = f'stroke="{draw.LINE}" stroke-width="1"'
    for number, (start, size) in enumerate(_runs(sheet.rows)):
        if number % 2:
            yield draw.rect((_PAD / 2, top + start * _CELL), (left + across - _PAD / 2, size * _CELL), shade)
        yield f'<path d="M{left:g} {top + start * _CELL:g}h{across}" {line}/>\n'
    for number, (start, size) in enumerate(_runs(sheet.columns)):
        if number % 2:
            yield draw.rect((left + start * _CELL, top), (size * _CELL, down), shade)
        yield f'<path d="M{left + start * _CELL:g} {top:g}v{down}" {line}/>\n'
    yield draw.rect((left, top), (across, down), f'fill="none" stroke="{draw.QUIET}"')


def _runs(items: Sequence[_Item]) -> Iterator[tuple[int, int]]:
    """Where each band begins, and how many it holds."""
    start = 0
    for at in range(1, len(items) + 1):
        if at == len(items) or items[at].band != items[start].band:
            yield start, at - start
            start = at


def _names(sheet: _Sheet, corner: tuple[float, float]) -> Iterator[str]:
    left, top = corner
    yield draw.text((left - 8, top - 8), "from ↓   to →", anchor="end", fill=draw.QUIET)
    for at, item in enumerate(sheet.rows):
        yield draw.text((left - 8, top + at * _CELL + 13), item.label, anchor="end")
    for at, item in enumerate(sheet.columns):
        yield draw.text((left + at * _CELL + 12, top - 6), item.label, turned=-_TURN)


def _squares(sheet: _Sheet, corner: tuple[float, float]) -> Iterator[str]:
    left, top = corner
    row = {item.name: at for at, item in enumerate(sheet.rows)}
    column = {item.name: at for at, item in enumerate(sheet.columns)}
    for found in sheet.squares:
        at = left + column[found.dst] * _CELL, top + row[found.src] * _CELL
        data = {"src": found.src, "dst": found.dst, "ports": ",".join(map(port_token, found.ports))}
        yield from _mark(at, whole=found.whole, every=found.every, data=data, said=found.said)


def _mark(
    at: tuple[float, float], *, whole: bool, every: bool, data: dict[str, str] | None = None, said: str = ""
) -> Iterable[str]:
    """A square: small where not every pair is open; all ports have a color and a white point."""
    x, y = at
    edge = 2 if whole else 5
    side = _CELL - 2 * edge
    look = f'fill="{draw.ALL if every else draw.SOME}" rx="2"'
    yield draw.rect((x + edge, y + edge), (side, side), look, data, said)
    if every:
        middle = f'cx="{x + _CELL / 2:g}" cy="{y + _CELL / 2:g}"'
        yield f'<circle {middle} r="2.4" fill="#ffffff" pointer-events="none"/>\n'
