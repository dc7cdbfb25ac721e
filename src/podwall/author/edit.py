"""Positioned edits of YAML and JSON text: what an edit names is changed, every other byte stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from podwall.cluster.objects import Origin
from podwall.text.rewrite import Change, rewritten
from podwall.text.where import Path

__all__ = ["Edit", "edited"]


class Edit(Struct, frozen=True):
    """One change of one object's text.

    `add` puts `value` at a key, or before an item of a list (the list's length: behind the last); `replace` and
    `remove` are about what is there, `remove` with an empty path about the whole object; `rename` gives a key the name
    `value`; `append` writes a whole new object (`value`, in the order of its keys) as a further document behind the one
    at `origin`, and its path is empty. A value is plain data: mappings, lists, text, whole numbers, true, false and
    None.
    """

    origin: Origin
    op: Literal["add", "replace", "remove", "rename", "append"]
    path: Path
    value: object = None


def edited(texts: Mapping[str, bytes], edits: Sequence[Edit]) -> dict[str, bytes]:
    """The texts, by the name of their source, that the edits change; each edit sees what those before it have left.

    Raises CannotEdit, for all of them, where one cannot be made; LookupError for a source that is not given.
    """
    out: dict[str, bytes] = {}
    for edit in edits:
        source = edit.origin.source
        data = out.get(source, texts[source])
        out[source] = rewritten(data, source, [_change(edit)])
    return {source: data for source, data in out.items() if data != texts[source]}


def _change(edit: Edit) -> Change:
    """The edit as one of its document: an object may be an item of a list."""
    if edit.origin.item < 0:
        return Change(edit.origin.document, edit.op, edit.path, edit.value)
    if edit.op == "append":
        return Change(edit.origin.document, "add", ("items", edit.origin.item + 1), edit.value)
    return Change(edit.origin.document, edit.op, ("items", edit.origin.item, *edit.path), edit.value)
