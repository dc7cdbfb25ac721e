"""What every Kubernetes object carries: ObjectMeta, LabelSelector and the header that tells its kind.

Only fields that Podwall reads are declared: the decoder skips the rest. A field that the API server accepts as absent
or null is `| None`; what that means is decided in `engine/policies`, never here.
"""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Header", "LabelSelector", "LabelSelectorRequirement", "ObjectMeta", "OwnerReference", "PlainMeta"]


class Header(Struct, frozen=True, gc=False):
    """The two fields that say which decoder an object needs."""

    kind: str = ""
    apiVersion: str = ""


class OwnerReference(Struct, frozen=True, gc=False):
    """meta/v1 OwnerReference; at most one of an object's owners is its controller."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class PlainMeta(Struct, frozen=True, gc=False):
    """meta/v1 ObjectMeta without annotations: a Pod's are most of its bytes, and there are many Pods.

    `name` may be empty where only `generateName` is given.
    """

    name: str | None = None
    generateName: str | None = None
    namespace: str | None = None
    labels: dict[str, str] | None = None
    ownerReferences: list[OwnerReference] | None = None


class ObjectMeta(PlainMeta, frozen=True, gc=False):
    """meta/v1 ObjectMeta."""

    annotations: dict[str, str] | None = None


class LabelSelectorRequirement(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of matchExpressions. The operator is checked by admission (V8), not by its type."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class LabelSelector(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """meta/v1 LabelSelector: both fields are ANDed; `{}` selects everything (N9)."""

    matchLabels: dict[str, str] | None = None
    matchExpressions: list[LabelSelectorRequirement] | None = None
