"""What a finder is; `registry` knows all there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from podwall.needs.application import Application
from podwall.needs.need import Need, Question, Unseen

__all__ = ["Finder"]


class Finder(Struct, frozen=True):
    """One sort of evidence; `says` is what the report calls it."""

    name: str
    says: str
    find: Callable[[Application], Iterator[Need | Question | Unseen]]
