"""YAML as people write it: plain values in block style, for objects that are shown to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from podwall.text.scalars import plain

__all__ = ["yaml_text"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


def yaml_text(value: object) -> str:
    """A value of dicts with str keys, lists, str, int, float, bool and None; in the order in which it is."""
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: object) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _entry(f"{_scalar(key)}:", inner, "  " if isinstance(inner, dict) else "")
    elif isinstance(value, list) and value:
        for inner in value:
            first, *others = _lines(inner)
            yield f"- {first}"
            yield from (f"  {line}" for line in others)
    else:
        yield _scalar(value)


def _entry(start: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield start
        yield from (f"{indent}{line}" for line in _lines(value))
    else:
        yield f"{start} {_scalar(value)}"


def _scalar(value: object) -> str:
    """Quoted where YAML would read something else."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and plain(value) == value:
        return value
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))
