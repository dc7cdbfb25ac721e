"""YAML as people write it: plain values in block style, for objects that are shown to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from podwall.text.scalars import plain
from podwall.text.where import Path

__all__ = ["placed_lines", "yaml_text"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


def yaml_text(value: object) -> str:
    """A value of dicts with str keys, lists, str, int, float, bool and None; in the order in which it is."""
    return "".join(f"{line}\n" for _, line in placed_lines(value))


def placed_lines(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The lines, each with the path of the outermost field that begins on it; `path` is that of the value."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _entry((*path, key), inner)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            place = (*path, number)
            (_, first), *others = placed_lines(inner, place)
            yield place, f"- {first}"
            yield from ((below, f"  {line}") for below, line in others)
    else:
        yield path, _scalar(value)


def _entry(path: Path, value: object) -> Iterator[tuple[Path, str]]:
    start, indent = f"{_scalar(path[-1])}:", "  " if isinstance(value, dict) else ""
    if isinstance(value, dict | list) and value:
        yield path, start
        yield from ((below, f"{indent}{line}") for below, line in placed_lines(value, path))
    else:
        yield path, f"{start} {_scalar(value)}"


def _scalar(value: object) -> str:
    """Quoted where YAML would read something else."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and plain(value) == value:
        return value
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))
