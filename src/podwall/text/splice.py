"""The one place in a text that an edit replaces, and the new text there, in the style of what stands around it.

`rewrite` finds the node and checks what comes out; here are the shapes: block and flow, first and last, with comments
around them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from msgspec import Struct

from podwall.text.spans import Node, Pair
from podwall.text.where import Path
from podwall.text.write import scalar_text, yaml_text

__all__ = ["Place", "Splice", "added", "appended", "removed", "renamed", "replaced"]


class Splice(Struct, frozen=True):
    """Characters `start..end` become `text`."""

    start: int
    end: int
    text: str


class Place(Struct, frozen=True):
    """A key or position (the last step of `path`) in the last node of `way`, which leads there from the root."""

    text: str
    way: tuple[Node, ...]
    path: Path
    quoted: bool

    @property
    def parent(self) -> Node:
        """The mapping or list."""
        return self.way[-1]

    @property
    def up(self) -> Place:
        """The place of the parent; raises LookupError at the root."""
        if len(self.way) < 2:
            raise LookupError("nothing holds the root")
        return Place(self.text, self.way[:-1], self.path[:-1], self.quoted)

    def pair(self) -> Pair:
        """The pair at the last step. Raises LookupError."""
        for pair in self.parent.pairs or ():
            if pair.key == self.path[-1]:
                return pair
        raise LookupError(f"there is no {self.path[-1]}")

    def node(self) -> Node:
        """The value at the last step. Raises LookupError."""
        last = self.path[-1]
        if isinstance(last, int):
            if self.parent.items is None:
                raise LookupError("it is no list")
            return self.parent.items[last]
        return self.pair().value


def replaced(place: Place, value: object) -> Splice:
    """Another value where there is one."""
    node = place.node()
    scalar = node.items is None and node.pairs is None
    if scalar and not isinstance(value, dict | list) and node.style not in ("|", ">") and node.start < node.end:
        return Splice(node.start, node.end, _scalar(value, node.style, quoted=place.quoted))
    if place.parent.flow:
        return Splice(node.start, node.end, _flow(value, quoted=place.quoted))
    if isinstance(place.path[-1], int):
        start = node.start
        lines = _block(place, value, _column(place.text, start))
        return Splice(start, node.end, lines.strip() + ("\n" if place.text[node.end - 1 : node.end] == "\n" else ""))
    return _put(place, value)


def removed(place: Place) -> Splice:
    """Nothing where there is a value; what is left empty stays, as `{}` or `[]`."""
    many = place.parent.pairs if place.parent.pairs is not None else place.parent.items
    node = place.node()
    if many is not None and len(many) == 1:
        return _emptied(place)
    if place.parent.flow:
        return _removed_from_flow(place)
    start = place.pair().name.start if isinstance(place.path[-1], str) else _dash(place, place.path[-1])
    begins = _begin(place.text, start)
    if not place.text[begins:start].strip():
        return Splice(begins, _behind(place.text, node.end), "")
    return _removed_first(place, start)


def renamed(place: Place, name: str) -> Splice:
    """Another key for the same value."""
    node = place.pair().name
    return Splice(node.start, node.end, _scalar(name, node.style, quoted=place.quoted))


def added(place: Place, value: object) -> Splice:
    """A further key or item."""
    parent, last = place.parent, place.path[-1]
    if parent.alias:
        raise ValueError("it stands behind an alias")
    if isinstance(last, str) and parent.pairs and any(pair.key == last for pair in parent.pairs):
        raise LookupError(f"{last} is there already")
    if not parent.pairs and not parent.items:
        return replaced(place.up, {last: value} if isinstance(last, str) else [value])
    if parent.flow:
        return _added_to_flow(place, value)
    if isinstance(last, str):
        if not parent.pairs:
            raise LookupError("it is no mapping")
        column = _column(place.text, parent.pairs[0].name.start)
        return _line_behind(place.text, parent.end, _block(place, {last: value}, column))
    if not parent.items or last > len(parent.items):
        raise LookupError("it is no list, or too short")
    column = _column(place.text, _dash(place, 0))
    if place.text[_begin(place.text, _dash(place, 0)) : _dash(place, 0)].strip():
        raise ValueError("the list begins within another one's line")
    lines = _block(place, [value], column)
    if last:
        return _line_behind(place.text, parent.items[last - 1].end, lines)
    start = _begin(place.text, _dash(place, 0))
    return Splice(start, start, lines)


def appended(text: str, value: object) -> Splice:
    """A document of its own at the end of this one."""
    if text.lstrip()[:1] in ("{", "["):
        raise ValueError("a JSON text holds one value; give the new object a file of its own")
    end = len(text) if text.endswith("\n") else len(text) + 1
    return Splice(end, end, f"---\n{yaml_text(value)}")


# Block style


def _put(place: Place, value: object) -> Splice:
    """A value behind the colon of its key, or on the lines below it."""
    pair, text = place.pair(), place.text
    colon = text.index(":", pair.name.end) + 1
    column = _column(text, pair.name.start)
    own_line = "\n" in text[colon : pair.value.start]
    if isinstance(value, dict | list) and value:
        deeper = column + (2 if isinstance(value, dict) or _lists_are_deeper(place) else 0)
        lines = _block(place, value, deeper)
        if own_line:
            start = _begin(text, pair.value.start)
            return Splice(start, _behind(text, pair.value.end), lines)
        rest = text[pair.value.end : _behind(text, pair.value.end)].rstrip("\n")  # a comment
        return Splice(colon, _behind(text, pair.value.end), f"{rest.rstrip()}\n{lines}")
    shown = _flow(value, quoted=place.quoted)
    if own_line:
        between = text[colon : _begin(text, pair.value.start)]
        return Splice(colon, _behind(text, pair.value.end), f" {shown}{between}")
    end = pair.value.end - (text[pair.value.end - 1 : pair.value.end] == "\n" and pair.value.end > colon)
    return Splice(colon, max(end, colon), f" {shown}")


def _emptied(place: Place) -> Splice:
    """The last thing in a collection is taken away."""
    parent = place.parent
    empty = "{}" if parent.pairs is not None else "[]"
    if parent.flow:
        return Splice(parent.start, parent.end, empty)
    if len(place.way) < 2:
        return Splice(parent.start, parent.end, empty)
    return replaced(place.up, {} if parent.pairs is not None else [])


def _removed_first(place: Place, start: int) -> Splice:
    """The first key behind a dash: the next one moves to its place."""
    pairs = place.parent.pairs
    if pairs is None or pairs[0].key != place.path[-1]:
        raise ValueError("it begins within another line")
    behind = pairs[0].value.end
    if place.text[_behind(place.text, behind) : pairs[1].name.start].strip():
        raise ValueError("a comment stands between it and the next key")
    return Splice(start, pairs[1].name.start, "")


def _dash(place: Place, number: int) -> int:
    """Where the dash of a block list's item stands."""
    items = place.parent.items
    if items is None:
        raise LookupError("it is no list")
    first = place.text.index("-", place.parent.start)
    if number == 0:
        return first
    found = re.compile(rf"^ {{{_column(place.text, first)}}}-(?=\s)", re.MULTILINE).search(
        place.text, items[number - 1].end
    )
    if found is None:
        raise ValueError("its dash cannot be found")
    return found.end() - 1


def _line_behind(text: str, end: int, lines: str) -> Splice:
    """Lines behind the one in which something ends."""
    at = _behind(text, end)
    return Splice(at, at, lines)


def _block(place: Place, value: object, column: int) -> str:
    """A value as whole lines, indented."""
    text = yaml_text(value, deeper_lists=_lists_are_deeper(place))
    return "".join(f"{' ' * column}{line}\n" for line in text.splitlines())


def _lists_are_deeper(place: Place) -> bool:
    """Whether this document indents a list under its key; the first block list decides."""
    for pair in _pairs(place.way[0]):
        if pair.value.items and not pair.value.flow:
            return _column(place.text, pair.value.start) > _column(place.text, pair.name.start)
    return False


def _pairs(node: Node) -> Iterable[Pair]:
    for pair in node.pairs or ():
        yield pair
        yield from _pairs(pair.value)
    for item in node.items or ():
        yield from _pairs(item)


def _begin(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _column(text: str, at: int) -> int:
    return at - _begin(text, at)


def _behind(text: str, end: int) -> int:
    """The start of the next line; `end` itself where something ends with its line."""
    if end and text[end - 1] == "\n":
        return end
    at = text.find("\n", end)
    return len(text) if at < 0 else at + 1


# Flow style


def _removed_from_flow(place: Place) -> Splice:
    spans = _spans(place.parent)
    number = _position(place)
    if number + 1 < len(spans):
        return Splice(spans[number][0], spans[number + 1][0], "")
    return Splice(spans[number - 1][1], spans[number][1], "")


def _position(place: Place) -> int:
    last = place.path[-1]
    if isinstance(last, int):
        return last
    return next(n for n, pair in enumerate(place.parent.pairs or ()) if pair.key == last)


def _spans(node: Node) -> list[tuple[int, int]]:
    if node.items is not None:
        return [(item.start, item.end) for item in node.items]
    return [(pair.name.start, max(pair.value.end, pair.name.end)) for pair in node.pairs or ()]


def _added_to_flow(place: Place, value: object) -> Splice:
    spans, last, text = _spans(place.parent), place.path[-1], place.text
    shown = _flow(value, quoted=place.quoted)
    if isinstance(last, str):
        shown = f"{_scalar(last, '', quoted=place.quoted)}: {shown}"
    at = last if isinstance(last, int) else len(spans)
    start = spans[-1][0]
    lead = text[_begin(text, start) : start]
    separator = ",\n" + lead if lead and not lead.strip() else ", "
    if at == len(spans):
        return Splice(spans[-1][1], spans[-1][1], separator + shown)
    return Splice(spans[at][0], spans[at][0], shown + separator)


def _flow(value: object, *, quoted: bool) -> str:
    if isinstance(value, dict):
        inner = (f"{_scalar(key, '', quoted=quoted)}: {_flow(v, quoted=quoted)}" for key, v in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item, quoted=quoted) for item in value)}]"
    return _scalar(value, "", quoted=quoted)


def _scalar(value: object, style: str, *, quoted: bool) -> str:
    """In the quotes that stood there, if they may hold it."""
    if quoted or (style == '"' and isinstance(value, str)):
        return json.dumps(value, ensure_ascii=False)
    if style == "'" and isinstance(value, str) and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return scalar_text(value)
