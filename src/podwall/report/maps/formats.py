"""The formats of the map: the one place where they are listed. A module is imported when its format is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from podwall.report.maps.answer import Writer

__all__ = ["FORMATS", "REASONED", "writer"]

# Each has a `write`, which is a Writer.
FORMATS = ("text", "wide", "json", "csv", "md", "dot", "mermaid", "svg")
REASONED = ("text", "wide", "json", "csv", "md")  # those that have a place for reasons


def writer(output: str) -> Writer:
    """What writes a format."""
    return cast("Writer", import_module(f"podwall.report.maps.{output}").write)
