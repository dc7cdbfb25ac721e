"""What a finder is, and all there are, found by their files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from typing import cast

from msgspec import Struct

from podwall.needs import finders
from podwall.needs.application import Application
from podwall.needs.need import Evidence, Found, Need, Question, Unseen

__all__ = ["Finder", "all_finders", "find"]


class Finder(Struct, frozen=True):
    """One sort of evidence; `says` is what the report calls it."""

    name: str
    says: str
    find: Callable[[Application], Iterator[Need | Question | Unseen]]


@cache
def all_finders() -> tuple[Finder, ...]:
    """Every finder, by name; each file of `finders` has one."""
    names = sorted(info.name for info in pkgutil.iter_modules(finders.__path__))
    return tuple(cast("Finder", importlib.import_module(f"{finders.__name__}.{name}").FINDER) for name in names)


def find(application: Application) -> Found:
    """All that the finders see, and what they could not read."""
    unread = (
        Unseen(f"cannot be read: {one.why}", Evidence(one.about, (), "", one.origin))
        for one in application.topology.unread
    )
    return Found.of((*(item for finder in all_finders() for item in finder.find(application)), *unread))
