"""YAML as people write it: plain values in block style, for objects that are shown to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from podwall.text.scalars import plain
from podwall.text.where import Path

__all__ = ["placed_lines", "scalar_text", "yaml_text"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|[0-9]+(\.[0-9]+){3}(/[0-9]+)?")  # IPv4 addresses and CIDRs as well


def yaml_text(value: object, *, deeper_lists: bool = False) -> str:
    """A value of dicts with str keys, lists, str, int, float, bool and None; in the order in which it is.

    A list stands as deep as its key, or two columns deeper.
    """
    lines = placed_lines(value, lists="  " if deeper_lists else "")
    return "".join(f"{line.rstrip(' ')}\n" for _, line in lines)


def placed_lines(value: object, path: Path = (), lists: str = "") -> Iterator[tuple[Path, str]]:
    """The lines, each with the path of the outermost field that begins on it; `path` is that of the value.

    `lists` is what a list is indented by under its key.
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _entry((*path, key), inner, lists)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            place = (*path, number)
            (_, first), *others = placed_lines(inner, place, lists)
            yield place, f"- {first}"
            yield from ((below, f"  {line}") for below, line in others)
    else:
        yield path, scalar_text(value)


def _entry(path: Path, value: object, lists: str) -> Iterator[tuple[Path, str]]:
    start, indent = f"{scalar_text(path[-1])}:", "  " if isinstance(value, dict) else lists
    if isinstance(value, dict | list) and value:
        yield path, start
        yield from ((below, f"{indent}{line}") for below, line in placed_lines(value, path, lists))
    elif isinstance(value, str) and _is_block(value):
        yield path, f"{start} |" + ("" if value.endswith("\n") else "-")
        yield from ((path, f"  {line}") for line in value.removesuffix("\n").split("\n"))
    else:
        yield path, f"{start} {scalar_text(value)}"


def _is_block(text: str) -> bool:
    """Whether text of several lines can stand as it is: nothing that YAML would fold, strip or refuse."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and lines[0][:1].strip() != ""
        and all(s.isprintable() and s == s.rstrip() for s in lines)
        and bool(lines[-1])
    )


def scalar_text(value: object) -> str:
    """Text, a number, a truth value or null; quoted where YAML would read something else."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and plain(value) == value:
        return value
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))
