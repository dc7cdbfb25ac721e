"""podwall snapshot: the input as one file, with only what Podwall reads."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Raw, Struct

from podwall import __version__
from podwall.api.kinds import KubernetesObject
from podwall.cluster.objects import Located, Origin
from podwall.errors import InputError
from podwall.ops.inputs import Reading
from podwall.ops.writing import write_whole
from podwall.sources.files import is_snapshot
from podwall.sources.gzipped import pack
from podwall.sources.reduced import is_policy, keys_of_selectors
from podwall.sources.snapshot import Content, Header, Source, places, write
from podwall.sources.topology import MARKS, asked_labels, topology
from podwall.text.where import Path as Field

__all__ = ["NOW", "STDOUT", "Wanted", "check_target", "put", "snapshot", "taken_at"]

NOW = "now"
STDOUT = "-"


class Wanted(Struct, frozen=True):
    """What is kept beyond the least, and what is not.

    `labels`: None keeps all, else these keys and those that some selector asks for. `taken` is the time that it tells.
    """

    topology: bool = False
    labels: tuple[str, ...] | None = None
    taken: str | None = None


def taken_at(text: str | None) -> str | None:
    """A time as a snapshot tells it, in UTC; `now` is the present one. Raises InputError."""
    if text is None:
        return None
    try:
        at = datetime.now(UTC) if text == NOW else datetime.fromisoformat(text)  # noqa: TID251 - an edge
    except ValueError:
        raise InputError(f"--taken {text}: expected `now`, or a time as in 2026-07-31T18:00:00Z") from None
    utc = at.astimezone(UTC) if at.tzinfo else at
    return f"{utc.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def check_target(target: str, *, force: bool) -> None:
    """Raises InputError where a file is in the way that is no snapshot, or a terminal."""
    path = Path(target)
    if target == STDOUT:
        if sys.stdout is not None and sys.stdout.isatty():
            raise InputError("-o -: a snapshot is no text for a terminal; name a file, or pipe it on")
    elif not force and path.is_file() and path.stat().st_size and not is_snapshot(path):
        raise InputError(f"{target} is there already and is no snapshot: choose another name, or give --force")


def snapshot(reading: Reading, wanted: Wanted) -> bytes:
    """The snapshot of an input, packed."""
    old = [one.header for one in reading.snapshots]
    objects = [(namespace, located) for (_, namespace, _), located in reading.assembled.objects.items()]
    sources = sorted({located.origin.source for _, located in objects})
    found = _topology(reading) if wanted.topology else ()
    content = Content(
        header=Header(
            writer=f"podwall {__version__}",
            taken=wanted.taken or min((header.taken for header in old if header.taken), default=None),
            admitted=bool(old) and not reading.texts and all(header.admitted for header in old),
            topology=wanted.topology,
            labels=_labels(reading, wanted, found),
            cni=reading.cni,
            pod_cidrs=reading.pod_cidrs,
        ),
        sources=tuple(Source(name, reading.owners.of_file(name)) for name in sources),
        said=reading.said,
        objects=objects,
        lines=[reading.positions.line(located.origin) for _, located in objects],
        fields=_fields(reading, [located for _, located in objects]),
        topology=found,
    )
    return pack(write(content))


def put(target: str, data: bytes) -> None:
    """Writes a snapshot to its file. Raises InputError."""
    write_whole(Path(target), data)


def _labels(reading: Reading, wanted: Wanted, found: tuple[Raw, ...]) -> tuple[str, ...] | None:
    """The keys that are left: those wanted, and those that the topology asks for, as far as old snapshots have them."""
    several = [frozenset(one.header.labels) for one in reading.snapshots if one.header.labels is not None]
    if wanted.labels is not None:
        asked = keys_of_selectors(located.object for located in reading.assembled.objects.values())
        marks = {*MARKS, *asked_labels(found)} if wanted.topology else set()
        several.append(frozenset({*asked, *wanted.labels, *marks}))
    return tuple(sorted(frozenset.intersection(*several))) if several else None


def _fields(reading: Reading, objects: list[Located[KubernetesObject]]) -> dict[Origin, dict[Field, int]]:
    """The lines of the fields of policies."""
    policies = {located.origin: places(located.object) for located in objects if is_policy(located.object)}
    reading.positions.prepare((origin, path) for origin, paths in policies.items() for path in paths)
    return {origin: reading.positions.fields(origin, paths) for origin, paths in policies.items()}


def _topology(reading: Reading) -> tuple[Raw, ...]:
    old = (raw for snapshot in reading.snapshots for raw in snapshot.topology)
    return topology(old, reading.texts, reading.namespace)
