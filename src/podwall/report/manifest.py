"""A manifest as it is handed to people: a comment that says what it does, how it was made, and the object."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from podwall.text.write import yaml_text

__all__ = ["manifest"]

_WIDTH = 100


def manifest(item: object, about: Iterable[str], command: str) -> str:
    """One YAML document, without a marker before it."""
    lines = [*about, f"Written by: {command}"]
    wrapped = (textwrap.wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False) for line in lines)
    return "".join(f"# {part}\n" for parts in wrapped for part in parts) + yaml_text(item)
