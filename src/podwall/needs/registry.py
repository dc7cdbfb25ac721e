"""All finders there are, found by their files, and all that they find."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from functools import cache
from typing import cast

from msgspec import structs

from podwall.engine.index import EndpointKey
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.needs import finders
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.meshes import carried
from podwall.needs.need import Evidence, Found, Need, Question, Sureness, Unseen

__all__ = ["all_finders", "find"]

_TEXTS = frozenset(("arguments", "configuration", "environment"))
_Pair = tuple[frozenset[EndpointKey], frozenset[EndpointKey]]


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
    return carried(application, structs.replace(found, needs=tuple(_told_better(found.needs))))


def _told_better(needs: Sequence[Need]) -> Iterator[Need]:
    """Without those that name a host alone, where the same workload states which of its ports it calls."""
    stated: dict[_Pair, PortSet] = {}
    for need in needs:
        if need.sureness is Sureness.STATED and need.by in _TEXTS:
            pair = need.sources.keys, need.destinations.keys
            stated[pair] = stated.get(pair, NO_PORTS) | need.ports
    for need in needs:
        ports = stated.get((need.sources.keys, need.destinations.keys), NO_PORTS)
        if not (need.sureness is Sureness.NAMED and need.by in _TEXTS and ports and ports <= need.ports):
            yield need


def _found(finder: Finder, application: Application) -> Iterator[Need | Question | Unseen]:
    """What one finder sees; each need says which finder that was."""
    for item in finder.find(application):
        yield structs.replace(item, by=finder.name) if isinstance(item, Need) else item
