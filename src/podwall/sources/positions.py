"""Places → lines: an object's first line and a field's, found by reading its text once more when somebody asks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from msgspec import Raw

from podwall.cluster.objects import Origin
from podwall.errors import InputError, InvalidText
from podwall.sources.files import Text, is_json
from podwall.text import json, yaml
from podwall.text.where import Path

__all__ = ["Positions"]

_BETWEEN = re.compile(rb"[ \t\r\n,]*")

_Start = tuple[int, Raw]  # the line where a JSON value begins, and the value


class Positions:
    """Lines in texts that were read once. Files are read again, so a text is at hand only while it is looked at."""

    def __init__(self, texts: Iterable[Text]) -> None:
        self._texts = {text.name: text.again() for text in texts}
        self._held: tuple[str, bytes] = ("", b"")
        self._values: dict[str, list[_Start]] = {}
        self._items: dict[tuple[str, int], list[_Start]] = {}
        self._item_lines: dict[tuple[str, int], list[int]] = {}
        self._fields: dict[tuple[str, int, Path], int] = {}

    def prepare(self, places: Iterable[tuple[Origin, Path]]) -> None:
        """Looks up many fields at once: one pass over each text, where asking one by one would take one each."""
        wanted: dict[str, dict[int, set[Path]]] = {}
        for origin, path in places:
            if path and origin.source in self._texts:
                wanted.setdefault(origin.source, {}).setdefault(origin.document, set()).add(_from_root(origin, path))
        for source, documents in sorted(wanted.items()):
            try:
                data = self._data(source)
                if not is_json(data):
                    lines = yaml.locate_all(data, source, documents)
                    self._fields |= {(source, index, path): line for (index, path), line in lines.items()}
            except (InputError, InvalidText, LookupError):  # gone or changed since
                continue

    def line(self, origin: Origin, path: Path = ()) -> int:
        """The line of an object, or of one of its fields; 0 where the text is not at hand."""
        if origin.line and not path:
            return origin.line
        if origin.source not in self._texts:
            return origin.line
        try:
            data = self._data(origin.source)
            return self._json_line(data, origin, path) if is_json(data) else self._yaml_line(data, origin, path)
        except (InputError, InvalidText, LookupError):  # gone or changed since
            return origin.line

    def where(self, origin: Origin, path: Path = ()) -> str:
        """`file:line`, or the file alone where no line is known."""
        line = self.line(origin, path)
        return f"{origin.source}:{line}" if line else origin.source

    def lines(self, source: str) -> list[bytes]:
        """The text as lines; none where it is not at hand, or does not look as it is read (UTF-16)."""
        try:
            data = self._data(source) if source in self._texts else b""
        except InputError:  # gone since
            return []
        return [] if data.startswith((b"\xff\xfe", b"\xfe\xff")) else data.splitlines()

    def _data(self, source: str) -> bytes:
        if self._held[0] != source:
            self._held = (source, self._texts[source].reread())
        return self._held[1]

    def _yaml_line(self, data: bytes, origin: Origin, path: Path) -> int:
        if path or origin.item < 0:
            steps = _from_root(origin, path)
            found = self._fields.get((origin.source, origin.document, steps))
            return found or yaml.locate(data, origin.source, origin.document, steps)
        key = (origin.source, origin.document)
        if key not in self._item_lines:
            self._item_lines[key] = yaml.item_lines(data, origin.source, origin.document)
        return self._item_lines[key][origin.item]

    def _json_line(self, data: bytes, origin: Origin, path: Path) -> int:
        if origin.source not in self._values:
            self._values[origin.source] = list(_readable(data, origin.source))
        line, raw = self._values[origin.source][origin.document]
        if origin.item >= 0:
            key = (origin.source, origin.document)
            if key not in self._items:
                self._items[key] = list(_starts(line, raw))
            line, raw = self._items[key][origin.item]
        return line + (json.locate(raw, path) if path else 0)


def _from_root(origin: Origin, path: Path) -> Path:
    """The path as it stands in the document, where the object may be the item of a list."""
    return path if origin.item < 0 else ("items", origin.item, *path)


def _readable(data: bytes, source: str) -> Iterator[_Start]:
    """The values of a text up to a mistake."""
    with suppress(InvalidText):
        yield from ((value.line, value.raw) for value in json.values(data, source))


def _starts(line: int, raw: Raw) -> Iterator[_Start]:
    """The items of a list, each with its first line; in one pass."""
    whole, at, counted = bytes(raw), -1, 0
    for item in json.items(raw) or ():
        # Items stand behind each other, with nothing but a comma and blanks between them.
        at = whole.index(bytes(item)) if at < 0 else _BETWEEN.match(whole, at).end()  # type: ignore[union-attr]
        line += whole.count(b"\n", counted, at)
        yield line, item
        counted = at
        at += memoryview(item).nbytes
