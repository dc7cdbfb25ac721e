"""The lines of a text that a field takes up, as a person would cut them out to show them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

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


def excerpt(lines: Iterable[bytes], first: int, marked: Collection[int]) -> tuple[Line, ...]:
    """The field that the lines begin with, while the text is indented deeper; none if it cannot be cut.

    `first` is the number of the first line, from 1. `marked` are the lines to point at; they stay where not all lines
    can.
    """
    texts = [line.decode(errors="replace").expandtabs() for line in _field(lines)]
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


def _field(lines: Iterable[bytes]) -> list[bytes]:
    """The lines up to the field's last one."""
    held: list[bytes] = []
    last = 0
    for line in lines:
        stripped = line.strip()
        if held and stripped and _indent(line) <= _indent(held[0]):
            # The bracket that closes what was opened on the first line.
            closed = stripped[:1] in b"]}" and held[0].rstrip()[-1:] in b"[{"
            return [*held, line] if closed else held[:last]
        held.append(line)
        if len(held) == 1 or (stripped and not stripped.startswith(b"#")):
            last = len(held)
    return held[:last]


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
