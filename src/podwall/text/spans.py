"""Where each value of a YAML (or JSON) document stands in its text: a tree of nodes with first and last characters.

For edits, which must know where a value ends as well as where it begins. Lines for readers are the business of `yaml`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from msgspec import Struct
from yaml import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    Mark,
    ScalarEvent,
    StreamEndEvent,
)

from podwall.text.events import begin, scanner

__all__ = ["Node", "Pair", "tree"]


class Node(Struct, frozen=True):
    """One value: characters `start..end` of the document's text, the end exclusive.

    A block collection ends where its last scalar or bracket does, so comments and blank lines behind it are outside.
    `pairs` are those of a mapping, `items` those of a list, both None for anything else; `style` is a scalar's quote,
    `|` or `>`, "" where it is plain. An alias has no value here.
    """

    start: int
    end: int
    flow: bool = False
    alias: bool = False
    style: str = ""
    pairs: tuple[Pair, ...] | None = None
    items: tuple[Node, ...] | None = None


class Pair(Struct, frozen=True):
    """A key, which is a scalar (its text None for any other), and its value."""

    key: str | None
    name: Node
    value: Node


def tree(data: bytes) -> Node | None:
    """The one value of a document; None for a text without any. Raises YAMLError where the text is not YAML."""
    following = scanner(data)
    following()
    if isinstance(following(), StreamEndEvent):
        return None
    return _node(following(), following)


def _node(event: Event, following: Callable[[], Event]) -> Node:
    """The node that begins with `event`; the depth was bounded when the document was read."""
    start, end = begin(event).index, _end(event).index
    if isinstance(event, AliasEvent):
        return Node(start, end, alias=True)
    if isinstance(event, ScalarEvent):
        style = event.style or ""
        return Node(start, end, style="" if style == ":" else style)
    if isinstance(event, MappingStartEvent):
        return _mapping(event, following)
    items = []
    while not isinstance(event_ := following(), CollectionEndEvent):
        items.append(_node(event_, following))
    return _collection(event, event_, Node(start, end, items=tuple(items)))


def _mapping(opened: CollectionStartEvent, following: Callable[[], Event]) -> Node:
    pairs = []
    while not isinstance(event := following(), CollectionEndEvent):
        key = event.value if isinstance(event, ScalarEvent) else None
        name = _node(event, following)
        pairs.append(Pair(key, name, _node(following(), following)))
    return _collection(opened, event, Node(begin(opened).index, 0, pairs=tuple(pairs)))


def _collection(opened: Event, closed: Event, node: Node) -> Node:
    flow = isinstance(opened, CollectionStartEvent) and bool(opened.flow_style)
    inside = [*(pair.value for pair in node.pairs or ()), *(node.items or ())]
    # A block's own end is where the next token begins, behind comments.
    end = _end(closed).index if flow or not inside else max(child.end for child in inside)
    return Node(node.start, end, flow=flow, pairs=node.pairs, items=node.items)


def _end(event: Event) -> Mark:
    return cast("Mark", event.end_mark)
