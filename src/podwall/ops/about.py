"""podwall version."""

from __future__ import annotations

import platform

from msgspec import Struct

from podwall import __version__
from podwall.report import json

__all__ = ["version"]


class _Version(Struct, frozen=True):
    version: str
    python: str


def version(output: str) -> str:
    """The version, as text or as JSON."""
    if output == "json":
        return json.document(_Version(__version__, platform.python_version()))
    return f"podwall {__version__}\n"
