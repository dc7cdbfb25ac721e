"""Positioned edits of YAML and JSON text: what an edit names is changed, every other byte stays as it is."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from podwall.cluster.objects import Origin
from podwall.text.where import Path

__all__ = ["Edit"]


class Edit(Struct, frozen=True):
    """One change of one object's text.

    `add` puts `value` at a key, or before an item of a list (the list's length: behind the last); `replace` and
    `remove` are about what is there; `rename` gives a key the name `value`; `append` writes a whole new object
    (`value`, in the order of its keys) as a further document behind the one at `origin`, and its path is empty. A value
    is plain data: mappings, lists, text, whole numbers, true, false and None.
    """

    origin: Origin
    op: Literal["add", "replace", "remove", "rename", "append"]
    path: Path
    value: object = None
