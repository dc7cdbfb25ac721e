"""The public JSON: indented for people, one object a line for streams; the same result gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, Struct

__all__ = ["document", "line", "parts"]

_AT_ONCE = 10_000  # entries


def document(result: Struct | dict[str, Any]) -> str:
    """A whole result, indented."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def line(result: object) -> str:
    """One result on one line."""
    return msgspec.json.encode(result).decode() + "\n"


def parts(result: Struct) -> Iterator[str]:
    """What `document` says, in parts: a list of the result may have millions of entries."""
    fields = [(name, value) for name in result.__struct_fields__ if (value := getattr(result, name)) is not UNSET]
    start = "{"
    for name, value in fields:
        yield f'{start}\n  "{name}": '
        yield from _listed(value) if isinstance(value, list) and value else [_indented(value)]
        start = ","
    yield "\n}\n" if fields else "{}\n"


def _listed(entries: list[object]) -> Iterator[str]:
    yield "[\n"
    for start in range(0, len(entries), _AT_ONCE):
        last = start + _AT_ONCE >= len(entries)
        # The brackets of the part are those of the whole list.
        yield f"{_indented(entries[start : start + _AT_ONCE])[2:-4]}{'' if last else ','}\n"
    yield "  ]"


def _indented(value: object) -> str:
    """A value as it stands in a document's field."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode().replace("\n", "\n  ")
