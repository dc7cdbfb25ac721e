"""One YAML document from libyaml's events to plain values, without recursion and with bounds on depth and aliases.

What a scalar means is `scalars`' business; cutting a text into documents and wording libyaml's errors is `yaml`'s.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from msgspec import Struct
from yaml import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentEndEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    Mark,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from podwall.text import scalars
from podwall.text.events import begin, scanner

MAX_DEPTH = 200
"""Levels of nesting, aliases followed. Kubernetes objects have about a dozen."""

# goyaml.v2: up to 400,000 nodes, 99 of 100 may come from aliases; from 4,000,000 on, 10 of 100; linear in between.
_FEW_NODES, _MANY_NODES = 400_000, 4_000_000
_FEW_SHARE, _MANY_SHARE = 0.99, 0.10

_TOO_DEEP = f"more than {MAX_DEPTH} levels of nesting; no Kubernetes object has so many, check the brackets"
_NO_MERGE = "`<<` takes a mapping, an alias of one, or a list of these; write the keys out"
_MERGE: Final = object()
_UNKNOWN: Final = object()
_TEXT_ONLY: frozenset[type] = frozenset([str])
_Frame: TypeAlias = "tuple[list[object], CollectionStartEvent, int]"


class Refused(Exception):
    """Well-formed YAML that no object can be made of."""

    def __init__(self, mark: Mark, message: str, first: Mark | None = None) -> None:
        self.mark = mark
        self.message = message
        self.first = first
        super().__init__(message)


class _Anchor(Struct, frozen=True):
    """A finished node that aliases may stand for: how many nodes it is when written out, how many levels deep."""

    value: object
    size: int
    height: int


class Builder:
    """Builds the one value of a document. `cache` maps unquoted texts to their values and may be shared."""

    def __init__(self, data: bytes, cache: dict[str, object]) -> None:
        self._data = data
        self._cache = cache
        self._next = scanner(data)
        # A node that is still open is kept as its event: an alias to it would contain itself.
        self._anchors: dict[str, _Anchor | Event] = {}
        # By id(); the anchor keeps its value alive, so that the id stays its own.
        self._heights: dict[int, _Anchor] = {}
        self._aliased = 0

    def build(self) -> tuple[Mark, object] | None:
        """Where the content begins and its value, or None where there is none. Raises YAMLError and Refused."""
        self._next()
        if isinstance(self._next(), StreamEndEvent):
            return None
        first = self._next()
        value = self._node(first)
        rest = self._next()
        if not isinstance(rest, StreamEndEvent):
            raise Refused(begin(rest), "a second document that kubectl would drop; write a line `---` before it")
        return begin(first), value

    def _node(self, event: Event) -> object:  # noqa: C901 - the hot loop: one branch for each kind of event
        # Children gather in `items`; `frames` holds what is open around them. One turn per event.
        following, cached = self._next, self._cache.get
        items: list[object] = []
        frames: list[_Frame] = []
        nodes = 0
        while True:
            if type(event) is ScalarEvent:
                nodes += 1
                value: object = event.value
                if event.implicit[0] or event.tag is not None:
                    value = cached(event.value, _UNKNOWN) if event.tag is None else _UNKNOWN
                    if value is _UNKNOWN:
                        value = self._scalar(event, items, frames)
                if event.anchor is not None:
                    self._anchors[event.anchor] = _Anchor(value, 1, 0)
                items.append(value)
            elif type(event) is MappingEndEvent or type(event) is SequenceEndEvent:
                value = self._mapping(items, frames) if type(event) is MappingEndEvent else items
                items, opened, before = frames.pop()
                if opened.anchor is not None:
                    self._finish(opened, value, nodes + self._aliased - before)
                items.append(value)
            elif type(event) is MappingStartEvent or type(event) is SequenceStartEvent:
                frames.append((items, event, nodes + self._aliased))
                nodes += 1
                items = self._open(event, len(frames))
            elif type(event) is AliasEvent:
                nodes += 1
                items.append(self._alias(event, items, frames, nodes))
            elif type(event) is DocumentEndEvent:
                return items[0]
            event = following()

    def _scalar(self, event: ScalarEvent, items: list[object], frames: list[_Frame]) -> object:
        text: str = event.value
        at_key = _at_key(items, frames)
        if text == "<<" and event.tag in (None, scalars.MERGE_TAG):
            return _MERGE if at_key else text
        if event.tag is not None and not text and frames and frames[-1][1].flow_style:
            raise Refused(begin(event), "a tag without a value, behind which kubectl reads on; take it away")
        try:
            value = scalars.plain(text) if event.tag is None else scalars.tagged(event.tag, text)
            if isinstance(value, float):
                return scalars.key(value) if at_key else scalars.number(value)
        except ValueError as error:
            raise Refused(begin(event), str(error)) from None
        if event.tag is None:
            self._cache[text] = value
        return value

    def _open(self, event: CollectionStartEvent, depth: int) -> list[object]:
        if depth > MAX_DEPTH:
            raise Refused(begin(event), _TOO_DEEP)
        if event.anchor is not None:
            self._anchors[event.anchor] = event
        return []

    def _finish(self, opened: CollectionStartEvent, value: object, size: int) -> None:
        anchor = _Anchor(value, size, self._height(value))
        self._heights[id(value)] = anchor
        # Inside it the same name may have been given again, and then that one counts.
        name = str(opened.anchor)
        if self._anchors[name] is opened:
            self._anchors[name] = anchor

    def _height(self, value: object) -> int:
        height, todo = 0, [(value, 1)]
        while todo:
            node, level = todo.pop()
            known = self._heights.get(id(node))
            if known is not None:
                height = max(height, level - 1 + known.height)
                continue
            height = max(height, level)
            children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
            todo.extend((child, level + 1) for child in children if isinstance(child, dict | list))
        return height

    def _alias(self, event: AliasEvent, items: list[object], frames: list[_Frame], nodes: int) -> object:
        anchor = self._anchors.get(str(event.anchor))
        if anchor is None:
            raise Refused(begin(event), f"`*{event.anchor}` refers to nothing; define `&{event.anchor}` before it")
        if isinstance(anchor, Event):
            raise Refused(begin(event), f"`*{event.anchor}` stands inside what it refers to; write it out")
        self._aliased += anchor.size
        if _excessive(self._aliased, nodes):
            raise Refused(begin(event), "aliases blow this document up beyond what kubectl accepts; write it out")
        if len(frames) + anchor.height > MAX_DEPTH:
            raise Refused(begin(event), _TOO_DEEP)
        value = "<<" if anchor.value is _MERGE else anchor.value
        if _at_key(items, frames):
            if not isinstance(value, str):
                raise Refused(begin(event), f"`*{event.anchor}` stands for no text; write the key out")
        elif items and items[-1] is _MERGE and not isinstance(value, dict):
            raise Refused(begin(event), _NO_MERGE)
        return value

    def _mapping(self, items: list[object], frames: list[_Frame]) -> dict[str, object]:
        keys: list[Any] = items[::2]
        try:
            value = dict(zip(keys, items[1::2], strict=True))
        except TypeError:
            return self._odd_mapping(items, frames)
        if len(value) == len(keys) and _TEXT_ONLY.issuperset(map(type, value)):
            return value
        return self._odd_mapping(items, frames)

    def _odd_mapping(self, items: list[object], frames: list[_Frame]) -> dict[str, object]:
        """A mapping with merges or keys that are no text, or one to be refused."""
        value: dict[str, object] = {}
        own: dict[str, int] = {}
        for position in range(0, len(items), 2):
            try:
                if items[position] is _MERGE:
                    # As goyaml.v2 has it, a merge wins over the keys before it and loses against those behind it.
                    value.update(_to_merge(items[position + 1]))
                    continue
                key = _key(items[position])
            except ValueError as error:
                raise Refused(self._mark(frames, position), str(error)) from None
            if key in own:
                message = f"duplicate key `{key}`; keep one of them, kubectl would take the last"
                raise Refused(self._mark(frames, position), message, self._mark(frames, own[key]))
            own[key] = position
            value[key] = items[position + 1]
        return value

    def _mark(self, frames: list[_Frame], position: int) -> Mark:
        """Where the child `position` (keys and values counted) of the innermost open collection begins.

        Marks are costly to keep and wanted only in an error, so the text up to here is read once more.
        """
        start, depth = begin(frames[-1][1]).index, len(frames)
        following = scanner(self._data)
        level, inside, children = 0, False, 0
        while True:
            event = following()
            if isinstance(event, CollectionEndEvent):
                level -= 1
            elif isinstance(event, NodeEvent):
                if inside and level == depth:
                    if children == position:
                        return begin(event)
                    children += 1
                if isinstance(event, CollectionStartEvent):
                    level += 1
                    inside = inside or (level == depth and begin(event).index == start)


def _at_key(items: list[object], frames: list[_Frame]) -> bool:
    return not len(items) % 2 and bool(frames) and type(frames[-1][1]) is MappingStartEvent


def _key(item: object) -> str:
    if item is None or isinstance(item, str | bool | int | float):
        return scalars.key(item)
    raise ValueError("a mapping or a list cannot be a key; quote it (is it an unquoted `{{ template }}`?)")


def _to_merge(value: object) -> dict[str, object]:
    parts = value[::-1] if isinstance(value, list) else [value]
    merged: dict[str, object] = {}
    for part in parts:
        if isinstance(part, dict):
            merged.update(part)
        else:
            raise ValueError(_NO_MERGE)
    return merged


def _excessive(aliased: int, own: int) -> bool:
    nodes = aliased + own
    if aliased <= 100 or nodes <= 1000:
        return False
    part = min(1.0, max(0.0, (nodes - _FEW_NODES) / (_MANY_NODES - _FEW_NODES)))
    return aliased / nodes > _FEW_SHARE - (_FEW_SHARE - _MANY_SHARE) * part
