"""The map as the public JSON, written as its connections are found: they may be millions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from podwall.report.json import document
from podwall.report.maps.answer import Answer

__all__ = ["write"]

_AT_ONCE = 1_000  # connections, each of some kilobytes with its reasons


def write(answer: Answer) -> Iterator[str]:
    """What `document` says of the whole map, in parts."""
    empty = '"connections": []'
    head, _, tail = document(answer.head).partition(f"\n  {empty}")
    part = list(islice(answer.connections, _AT_ONCE))
    if not part:
        yield document(answer.head)
        return
    yield f'{head}\n  "connections": [\n'
    while part:
        # The brackets of the part are those of the whole list; two spaces further in.
        lines = msgspec.json.format(msgspec.json.encode(part), indent=2).decode()[2:-2].replace("\n", "\n  ")
        part = list(islice(answer.connections, _AT_ONCE))
        yield f"  {lines}{',' if part else ''}\n"
    yield f"  ]{tail}"
