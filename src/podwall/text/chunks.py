"""A text cut into the parts that kubectl reads as one YAML document each, and lines counted as editors count them.

What stands in a part is `yaml`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from yaml import Mark

from podwall.errors import InvalidText

_SEPARATOR = re.compile(rb"^---(.*)$", re.MULTILINE)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# Breaks a line for YAML 1.1 but in no editor: NEL, LS, PS.
_ODD_BREAK = re.compile("[\x85\u2028\u2029]")
_BREAK = re.compile("\r\n|\r|\n")


class Chunk(Struct, frozen=True):
    """One part: its position among all (from 0), its first line (from 1) and byte (from 0) in the whole text."""

    index: int
    line: int
    offset: int
    data: bytes

    def text(self) -> str:
        """The characters that libyaml counts; whatever cannot be decoded stands as U+FFFD."""
        return self.data.decode("utf-16" if self.data.startswith(_UTF16) else "utf-8-sig", "replace")

    def line_of(self, mark: Mark) -> int:
        """The line in the whole text (from 1) of a mark that libyaml gave for this part."""
        if mark.line and not self.data.isascii():
            text = self.text()[: mark.index]
            if _ODD_BREAK.search(text):
                return self.line + len(_BREAK.findall(text))
        return self.line + mark.line

    def lines_of(self, marks: Sequence[Mark]) -> list[int]:
        """The same for many marks, given in the order of the text, in one pass."""
        text = "" if self.data.isascii() else self.text()
        if not _ODD_BREAK.search(text):
            return [self.line + mark.line for mark in marks]
        lines, line, at = [], self.line, 0
        for mark in marks:
            line += len(_BREAK.findall(text, at, mark.index))
            at = mark.index
            lines.append(line)
        return lines

    def line_of_end(self, mark: Mark) -> int:
        """The same, but for a mark behind everything the last line that holds something, where the mistake is."""
        text = self.text()
        return self.line + len(_BREAK.findall(text[: mark.index] if text[mark.index :].strip() else text.rstrip()))

    def line_of_byte(self, at: int) -> int:
        """The line in the whole text (from 1) of the byte `at` of this part."""
        if self.data.startswith(_UTF16):
            return self.line + len(_BREAK.findall(self.text()[: at // 2]))
        return self.line + len(_BREAK.findall(self.data[:at].decode("latin-1")))


def split(data: bytes, source: str) -> Iterator[Chunk]:
    """The parts between lines that begin with `---`; raises InvalidText where such a line holds more than a comment.

    A separator with nothing before it belongs to the part that it opens, which is how kubectl lets a text begin with
    `---`. UTF-16 is one part, whatever it holds.
    """
    index, start, line = 0, 0, 1
    separators = () if data.startswith(_UTF16) else _SEPARATOR.finditer(data)
    for found in separators:
        behind = found[1].strip()
        if behind and not behind.startswith(b"#"):
            at = line + data.count(b"\n", start, found.start())
            raise InvalidText(source, at, "`---` must stand alone on its line; move what follows it to the next line")
        if found.start() > start:
            yield Chunk(index, line, start, _as_read(data[start : found.start()]))
            line += data.count(b"\n", start, found.end() + 1)
            index, start = index + 1, found.end() + 1
    if start < len(data):
        yield Chunk(index, line, start, _as_read(data[start:]))


def _as_read(data: bytes) -> bytes:
    """What kubectl hands to YAML: its line reader ends the last line, and takes one CR from each line's end."""
    if data.startswith(_UTF16):
        return data
    if b"\r\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    return data if data.endswith(b"\n") else data + b"\n"
