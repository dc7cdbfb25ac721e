"""Texts and snapshots → Topology: a second reading, of what says who is to reach whom. A Secret is never decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Raw, ValidationError, structs

from podwall.admission.identity import CLUSTER_SCOPED
from podwall.api.kinds import group_of
from podwall.api.meta import Header
from podwall.api.topology import TOPOLOGY, TopologyObject
from podwall.cluster.objects import Located, Origin, kind_of
from podwall.cluster.topology import Topology, Unread
from podwall.errors import InvalidText
from podwall.sources.entries import Entry, entries, header
from podwall.sources.files import Text

__all__ = ["read_topology"]

_WIDE = CLUSTER_SCOPED | {
    "APIService",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
}


def read_topology(texts: Iterable[Text], kept: Iterable[tuple[str, Iterable[Raw]]], namespace: str) -> Topology:
    """What texts and the topology of snapshots (by name) say; objects without a namespace are in `namespace` (D12).

    Snapshots come first, so that a text stands for what it replaces.
    """
    found: list[Located[TopologyObject]] = []
    unread: list[Unread] = []
    for entry in (*_kept(kept), *_of_texts(texts)):
        _take(entry, namespace, found, unread)
    return Topology.of(found, unread)


def _kept(kept: Iterable[tuple[str, Iterable[Raw]]]) -> Iterator[Entry]:
    for name, objects in kept:
        for number, raw in enumerate(objects):
            yield Entry(Origin(name, -1, number), raw)


def _of_texts(texts: Iterable[Text]) -> Iterator[Entry]:
    refused: list[InvalidText] = []  # said already, when the text was read for its policies
    for text in texts:
        yield from entries(structs.replace(text, data=text.reread()), refused)


def _take(entry: Entry, namespace: str, found: list[Located[TopologyObject]], unread: list[Unread]) -> None:
    said = _header(entry)
    kind = TOPOLOGY.get((group_of(said.apiVersion), said.kind))
    if kind is None:
        return
    try:
        item = _decoded(entry, kind, said)
    except (ValidationError, RecursionError) as error:
        unread.append(Unread((said.kind, "", _name(entry)), str(error), entry.origin))
        return
    home = None if kind_of(item) in _WIDE else item.metadata.namespace or namespace
    meta = structs.replace(item.metadata, namespace=home)
    found.append(Located(structs.replace(item, metadata=meta), entry.origin))


def _header(entry: Entry) -> Header:
    if entry.raw is not None:
        said = header(entry.raw)
    else:
        value = entry.value if isinstance(entry.value, dict) else {}
        kind, version = value.get("kind"), value.get("apiVersion")
        said = Header(kind if isinstance(kind, str) else "", version if isinstance(version, str) else "")
    return Header(said.kind or entry.default.kind, said.apiVersion or entry.default.apiVersion)


def _decoded(entry: Entry, kind: type[TopologyObject], said: Header) -> TopologyObject:
    if entry.raw is not None and header(entry.raw).kind:
        return msgspec.json.decode(entry.raw, type=kind)
    value = entry.plain()
    whole = {**value, "kind": said.kind} if isinstance(value, dict) else value
    return msgspec.convert(whole, kind)


def _name(entry: Entry) -> str:
    value = entry.plain()
    meta = value.get("metadata") if isinstance(value, dict) else None
    name = meta.get("name") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else ""
