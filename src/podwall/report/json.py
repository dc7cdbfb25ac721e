"""The public JSON: indented for people, one object a line for streams; the same result gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from podwall.report.public import Map

__all__ = ["document", "line", "map_parts"]

_AT_ONCE = 10_000  # connections


def document(result: Struct | dict[str, Any]) -> str:
    """A whole result, indented."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def line(result: object) -> str:
    """One result on one line."""
    return msgspec.json.encode(result).decode() + "\n"


def map_parts(result: Map) -> Iterator[str]:
    """What `document` says of a map, in parts: its connections may be millions."""
    empty = '"connections": []'
    head, _, tail = document(msgspec.structs.replace(result, connections=[])).partition(f"\n  {empty}")
    if not result.connections:
        yield document(result)
        return
    yield f'{head}\n  "connections": [\n'
    for start in range(0, len(result.connections), _AT_ONCE):
        part = msgspec.json.encode(result.connections[start : start + _AT_ONCE])
        # The brackets of the part are those of the whole list; two spaces further in.
        lines = msgspec.json.format(part, indent=2).decode()[2:-2].replace("\n", "\n  ")
        last = start + _AT_ONCE >= len(result.connections)
        yield f"  {lines}{'' if last else ','}\n"
    yield f"  ]{tail}"
