"""How a finder says where it found something: the object, the field and a few words, without any line."""

from __future__ import annotations

from podwall.api.core import Service
from podwall.api.topology import TopologyObject
from podwall.cluster.objects import Located, name_of
from podwall.cluster.topology import named
from podwall.needs.need import Evidence

__all__ = ["short", "told", "told_by_service"]

_LONGEST = 100


def told(located: Located[TopologyObject], says: str, *path: str | int) -> Evidence:
    """What a field of an object says."""
    return Evidence(named(located.object), tuple(path), short(says), located.origin)


def told_by_service(located: Located[Service], namespace: str, says: str, *path: str | int) -> Evidence:
    """What a field of a Service says, which may not name its namespace itself."""
    about = "Service", namespace, name_of(located.object.metadata)
    return Evidence(about, tuple(path), short(says), located.origin)


def short(text: str) -> str:
    """One line of a length that a table can show."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
