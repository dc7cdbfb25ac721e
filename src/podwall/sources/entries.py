"""Texts → single objects, not yet decoded: JSON values or YAML documents, lists taken apart, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Raw, Struct, ValidationError

from podwall.api.meta import Header
from podwall.cluster.objects import Origin
from podwall.errors import InvalidText
from podwall.sources.files import Text, is_json
from podwall.text import json

__all__ = ["Entry", "entries", "header", "in_template"]

_TEMPLATE = re.compile(rb"\{\{|\{%")


class Entry(Struct, frozen=True):
    """One object before it is decoded: JSON text, else a plain value; `default` is the kind that its list implies."""

    origin: Origin
    raw: Raw | None = None
    value: object = None
    default: Header = Header()

    def plain(self) -> object:
        """The value, whatever it was read from."""
        return self.value if self.raw is None else msgspec.json.decode(self.raw)


def entries(text: Text, refused: list[InvalidText]) -> Iterator[Entry]:
    """Every object of a text; what cannot be read goes to `refused`, and the next document is read."""
    if not is_json(text.data) or b"\n---" in text.data:  # JSON has no such line: these are JSON documents in YAML
        yield from _of_yaml(text, refused)
        return
    try:
        yield from _of_json(text)
    except InvalidText as error:
        refused.append(error)


def _of_json(text: Text) -> Iterator[Entry]:
    for number, value in enumerate(json.values(text.data, text.name)):
        of_list = header(value.raw)
        items = json.items(value.raw) if _is_list(of_list.kind) else None
        if items is None:
            yield Entry(Origin(text.name, number, -1, value.line), value.raw)
            continue
        default = _of_items(of_list)
        for position, raw in enumerate(items):
            yield Entry(Origin(text.name, number, position), raw, default=default)


def _of_yaml(text: Text, refused: list[InvalidText]) -> Iterator[Entry]:
    from podwall.text import yaml  # `positions` says why here

    documents = yaml.documents(text.data, text.name, refused)
    while True:
        try:
            document = next(documents, None)
        except InvalidText as error:  # a separator that is none: where the next document begins is not known
            refused.append(error)
            return
        if document is None:
            return
        value = document.value
        of_list = _plain_header(value)
        items = value.get("items") if isinstance(value, dict) and _is_list(of_list.kind) else None
        if isinstance(items, list):
            default = _of_items(of_list)
            for position, item in enumerate(items):
                yield Entry(Origin(text.name, document.index, position), value=item, default=default)
        else:
            yield Entry(Origin(text.name, document.index, -1, document.line), value=value)


def header(raw: Raw) -> Header:
    """The kind and apiVersion of a JSON value, empty where it has none."""
    try:
        return msgspec.json.decode(raw, type=Header)
    except (ValidationError, RecursionError):
        return Header()


def _plain_header(value: object) -> Header:
    try:
        return msgspec.convert(value, Header)
    except ValidationError:
        return Header()


def _is_list(kind: str) -> bool:
    """A List, a PodList and the like, or `items` without a kind, as clients of the API hand them on."""
    return not kind or kind.endswith("List")


def _of_items(of_list: Header) -> Header:
    """What the items of a PodList and the like are where they do not say it."""
    kind = of_list.kind.removesuffix("List")
    return Header(kind, of_list.apiVersion) if kind else Header()


def in_template(data: bytes, lines: Iterable[int]) -> bool:
    """Whether a document around one of the lines (from 1) has template syntax in it."""
    if not _TEMPLATE.search(data):
        return False
    document, documents, templates = 0, [], set()
    for line in data.splitlines():
        document += line.startswith(b"---")
        documents.append(document)
        if _TEMPLATE.search(line):
            templates.add(document)
    return any(documents[min(line, len(documents)) - 1] in templates for line in lines)
