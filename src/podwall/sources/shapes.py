"""Plain values held against the declared types of a kind, where the decoder refused them: every place that is wrong.

Fields that a policy kind does not have are dropped as the API server drops them (D21); null counts as absent, as there.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from functools import cache

import msgspec
from msgspec import Raw, Struct, structs

from podwall.text.where import Path, near

__all__ = ["Slip", "fitted"]

_WORDS: dict[object, str] = {
    dict: "a mapping",
    list: "a list",
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    types.NoneType: "null",
}

_DIGITS = re.compile(r"-?(0|[1-9][0-9]{0,9})")


class Slip(Struct, frozen=True):
    """A place where a value is not what its kind declares; with `warning` the API server takes it nevertheless.

    `meant` is the value, or for an unknown field the key, that was probably meant.
    """

    path: Path
    message: str
    warning: bool = False
    meant: str | int | None = None


def fitted(
    value: object, kind: type[Struct], unknown: str = "unknown field, which the API server drops"
) -> tuple[object, list[Slip]]:
    """The value without unknown and null fields, and all its slips, in document order.

    Unknown fields are slips with `warning`, and are called so.
    """
    found: list[Slip] = []
    clean = _fit(value, kind, (), found)
    return clean, [structs.replace(s, message=f"{unknown}{s.message}") if s.warning else s for s in found]


def _fit(value: object, annotation: object, path: Path, found: list[Slip]) -> object:
    options = _options(annotation)
    for option in options:
        origin = typing.get_origin(option) or option
        if isinstance(value, dict) and isinstance(option, type) and issubclass(option, Struct):
            return _fit_fields(value, option, path, found)
        if isinstance(value, dict) and origin is dict:
            inner = typing.get_args(option)[1]
            return {key: _fit(item, inner, (*path, key), found) for key, item in value.items()}
        if isinstance(value, list) and origin is list:
            (inner,) = typing.get_args(option)
            return [_fit(item, inner, (*path, position), found) for position, item in enumerate(value)]
        if _is_plain(value, option):
            return value
    found.append(Slip(path, _mismatch(value, options), meant=_unquoted(value, options)))
    return value


def _fit_fields(value: dict[str, object], kind: type[Struct], path: Path, found: list[Slip]) -> object:
    config, fields = kind.__struct_config__, _fields(kind)
    out: dict[str, object] = {}
    for name, item in value.items():
        options = _options(fields[name]) if name in fields else ()
        if Raw in options:  # nobody reads it
            continue
        if options:
            if item is not None or types.NoneType in options:
                out[name] = _fit(item, fields[name], (*path, name), found)
        elif name == config.tag_field or not config.forbid_unknown_fields:
            out[name] = item
        else:
            meant = near(name, fields)
            advice = f", did you mean `{meant}`?" if meant else ""
            found.append(Slip((*path, name), advice, warning=True, meant=meant))
    return out


@cache
def _fields(kind: type[Struct]) -> dict[str, object]:
    """The fields of a kind by their names in a manifest, with their types."""
    return {f.encode_name: f.type for f in msgspec.structs.fields(kind)}


@cache
def _options(annotation: object) -> tuple[object, ...]:
    if typing.get_origin(annotation) is typing.Annotated:
        return _options(typing.get_args(annotation)[0])
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return tuple(option for one in typing.get_args(annotation) for option in _options(one))
    return (annotation,)


def _is_plain(value: object, option: object) -> bool:
    """Whether a scalar is what is declared; 80.0 is a whole number, as in JSON."""
    if option is int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return whole and not isinstance(value, bool)
    return isinstance(option, type) and not issubclass(option, dict | list | Struct) and isinstance(value, option)


def _mismatch(value: object, options: tuple[object, ...]) -> str:
    wanted = " or ".join(dict.fromkeys(_declared(options)))
    got = str(value).lower() if isinstance(value, bool) else _WORDS[type(value)]
    return f"expected {wanted}, got {got}{_advice(value, options)}"


def _declared(options: tuple[object, ...]) -> Iterator[str]:
    for option in options:
        if option is not types.NoneType:
            yield _WORDS.get(typing.get_origin(option) or option, _WORDS[dict])


def _unquoted(value: object, options: tuple[object, ...]) -> int | None:
    """The number that stands in quotes."""
    return int(value) if int in options and isinstance(value, str) and _DIGITS.fullmatch(value) else None


def _advice(value: object, options: tuple[object, ...]) -> str:
    if str in options and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if isinstance(value, str) and (int in options or bool in options):
        return "; take the quotes away" if value.strip().lstrip("-").isdigit() or value in ("true", "false") else ""
    if isinstance(value, dict) and any(typing.get_origin(option) is list for option in options):
        return "; begin each entry with `- `"
    return ""
