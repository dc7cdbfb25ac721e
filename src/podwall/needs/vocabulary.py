"""Sets of words as they are written down in code."""

from __future__ import annotations

__all__ = ["vocabulary"]


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())
