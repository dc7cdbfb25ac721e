"""The lines of a text that a field takes up, as a person would cut them out to show them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from podwall.text.where import Path
from podwall.text.write import placed_lines

__all__ = ["Line", "excerpt", "rendered"]

_MOST_LINES = 14
_WITHIN = 8  # lines kept of a marked field where not all can stay
_LONGEST = 400  # characters: a file in one line is no text to show


class Line(Struct, frozen=True):
    """One line of a text; `number` counts from 1, and is 0 for lines that were left out here."""

    number: int
    text: str
    marked: bool = False


def excerpt(lines: Sequence[bytes], first: int, marked: Collection[int]) -> tuple[Line, ...]:
    """The field that begins on line `first` (from 1), while the text is indented deeper; none if it cannot be cut.

    `marked` are the lines to point at; they stay where not all lines can.
    """
    if not 1 <= first <= len(lines):
        return ()
    texts = [lines[number].decode(errors="replace").expandtabs() for number in range(first - 1, _end(lines, first))]
    return _shown([Line(number, text, number in marked) for number, text in enumerate(texts, start=first)])


def rendered(value: object, path: Path, marked: Collection[Path], line_of: Callable[[Path], int]) -> tuple[Line, ...]:
    """The same where the text is not at hand: the value at `path` as YAML, with the numbers that its lines had."""
    value = _in_order(value, path, line_of)
    whole = [value] if isinstance(path[-1], int) else {path[-1]: value}
    placed = [((*path, *place[1:]), text) for place, text in placed_lines(whole)]
    return _shown([Line(line_of(place), text, place in marked) for place, text in placed])


def _in_order(value: object, path: Path, line_of: Callable[[Path], int]) -> object:
    """The value with the fields of each mapping as they stood."""
    if isinstance(value, list):
        return [_in_order(inner, (*path, number), line_of) for number, inner in enumerate(value)]
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: line_of((*path, key)))
        return {key: _in_order(value[key], (*path, key), line_of) for key in keys}
    return value


def _shown(found: Sequence[Line]) -> tuple[Line, ...]:
    if any(len(line.text) > _LONGEST for line in found):
        return ()
    return tuple(_shortened(list(found)))


def _end(lines: Sequence[bytes], first: int) -> int:
    """How many lines there are up to the field's last one."""
    indent = _indent(lines[first - 1])
    last = at = first
    while at < len(lines):
        stripped = lines[at].strip()
        if stripped and _indent(lines[at]) <= indent:
            # The bracket that closes what was opened on the first line.
            return at + 1 if stripped[:1] in b"]}" and lines[first - 1].rstrip()[-1:] in b"[{" else last
        at += 1
        if stripped and not stripped.startswith(b"#"):
            last = at
    return last


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip(b" \t"))


def _near(lines: list[Line], at: int) -> range:
    """The line before a marked one, and as much as can stay of what is indented deeper."""
    indent = _indent(lines[at].text.encode())
    deeper = (n for n in range(at + 1, len(lines)) if _indent(lines[n].text.encode()) <= indent)
    return range(max(at - 1, 0), min(next(deeper, len(lines)), at + _WITHIN) + 1)


def _shortened(lines: list[Line]) -> list[Line]:
    if len(lines) <= _MOST_LINES:
        return lines
    near = {kept for n, line in enumerate(lines) if line.marked for kept in _near(lines, n)}
    out: list[Line] = []
    for number, line in enumerate(lines):
        if number == 0 or number in near:
            out.append(line)
        elif out[-1].number:
            out.append(Line(0, "…"))
    return out
