"""Lines of a long text: which one an offset is on, and the text from one on, without cutting all of it into lines."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator

__all__ = ["Lines"]


class Lines:
    """A text whose first line has a number. What was counted once is counted from there the next time."""

    def __init__(self, text: bytes, first: int = 1) -> None:
        self._text = text
        self._known = [(0, first)]  # offsets, and the lines that they are on

    def at(self, offset: int) -> int:
        """The line of an offset."""
        base, line = self._known[bisect_right(self._known, offset, key=lambda known: known[0]) - 1]
        if base == offset:
            return line
        line += self._text.count(b"\n", base, offset)
        insort(self._known, (offset, line))
        return line

    def since(self, line: int) -> Iterator[bytes]:
        """The lines from one on, without their ends; none where the text has no such line."""
        at, number = self._known[max(bisect_right(self._known, line, key=lambda known: known[1]) - 1, 0)]
        if number == line:  # somewhere on it
            at = self._text.rfind(b"\n", 0, at) + 1
        while number < line:
            at = self._text.find(b"\n", at) + 1
            if not at:
                return
            number += 1
        if number == line:
            yield from self._from(at)

    def _from(self, at: int) -> Iterator[bytes]:
        while at < len(self._text):
            end = self._text.find(b"\n", at)
            end = len(self._text) if end < 0 else end
            yield self._text[at:end].removesuffix(b"\r")
            at = end + 1
