"""Configuration files in the formats that applications have, from entries and comments."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random

from msgspec import Struct

__all__ = ["FILES", "Entry", "rendered"]

# Format → name of the file.
FILES = {
    "properties": "application.properties",
    "yaml": "application.yaml",
    "json": "appsettings.json",
    "ini": "app.ini",
    "toml": "config.toml",
    "env file": "service.env",
    "nginx": "default.conf",
    "haproxy": "haproxy.cfg",
    "script": "start.sh",
}


class Entry(Struct, frozen=True):
    """Values of a section under their keys, an empty key for a section that is one value itself.

    Words are apart by underscores. Of a server's configuration and of a script, the values are lines as they stand.
    """

    section: str
    values: tuple[tuple[str, str], ...]


def rendered(sort: str, said: Sequence[Entry | str], rng: Random) -> str:
    """A file of a format; texts are comments, for formats that have some."""
    if sort == "json":
        whole = {_camel(e.section): _nested(e) for e in said if isinstance(e, Entry)}
        return json.dumps(whole, indent=rng.choice((2, 4))) + "\n"
    lines = list(_HEADS.get(sort, ()))
    for one in said:
        if isinstance(one, str):
            lines.append(f"{rng.choice(_COMMENTS.get(sort, '#'))} {one}")
        else:
            lines += _FORMATS.get(sort, _as_it_stands)(one, rng)
    return "\n".join(lines) + "\n"


_HEADS = {"haproxy": ("defaults", "  mode tcp"), "script": ("#!/bin/sh", "set -e")}
_COMMENTS = {"properties": "#!", "ini": "#;"}


def _as_it_stands(one: Entry, _: Random) -> list[str]:
    return [value for _, value in one.values]


def _nested(one: Entry) -> object:
    found = {_camel(key): int(value) if value.isdigit() else value for key, value in one.values}
    return found.get("", found)


def _camel(words: str) -> str:
    first, *rest = words.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def _properties(one: Entry, rng: Random) -> list[str]:
    sign, section = rng.choice(("=", " = ", ": ")), one.section.lower().replace("_", "-")
    return [f"{section}{'.' if key else ''}{key.lower().replace('_', '-')}{sign}{value}" for key, value in one.values]


def _yaml(one: Entry, rng: Random) -> list[str]:
    section = one.section.lower()
    if one.values[0][0] == "":
        return [f"{section}: {_scalar(one.values[0][1], rng)}"]
    return [f"{section}:", *(f"  {key.lower()}: {_scalar(value, rng)}" for key, value in one.values)]


def _scalar(value: str, rng: Random) -> str:
    if value.isdigit() or (_is_plain(value) and rng.random() < 0.6):
        return value
    return rng.choice((json.dumps(value), "'" + value.replace("'", "''") + "'"))


def _is_plain(text: str) -> bool:
    """Whether YAML reads a text as that text without quotes."""
    return text[:1].isalpha() and not any(part in text for part in (": ", " #")) and not text.endswith(":")


def _ini(one: Entry, rng: Random) -> list[str]:
    sign = rng.choice(("=", " = "))
    return [f"[{one.section.lower()}]", *(f"{(key or 'value').lower()}{sign}{value}" for key, value in one.values)]


def _toml(one: Entry, _: Random) -> list[str]:
    said = ((key, value if value.isdigit() else json.dumps(value)) for key, value in one.values)
    return [f"[{one.section.lower()}]", *(f"{(key or 'value').lower()} = {value}" for key, value in said)]


def _env_file(one: Entry, rng: Random) -> list[str]:
    export, section = rng.choice(("", "export ")), one.section
    said = ((key, json.dumps(value) if " " in value else value) for key, value in one.values)
    return [f"{export}{section}{'_' if key else ''}{key}={value}" for key, value in said]


_FORMATS: dict[str, Callable[[Entry, Random], list[str]]] = {
    "properties": _properties,
    "yaml": _yaml,
    "ini": _ini,
    "toml": _toml,
    "env file": _env_file,
}
