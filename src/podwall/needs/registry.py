"""All finders there are, found by their files, and all that they find."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import cast

from msgspec import structs

from podwall.needs import finders
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.meshes import carried
from podwall.needs.need import Evidence, Found, Need, Question, Unseen

__all__ = ["all_finders", "find"]


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
    found = Found.of((*(item for finder in all_finders() for item in _found(finder, application)), *unread))
    return carried(application, found)


def _found(finder: Finder, application: Application) -> Iterator[Need | Question | Unseen]:
    """What one finder sees; each need says which finder that was."""
    for item in finder.find(application):
        yield structs.replace(item, by=finder.name) if isinstance(item, Need) else item
