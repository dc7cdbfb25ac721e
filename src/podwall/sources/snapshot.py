"""Snapshots: a cluster in one file. gzip of one JSON object: a header, the objects, and where each of them was read.

What is kept of an object is said in `reduced`. Fields of policies keep their lines, so that answers name the same
places as from the files; the text itself is not kept, because comments may say anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from podwall.api.kinds import KubernetesObject, is_read
from podwall.cluster.objects import Located, Origin, kind_of
from podwall.errors import InputError, Problem
from podwall.sources.files import SNAPSHOT
from podwall.sources.reduced import is_customary, reduced
from podwall.text.where import Path, field

__all__ = ["VERSION", "Header", "Said", "Snapshot", "Source", "places", "read", "write"]

T = TypeVar("T")

VERSION = 1
"""The version that is written."""


class Source(Struct, frozen=True, omit_defaults=True):
    """A text that objects were read from, and who owns it."""

    name: str
    owner: str | None = None


class Unanalyzed(Struct, frozen=True, order=True):
    """Policies that were left out because their kind is not analyzed."""

    group: str
    kind: str
    count: int


class Said(Struct, frozen=True, omit_defaults=True):
    """What was said about the input when it was read, and must be said whenever the snapshot is.

    `skipped` and `left_out` are facts that an answer may be wrong without, `foreign` names files without any object.
    """

    unanalyzed: tuple[Unanalyzed, ...] = ()
    skipped: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()
    foreign: tuple[str, ...] = ()


class Header(Struct, frozen=True, omit_defaults=True):
    """What a snapshot is.

    `admitted`: its objects come from an API server, which checked them. `labels`: the keys that are left of the labels
    of Pods, nodes and namespaces; None where all are. `cni` and `pod_cidrs` are those that were given with it.
    `topology`: there are env values, arguments, ConfigMaps and routes in it.
    """

    writer: str = ""
    taken: str | None = None
    admitted: bool = False
    topology: bool = False
    labels: tuple[str, ...] | None = None
    cni: str | None = None
    pod_cidrs: tuple[str, ...] = ()


class Snapshot(Struct, frozen=True):
    """Everything that a snapshot holds.

    `lines` has, for the origin of each policy, the lines of its fields by their paths, still encoded. Origins have
    documents below 0, which no file's have. `topology` are plain objects, sorted.
    """

    header: Header
    sources: tuple[Source, ...]
    said: Said
    objects: tuple[Located[KubernetesObject], ...]
    lines: dict[Origin, Raw]
    topology: tuple[Raw, ...] = ()


class _Damaged(Exception):
    """Parts that do not fit together."""


class _Start(Struct, frozen=True):
    version: int


class _Version1(Struct, frozen=True):
    """Version 1 as it is decoded. `places` are (number of the source, line), `fields` (number of the object, lines)."""

    header: Header
    sources: tuple[Source, ...]
    said: Said
    objects: tuple[KubernetesObject, ...]
    places: tuple[tuple[int, int], ...]
    fields: tuple[tuple[int, Raw], ...]
    topology: tuple[Raw, ...] = ()


class Content(Struct, frozen=True):
    """What is written: objects with their namespaces, in order; lines of each, and of the fields of policies."""

    header: Header
    sources: tuple[Source, ...]
    said: Said
    objects: Sequence[tuple[str, Located[KubernetesObject]]]
    lines: Sequence[int]
    fields: Mapping[Origin, Mapping[Path, int]]
    topology: tuple[Raw, ...] = ()


def places(item: KubernetesObject) -> list[Path]:
    """The path of every field of an object that is kept."""
    return list(_paths(msgspec.to_builtins(reduced(item, "")), ()))


def _paths(value: object, path: Path) -> Iterator[Path]:
    children: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for step, inner in children:
        yield (*path, step)
        yield from _paths(inner, (*path, step))


def _telling(lines: Mapping[Path, int], first: int) -> dict[str, int]:
    """The lines that are not those of the field around, which stands for the others."""
    return {field(path): line for path, line in lines.items() if line != (lines[path[:-1]] if len(path) > 1 else first)}


def write(content: Content) -> bytes:
    """The JSON of a snapshot of the present version, not yet packed. The same content gives the same bytes."""
    numbers = {source.name: number for number, source in enumerate(content.sources)}
    keep = None if content.header.labels is None else _keeper(frozenset(content.header.labels))
    objects, places, fields = [], [], []
    for number, ((namespace, located), line) in enumerate(zip(content.objects, content.lines, strict=True)):
        origin = located.origin
        objects.append(reduced(located.object, namespace, keep))
        places.append((numbers[origin.source], line))
        if origin in content.fields:
            fields.append((number, _telling(content.fields[origin], line)))
    body = {
        "header": content.header,
        "sources": content.sources,
        "said": content.said,
        "objects": objects,
        "places": places,
        "fields": fields,
        "topology": content.topology,
    }
    start = SNAPSHOT + b'"version":%d,' % VERSION
    return start + msgspec.json.encode(body).removeprefix(b"{")


def _keeper(keys: frozenset[str]) -> Callable[[str], bool]:
    return lambda key: key in keys or is_customary(key)


def read(data: bytes, name: str, first: int = 0) -> Snapshot:
    """A snapshot of any version up to the present one. Raises InputError, with the name.

    Its objects are numbered from `first` on, so that several snapshots can be told apart.
    """
    if not data.startswith(SNAPSHOT):
        raise InputError(f"{name}: is not a snapshot; `podwall snapshot -o FILE` writes one, files are given with -f")
    try:
        version = msgspec.json.decode(data, type=_Start).version
        if version not in _READERS:
            raise InputError(
                f"{name}: is a snapshot of version {version}, and this Podwall reads {_known()}: upgrade it"
            )
        return _READERS[version](data, first)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, _Damaged) as error:
        raise InputError(f"{name}: is a damaged snapshot: {error}") from None


def _version_1(data: bytes, first: int) -> Snapshot:
    found = msgspec.json.decode(data, type=_Version1)
    if len(found.objects) != len(found.places):
        raise _Damaged(f"{len(found.objects)} objects at {len(found.places)} places")
    for kind, api_version in sorted({(kind_of(o), o.apiVersion) for o in found.objects}):
        if not is_read(api_version, kind):
            raise _Damaged(f"{kind} of {api_version or 'no version'}")
    names = [source.name for source in found.sources]
    objects = tuple(
        Located(item, Origin(_at(names, source), -1 - first - number, -1, line))
        for number, (item, (source, line)) in enumerate(zip(found.objects, found.places, strict=True))
    )
    lines = {_at(objects, number).origin: _checked(raw, dict[str, int]) for number, raw in found.fields}
    topology = tuple(_checked(raw, dict[str, Raw]) for raw in found.topology)
    return Snapshot(found.header, found.sources, found.said, objects, lines, topology)


def _checked(raw: Raw, type_: object) -> Raw:
    """What is decoded once it is asked for, if ever: a file that is damaged there is refused at once all the same."""
    msgspec.json.decode(raw, type=type_)
    return raw.copy()


def _at(several: Sequence[T], number: int) -> T:
    if not 0 <= number < len(several):
        raise _Damaged(f"there is no number {number} of {len(several)}")
    return several[number]


def _known() -> str:
    return f"up to {max(_READERS)}"


_READERS: dict[int, Callable[[bytes, int], Snapshot]] = {1: _version_1}
