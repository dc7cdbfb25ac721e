"""Patterns of paths as CODEOWNERS and gitignore write them."""

from __future__ import annotations

import re

__all__ = ["glob"]

_PIECES = {"**/": "(.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def glob(pattern: str) -> re.Pattern[str]:
    """What to search a path for that has `/` between its parts and starts from the pattern's folder.

    A pattern is anchored by a slash before its end; a folder means all in it.
    """
    anchored = "/" in pattern.rstrip("/")
    body = "".join(
        _PIECES.get(piece, re.escape(piece)) for piece in re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", pattern.strip("/"))
    )
    end = "/" if pattern.endswith("/") else "$" if pattern.endswith("/*") else "(/|$)"
    return re.compile(("^" if anchored else "(^|/)") + body + end)
