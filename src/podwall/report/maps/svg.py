"""The map as a picture: a matrix of all, or one endpoint with its neighbors where a map is about it alone."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.report.maps.answer import Answer
from podwall.report.maps.svg_matrix import matrix
from podwall.report.maps.svg_neighbors import neighbors

__all__ = ["write"]


def write(answer: Answer) -> Iterator[str]:
    """A file of its own, with titles to read where the pointer rests."""
    named = answer.scope.named
    if named is not None and len(named) == 1:
        (center,) = named
        yield from neighbors(answer, center)
    else:
        yield from matrix(answer)
