"""Unknown fields of policy kinds (D21): found all at once, named with what was probably meant, and dropped as the API
server drops them."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from podwall.text.where import Path, near

__all__ = ["UnknownField", "without_unknown"]


class UnknownField(Struct, frozen=True):
    """A field that the kind does not have; `meant` is the nearest one that it has."""

    path: Path
    meant: str | None


def without_unknown(value: object, kind: type[Struct]) -> tuple[object, list[UnknownField]]:
    """The value without fields that are not the kind's, and those fields, in document order."""
    found: list[UnknownField] = []
    return _cleaned(value, kind, (), found), found


def _cleaned(value: object, kind: type[Struct], path: Path, found: list[UnknownField]) -> object:
    if not isinstance(value, dict):
        return value
    config = kind.__struct_config__
    fields = {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
    out: dict[str, object] = {}
    for name, item in value.items():
        if name in fields:
            out[name] = _within(item, fields[name], (*path, name), found)
        elif name == config.tag_field or not config.forbid_unknown_fields:
            out[name] = item
        else:
            found.append(UnknownField((*path, name), near(name, fields)))
    return out


def _within(value: object, annotation: object, path: Path, found: list[UnknownField]) -> object:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, Struct):
            return _cleaned(value, option, path, found)
        if typing.get_origin(option) is list and isinstance(value, list):
            (item_type,) = typing.get_args(option)
            return [_within(item, item_type, (*path, i), found) for i, item in enumerate(value)]
    return value


def _options(annotation: object) -> Iterator[object]:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        yield from typing.get_args(annotation)
    else:
        yield annotation
