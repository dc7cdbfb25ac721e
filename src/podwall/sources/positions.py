"""Places → lines: an object's first line and a field's, found by reading its text once more when somebody asks.

PyYAML is imported where a text is YAML, here and in `entries`: it takes longer than most other modules together, and
dumps of big clusters are JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice

import msgspec
from msgspec import DecodeError, Raw, Struct

from podwall.cluster.objects import Origin
from podwall.errors import InputError, InvalidText
from podwall.sources.files import Text, is_json
from podwall.text import json
from podwall.text.lines import Lines
from podwall.text.where import Path, parse_field

__all__ = ["Positions", "is_kept"]


class _Value(Struct, frozen=True):
    """A JSON value of a text, the items that it lists and their offsets in it, and its lines."""

    items: list[Raw]
    offsets: list[int]
    lines: Lines
    raw: bytes | Raw


class Positions:
    """Lines in texts that were read once. Files are read again, so a text is at hand only while it is looked at.

    `kept` are the lines of objects out of snapshots: JSON objects of lines by field.
    """

    def __init__(self, texts: Iterable[Text], kept: Mapping[Origin, Raw] | None = None) -> None:
        self._texts = {text.name: text.again() for text in texts}
        self._kept = kept or {}
        self._lines: dict[Origin, dict[Path, int]] = {}
        self._held: tuple[str, bytes] = ("", b"")
        self._values: dict[tuple[str, int], _Value] = {}
        self._item_lines: dict[tuple[str, int], list[int]] = {}
        self._fields: dict[tuple[str, int, Path], int] = {}

    def prepare(self, places: Iterable[tuple[Origin, Path]]) -> None:
        """Looks up many fields at once: one pass over each text, where asking one by one would take one each."""
        wanted: dict[str, dict[int, set[Path]]] = {}
        for origin, path in places:
            if path and origin.source in self._texts and not is_kept(origin):
                wanted.setdefault(origin.source, {}).setdefault(origin.document, set()).add(_from_root(origin, path))
        for source, documents in sorted(wanted.items()):
            try:
                data = self._data(source)
                if not is_json(data):
                    self._locate_yaml(data, source, documents)
            except (InputError, InvalidText, LookupError):  # gone or changed since
                continue

    def _locate_yaml(self, data: bytes, source: str, documents: Mapping[int, Collection[Path]]) -> None:
        from podwall.text import yaml

        lines = yaml.locate_all(data, source, documents)
        self._fields |= {(source, index, path): line for (index, path), line in lines.items()}

    def line(self, origin: Origin, path: Path = ()) -> int:
        """The line of an object, or of one of its fields; 0 where the text is not at hand."""
        if origin.line and not path:
            return origin.line
        if is_kept(origin):
            return self._kept_line(origin, path)
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

    def lines(self, source: str, first: int) -> Iterator[bytes]:
        """The text's lines from one on; none where it is not at hand, or does not look as it is read (UTF-16)."""
        try:
            data = self._data(source) if source in self._texts else b""
        except InputError:  # gone since
            return iter(())
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return iter(())
        known = self._values.get((source, 0))
        if known is not None and known.raw is data:
            return known.lines.since(first)
        return islice(data.splitlines(), first - 1, None)

    def fields(self, origin: Origin, paths: Collection[Path]) -> dict[Path, int]:
        """The lines of many fields of one object, as `line` finds them; empty where the text is not at hand."""
        if is_kept(origin) or origin.source not in self._texts:
            found = {path: self.line(origin, path) for path in paths}
            return {path: line for path, line in found.items() if line}
        try:
            data = self._data(origin.source)
            if is_json(data):
                line, raw = self._start(data, origin)
                return {path: line + more for path, more in json.locate_all(raw, paths).items()}
        except (InputError, InvalidText, LookupError):  # gone or changed since
            return {}
        return {path: self._yaml_line(data, origin, path) for path in paths}

    def _kept_line(self, origin: Origin, path: Path) -> int:
        """The line of the nearest field that has one."""
        if origin not in self._lines:
            kept = msgspec.json.decode(self._kept.get(origin, b"{}"), type=dict[str, int])
            self._lines[origin] = {parse_field(field): line for field, line in kept.items()}
        lines = self._lines[origin]
        return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), origin.line)

    def _data(self, source: str) -> bytes:
        if self._held[0] != source:
            self._held = (source, self._texts[source].reread())
        return self._held[1]

    def _yaml_line(self, data: bytes, origin: Origin, path: Path) -> int:
        from podwall.text import yaml

        if path or origin.item < 0:
            steps = _from_root(origin, path)
            found = self._fields.get((origin.source, origin.document, steps))
            return found or yaml.locate(data, origin.source, origin.document, steps)
        key = (origin.source, origin.document)
        if key not in self._item_lines:
            self._item_lines[key] = yaml.item_lines(data, origin.source, origin.document)
        return self._item_lines[key][origin.item]

    def _json_line(self, data: bytes, origin: Origin, path: Path) -> int:
        line, raw = self._start(data, origin)
        return line + (json.locate(raw, path) if path else 0)

    def _start(self, data: bytes, origin: Origin) -> tuple[int, bytes | Raw]:
        """The first line of an object, and its text."""
        key = (origin.source, origin.document)
        if key not in self._values:
            self._values[key] = _value(data, origin)
        value = self._values[key]
        if origin.item < 0:
            return value.lines.at(0), value.raw
        return value.lines.at(value.offsets[origin.item]), value.items[origin.item]


def is_kept(origin: Origin) -> bool:
    """Whether an object came out of a snapshot, so that its text is not at hand."""
    return origin.document < 0


def _from_root(origin: Origin, path: Path) -> Path:
    """The path as it stands in the document, where the object may be the item of a list."""
    return path if origin.item < 0 else ("items", origin.item, *path)


def _value(data: bytes, origin: Origin) -> _Value:
    """The value that an origin is in. Raises LookupError where the text has none there."""
    if origin.document == 0 and origin.item >= 0:
        with suppress(DecodeError):  # the common case at once: one List is the whole text
            items = json.items(data)
            if items:
                return _Value(items, json.offsets(data, items), Lines(data), data)
    values = list(_readable(data, origin.source))
    line, raw = values[origin.document]
    items = json.items(raw) or [] if origin.item >= 0 else []
    whole = bytes(raw)
    return _Value(items, json.offsets(whole, items), Lines(whole, line), raw)


def _readable(data: bytes, source: str) -> Iterator[tuple[int, Raw]]:
    """The values of a text up to a mistake, each with its first line."""
    with suppress(InvalidText):
        yield from ((value.line, value.raw) for value in json.values(data, source))
