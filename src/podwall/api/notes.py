"""core/v1 objects of which needs read the notes: ConfigMaps, and the annotations of Namespaces and Services."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import ObjectMeta

__all__ = ["ConfigMap", "NamespaceNotes", "ServiceNotes"]


class ConfigMap(Struct, frozen=True, gc=False, tag_field="kind", tag="ConfigMap"):
    """core/v1 ConfigMap; binary data says nothing."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, str | None] | None = None


class NamespaceNotes(Struct, frozen=True, gc=False, tag_field="kind", tag="Namespace"):
    """core/v1 Namespace: its annotations, by which meshes are told whom to take in."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()


class ServiceNotes(Struct, frozen=True, gc=False, tag_field="kind", tag="Service"):
    """core/v1 Service: the labels that monitors select it by, and its annotations about scraping."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
