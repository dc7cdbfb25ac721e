"""One end of the map with its neighbors: left who may reach it, right whom it may reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from podwall.report.maps import svg_draw as draw
from podwall.report.maps.answer import Answer
from podwall.report.maps.external import Label, labels
from podwall.report.maps.overview import OUTSIDE, union
from podwall.report.maps.words import port_token, port_words, ports_line
from podwall.report.public import Connection, Endpoint, Port
from podwall.report.wording import counted

__all__ = ["neighbors"]

_MOST = 60  # boxes of a side; more are drawn by namespace
_BOX = 270
_TALL = 40
_STEP = 48
_GAP = 120
_PAD = 24
_TOP = 120
_LETTERS = 38  # of a name in a box
_CENTER = 260


class _Side(Struct, frozen=True):
    """Boxes one above the other; `word` is what stands over them."""

    word: str
    boxes: Sequence[_Box]


class _Box(Struct, frozen=True):
    """Neighbors with the same ports, or of one namespace; `outside` says that they are external sets."""

    label: str
    names: Sequence[str]
    ports: Sequence[Port]
    outside: bool


def neighbors(answer: Answer, center: str) -> Iterator[str]:
    """A picture of all connections of one end; those of its replicas with each other (D5) stand in its box."""
    found = list(answer.connections)
    sides = _Sides(answer, center)
    scope = answer.scope
    into = [c for c in found if c.dst == center != c.src]
    out = [c for c in found if c.src == center != c.dst]
    itself = next((c for c in found if c.src == c.dst), None)
    left = _Side("may reach it", sides.boxes(into, towards=True)) if scope.sources is None else None
    right = _Side("it may reach", sides.boxes(out, towards=False)) if scope.destinations is None else None
    most = max(1, *(len(side.boxes) for side in (left, right) if side))
    height = _TOP + most * _STEP + _PAD
    width = 2 * _PAD + _CENTER + sum(_BOX + _GAP for side in (left, right) if side)
    at = _PAD + (_BOX + _GAP if left else 0), _TOP + most * _STEP / 2
    title = f"Who can talk to {sides.label(center)}"
    said = (
        f"{counted(len(into), 'connection')} to it on the left, {counted(len(out), 'connection')} from it on the right."
    )
    parts = [*_head(title, answer), *_center(at, sides, center, itself)]
    parts += _column(left, (_PAD, at), towards=True) if left else ()
    parts += _column(right, (at[0] + _CENTER + _GAP, at), towards=False) if right else ()
    yield from draw.document((max(width, draw.width_of(title, 18) + 2 * _PAD), height), title, said, parts)


class _Sides:
    """Who is who among the neighbors."""

    def __init__(self, answer: Answer, center: str) -> None:
        self.endpoints = {endpoint.name: endpoint for endpoint in answer.head.endpoints}
        self._labels: dict[str, Label] = labels(answer.head.external)
        self._center = self._home(center)
        self._size = {OUTSIDE: len(self._labels)}
        for endpoint in answer.head.endpoints:
            if endpoint.namespace in answer.scope.whole:
                self._size[endpoint.namespace] = self._size.get(endpoint.namespace, 0) + 1

    def _home(self, name: str) -> str:
        endpoint = self.endpoints.get(name)
        return endpoint.namespace if endpoint else OUTSIDE

    def label(self, name: str) -> str:
        return self._labels[name].shown if name in self._labels else name

    def boxes(self, found: list[Connection], *, towards: bool) -> list[_Box]:
        """Whole namespaces and those with the same ports together; by namespace alone where these are too many."""
        together: dict[tuple[str, tuple[Port, ...]], list[str]] = {}
        by_home: dict[str, list[Connection]] = {}
        for connection in found:
            name = connection.src if towards else connection.dst
            together.setdefault((self._home(name), tuple(connection.ports)), []).append(name)
            by_home.setdefault(self._home(name), []).append(connection)
        boxes = [box for (home, ports), names in together.items() for box in self._folded(home, ports, names)]
        if len(boxes) > _MOST:
            boxes = [
                self._summed(home, [c.src if towards else c.dst for c in own], own) for home, own in by_home.items()
            ]
        return sorted(boxes, key=lambda box: (box.outside, box.label, box.names))

    def _folded(self, home: str, ports: tuple[Port, ...], names: list[str]) -> Iterator[_Box]:
        if len(names) == self._size.get(home, 0) - (home == self._center) > 1:
            whole = f"all of {home} ({len(names)})" if home else "any external address"
            yield _Box(whole, names, ports, not home)
        else:
            yield from (_Box(self.label(name), [name], ports, not home) for name in names)

    def _summed(self, home: str, names: list[str], found: list[Connection]) -> _Box:
        what = counted(len(names), "endpoint") if home else counted(len(names), "external set")
        return _Box(f"{home or 'outside'}: {what}", names, union(c.ports for c in found), not home)


def _head(title: str, answer: Answer) -> Iterator[str]:
    yield draw.text((_PAD, 34), title, size=18, bold=True)
    asked = answer.head.focus.ports if answer.head.focus else []
    ports = f", only port {', '.join(asked)}" if asked else ""
    yield draw.text((_PAD, 54), f"profile {answer.head.profile}{ports}", size=12, fill=draw.QUIET)


def _center(at: tuple[float, float], sides: _Sides, name: str, itself: Connection | None) -> Iterator[str]:
    x, middle = at
    lines = _facts(sides.endpoints.get(name))
    if itself is not None:
        lines.append(f"its replicas reach each other: {ports_line(itself.ports, 2)}")
    tall = 40 + 16 * len(lines)
    look = f'fill="{draw.BAND}" stroke="{draw.INK}" stroke-width="2" rx="8"'
    data = {"center": name}
    if itself is not None:
        data["ports"] = ",".join(map(port_token, itself.ports))
    yield draw.rect((x, middle - tall / 2), (_CENTER, tall), look, data, sides.label(name))
    label = draw.short(sides.label(name), 30)
    yield draw.text((x + _CENTER / 2, middle - tall / 2 + 25), label, size=14, anchor="middle", bold=True)
    for number, line in enumerate(lines):
        place = x + _CENTER / 2, middle - tall / 2 + 44 + 16 * number
        yield draw.text(place, draw.short(line, 42), anchor="middle", fill=draw.QUIET)


def _facts(endpoint: Endpoint | None) -> list[str]:
    if endpoint is None:
        return ["external addresses"]
    isolated = endpoint.isolated
    sides = [side for side, yes in (("ingress", isolated.ingress), ("egress", isolated.egress)) if yes]
    pods = counted(endpoint.pods, "pod")
    return [f"{endpoint.kind}, {pods}", f"isolated: {' + '.join(sides)}" if sides else "not isolated"]


def _column(side: _Side, place: tuple[float, tuple[float, float]], *, towards: bool) -> Iterator[str]:
    x, (center, middle) = place
    top = middle - len(side.boxes) * _STEP / 2
    yield draw.text((x, _TOP - 32), side.word, size=12, bold=True)
    yield draw.text((x, _TOP - 16), _number(side.boxes), fill=draw.QUIET)
    for at, box in enumerate(side.boxes):
        y = top + at * _STEP
        yield from _drawn(box, (x, y), towards=towards)
        ends = ((x + _BOX, y + _TALL / 2), (center, middle)) if towards else ((center + _CENTER, middle), (x, y + 20))
        yield _arrow(*ends, _color(box.ports))


def _number(boxes: Sequence[_Box]) -> str:
    inside = sum(len(box.names) for box in boxes if not box.outside)
    outside = sum(len(box.names) for box in boxes if box.outside)
    told = [counted(inside, "endpoint")] if inside else []
    return " and ".join([*told, *([counted(outside, "external set")] if outside else [])]) or "nobody"


def _drawn(box: _Box, at: tuple[float, float], *, towards: bool) -> Iterator[str]:
    x, y = at
    color = _color(box.ports)
    look = f'fill="#ffffff" stroke="{color}" stroke-width="1.5" rx="6"'
    data = {"from" if towards else "to": " ".join(box.names), "ports": ",".join(map(port_token, box.ports))}
    yield draw.rect(at, (_BOX, _TALL), look, data, f"{box.label}: {', '.join(port_words(box.ports))}")
    yield draw.text((x + 10, y + 17), draw.short(box.label, _LETTERS), size=12)
    yield draw.text((x + 10, y + 32), draw.short(ports_line(box.ports), 44), size=10, fill=color, bold=True)


def _color(ports: Sequence[Port]) -> str:
    return draw.ALL if port_words(ports) == ("all ports",) else draw.SOME


def _arrow(start: tuple[float, float], end: tuple[float, float], color: str) -> str:
    """A curve with its head at the end."""
    (x, y), (to_x, to_y) = start, end
    bend = (to_x - x) / 2
    path = f"M{x:g} {y:g}C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x - 6:g} {to_y:g}"
    head = f"M{to_x:g} {to_y:g}l-8 -4v8z"
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-opacity="0.7"/><path d="{head}" fill="{color}"/>\n'
