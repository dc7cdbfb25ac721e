"""The public JSON: indented for people, one object a line for streams; the same result gives the same bytes."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

__all__ = ["document", "line"]


def document(result: Struct | dict[str, Any]) -> str:
    """A whole result, indented."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"


def line(result: object) -> str:
    """One result on one line."""
    return msgspec.json.encode(result).decode() + "\n"
