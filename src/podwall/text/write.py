"""YAML as people write it: plain values in block style, for objects that are shown to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from podwall.text.scalars import plain

__all__ = ["scalar_text", "yaml_text"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|[0-9]+(\.[0-9]+){3}(/[0-9]+)?")  # IPv4 addresses and CIDRs as well


def yaml_text(value: object, *, deeper_lists: bool = False) -> str:
    """A value of dicts with str keys, lists, str, int, float, bool and None; in the order in which it is.

    A list stands as deep as its key, or two columns deeper.
    """
    return "".join(f"{line.rstrip(' ')}\n" for line in _lines(value, "  " if deeper_lists else ""))


def _lines(value: object, lists: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner:
                yield f"{scalar_text(key)}:"
                indent = "  " if isinstance(inner, dict) else lists
                yield from (f"{indent}{line}" for line in _lines(inner, lists))
            elif isinstance(inner, str) and _is_block(inner):
                yield f"{scalar_text(key)}: |" + ("" if inner.endswith("\n") else "-")
                yield from (f"  {line}" for line in inner.removesuffix("\n").split("\n"))
            else:
                yield f"{scalar_text(key)}: {scalar_text(inner)}"
    elif isinstance(value, list) and value:
        for inner in value:
            first, *others = _lines(inner, lists)
            yield f"- {first}"
            yield from (f"  {line}" for line in others)
    else:
        yield scalar_text(value)


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
