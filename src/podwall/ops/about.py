"""podwall version."""

from __future__ import annotations

import platform

from msgspec import Struct

from podwall import __version__
from podwall.report import json
from podwall.report.public import API_VERSION

__all__ = ["version"]


class _Version(Struct, frozen=True):
    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    version: str
    python: str


def version(output: str) -> str:
    """The version, as text or as JSON."""
    if output == "json":
        return json.document(_Version(API_VERSION, "Version", __version__, platform.python_version()))
    return f"podwall {__version__}\n"
