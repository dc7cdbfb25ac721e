"""Edits of YAML and JSON texts: what a change names is written anew, every other byte stays as it is.

Comments, order, quotes and indentation belong to people, so a text is never printed from its values. What an edit has
made is read again before it is given out: it is the old value with that change, or there is no edit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from yaml import YAMLError

from podwall.errors import CannotEdit, InvalidText
from podwall.text import yaml
from podwall.text.chunks import Chunk, split
from podwall.text.spans import Node, tree
from podwall.text.splice import Place, Splice, added, appended, removed, renamed, replaced
from podwall.text.where import Path, field

__all__ = ["Change", "rewritten"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MOST = 1 << 20  # bytes of a document: its tree takes ten seconds for a megabyte


class Change(Struct, frozen=True):
    """One edit of one document, which counts from 0 as `yaml.Document.index` does.

    `add` puts `value` at a key that is not there, or before an item of a list (its length: behind the last); `replace`
    and `remove` are about what is there, `remove` without a path about the document with its separator; `rename` gives
    the key at the end of `path` the name `value`; `append` writes `value` as a document of its own behind this one, and
    has no path.
    """

    document: int
    op: Literal["add", "replace", "remove", "rename", "append"]
    path: Path
    value: object = None

    @property
    def documents(self) -> int:
        """How many documents more there are with it."""
        return 1 if self.op == "append" else -1 if not self.path else 0


def rewritten(data: bytes, source: str, changes: Sequence[Change]) -> bytes:
    """The text with the changes made, one after the other, each on what the one before it has left.

    Raises CannotEdit where one cannot be made without touching more than it names.
    """
    for change in changes:
        try:
            data = _checked(data, source, change)
        except (InvalidText, YAMLError, LookupError, ValueError) as error:
            raise CannotEdit(f"{source}: {field(change.path)} cannot be edited in place: {error}") from None
    return data


def _checked(data: bytes, source: str, change: Change) -> bytes:
    """One change, made and read again."""
    if data.startswith(_UTF16) or b"\r\r\n" in data:
        raise ValueError("the text is UTF-16, or has lines that end in two returns; save it as UTF-8")
    made = _changed(data, source, change)
    old, new = _touched(list(split(data, source)), list(split(made, source)), change)
    before, after = _values(old, source), _values(new, source)
    if _plain(after) != _plain(_expected(before, change)):
        raise ValueError("the edit would change something else as well; edit it by hand")
    return made


def _touched(old: list[Chunk], new: list[Chunk], change: Change) -> tuple[list[Chunk], list[Chunk]]:
    """The parts that have to be read again: where all others are the same bytes, none but those of the change."""
    here, added = change.document, len(new) - len(old)
    same = [chunk.data for chunk in old[:here]] == [chunk.data for chunk in new[:here]]
    behind = [chunk.data for chunk in old[here + 1 :]] == [chunk.data for chunk in new[here + 1 + added :]]
    if added == change.documents and same and behind:
        return old[here : here + 1], new[here : here + 1 + added]
    return old, new


def _values(chunks: Sequence[Chunk], source: str) -> dict[int, object]:
    """What the parts hold, by their positions."""
    return {chunk.index: document.value for chunk in chunks for document in yaml.documents(chunk.data, source)}


def _changed(data: bytes, source: str, change: Change) -> bytes:
    chunk = next((c for c in split(data, source) if c.index == change.document), None)
    if chunk is None:
        raise LookupError(f"there is no document {change.document}")
    if len(chunk.data) > _MOST:
        raise ValueError(f"a document of {len(chunk.data):,} bytes is a dump, not a file that people edit")
    if change.documents < 0:
        return _without(data, chunk, [c.offset for c in split(data, source)])
    text = chunk.text()
    splice = _splice(chunk, text, change)
    # A byte order mark is no character of the text that libyaml counts.
    mark = len(chunk.data) - len(text.encode())
    start = chunk.offset + mark + len(text[: splice.start].encode())
    end = min(start + len(text[splice.start : splice.end].encode()), len(data))
    new = splice.text.replace("\n", "\r\n") if b"\r\n" in chunk.data else splice.text
    if start > len(data):  # behind a last line that has no end
        return data + b"\n" + new.encode()
    return data[:start] + new.encode() + data[end:]


def _without(data: bytes, chunk: Chunk, offsets: Sequence[int]) -> bytes:
    """The text without a document, and without the separator behind it or, where it is the last one, before it."""
    following = [offset for offset in offsets if offset > chunk.offset]
    if following:
        opening = re.match(rb"---.*\n", chunk.data)
        return data[: chunk.offset + (opening.end() if opening else 0)] + data[following[0] :]
    if not chunk.offset:
        raise ValueError("it is all that the text holds; delete the file")
    return data[: data.rindex(b"\n---", 0, chunk.offset) + 1]


def _splice(chunk: Chunk, text: str, change: Change) -> Splice:
    root = tree(chunk.data)
    if change.op == "append":
        return appended(text, change.value)
    if root is None:
        raise LookupError("the document is empty")
    quoted = re.match(r"\s*[\[{]", text) is not None  # JSON: what is written must be JSON too
    place = _place(root, text, change, quoted=quoted)
    match change.op:
        case "replace":
            return replaced(place, change.value)
        case "remove":
            return removed(place)
        case "rename":
            return renamed(place, str(change.value))
        case _:
            return added(place, change.value)


def _place(root: Node, text: str, change: Change, *, quoted: bool) -> Place:
    """The node that holds the last step of the path, and the way there."""
    way = [root]
    for step in change.path[:-1]:
        way.append(_child(way[-1], step))
    if not change.path:
        raise LookupError("the whole document")
    return Place(text, tuple(way), tuple(change.path), quoted)


def _child(node: Node, step: str | int) -> Node:
    if node.alias:
        raise ValueError("it stands behind an alias")
    if isinstance(step, int) and node.items is not None:
        return node.items[step]
    for pair in node.pairs or ():
        if pair.key == step:
            return pair.value
    raise LookupError(f"there is no {step}")


def _expected(before: dict[int, object], change: Change) -> dict[int, object]:
    """The documents as they should be: the change made on plain data."""
    if change.op == "append":
        moved = {index + (index > change.document): value for index, value in before.items()}
        return {**moved, change.document + 1: change.value}
    if change.documents < 0:
        return {index - (index > change.document): v for index, v in before.items() if index != change.document}
    documents = {index: _own(value) if index == change.document else value for index, value in before.items()}
    target = documents[change.document]
    for step in change.path[:-1]:
        target = target[step]  # type: ignore[index]
    _apply(target, change.path[-1], change)
    return documents


def _own(value: object) -> object:
    """A copy in which no two places share a value, as those behind an alias do."""
    if isinstance(value, dict):
        return {key: _own(inner) for key, inner in value.items()}
    return [_own(inner) for inner in value] if isinstance(value, list) else value


def _apply(target: object, last: str | int, change: Change) -> None:
    if isinstance(target, list) and isinstance(last, int):
        if change.op == "add":
            target.insert(last, change.value)
        elif change.op == "remove":
            del target[last]
        else:
            target[last] = change.value
    elif isinstance(target, dict) and isinstance(last, str):
        if change.op == "remove":
            del target[last]
        elif change.op == "rename":
            target[str(change.value)] = target.pop(last)
        else:
            target[last] = change.value
    else:
        raise LookupError(f"there is no {last}")


def _plain(documents: dict[int, object]) -> list[tuple[int, object]]:
    """Documents that hold something, in order."""
    return sorted((index, value) for index, value in documents.items() if value is not None)
