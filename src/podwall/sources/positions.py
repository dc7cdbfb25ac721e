"""Places → lines: an object's first line and a field's, found by reading its text once more when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Raw

from podwall.cluster.objects import Origin
from podwall.errors import InputError, InvalidText
from podwall.sources.files import Text
from podwall.text import json, yaml
from podwall.text.where import Path

__all__ = ["Positions"]


class Positions:
    """Lines in texts that were read once. Files are read again, so a text is at hand only while it is looked at."""

    def __init__(self, texts: Iterable[Text]) -> None:
        self._texts = {text.name: text.again() for text in texts}
        self._held: tuple[str, bytes] = ("", b"")
        self._items: dict[tuple[str, int], list[tuple[int, Raw]]] = {}
        self._yaml_items: dict[tuple[str, int], list[int]] = {}

    def line(self, origin: Origin, path: Path = ()) -> int:
        """The line of an object, or of one of its fields; 0 where the text is not at hand."""
        if origin.line and not path:
            return origin.line
        if origin.source not in self._texts:
            return 0
        try:
            data = self._data(origin.source)
            if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
                return self._json_line(data, origin, path)
            return self._yaml_line(data, origin, path)
        except (InputError, InvalidText, LookupError):  # gone or changed since
            return origin.line

    def where(self, origin: Origin, path: Path = ()) -> str:
        """`file:line`, or the file alone where no line is known."""
        line = self.line(origin, path)
        return f"{origin.source}:{line}" if line else origin.source

    def _data(self, source: str) -> bytes:
        if self._held[0] != source:
            self._held = (source, self._texts[source].reread())
        return self._held[1]

    def _yaml_line(self, data: bytes, origin: Origin, path: Path) -> int:
        if origin.item < 0:
            return yaml.locate(data, origin.source, origin.document, path)
        if path:
            return yaml.locate(data, origin.source, origin.document, ("items", origin.item, *path))
        key = (origin.source, origin.document)
        if key not in self._yaml_items:
            self._yaml_items[key] = yaml.item_lines(data, origin.source, origin.document)
        return self._yaml_items[key][origin.item]

    def _json_line(self, data: bytes, origin: Origin, path: Path) -> int:
        line, raw = self._json_values(data, origin)[max(origin.item, 0)]
        return line + (json.locate(raw, path) if path else 0)

    def _json_values(self, data: bytes, origin: Origin) -> list[tuple[int, Raw]]:
        """The items of one value, or the value itself, each with its first line; found in one pass."""
        key = (origin.source, origin.document)
        if key not in self._items:
            value = next(v for n, v in enumerate(json.values(data, origin.source)) if n == origin.document)
            whole = bytes(value.raw)
            found: list[tuple[int, Raw]] = []
            line, at = value.line, 0
            for raw in json.items(value.raw) or [value.raw]:
                start = whole.index(bytes(raw), at)
                line += whole.count(b"\n", at, start)
                found.append((line, raw))
                at = start
            self._items[key] = found
        return self._items[key]
