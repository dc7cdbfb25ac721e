"""An immutable picture of a cluster, bucketed by namespace, with the place where each object was read.

Here an object gets its namespace (D12) and every namespace its name label (N21, D11). What an object means for the
network is said by `endpoints`, `services` and the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from msgspec import Struct

from podwall.api.core import EndpointSlice, Node, Pod, Service
from podwall.api.meta import ObjectMeta, PlainMeta
from podwall.api.networking import NetworkPolicy
from podwall.api.workloads import Workload

__all__ = ["NAME_LABEL", "Bucket", "Cluster", "Located", "Origin", "kind_of", "name_of", "namespace_labels"]

NAME_LABEL = "kubernetes.io/metadata.name"

T_co = TypeVar("T_co", covariant=True)


class Origin(Struct, frozen=True, gc=False, order=True):
    """Where an object was read: document and item count from 0, `item` is -1 outside a List; `line` is its first."""

    source: str
    document: int = 0
    item: int = -1
    line: int = 0


class Located(Struct, Generic[T_co], frozen=True, gc=False):
    """An object and where it was read."""

    object: T_co
    origin: Origin


class Bucket(Struct, frozen=True, gc=False):
    """What one namespace holds, each list in order of kind and name. `declared` is None without a Namespace object."""

    name: str
    labels: dict[str, str]
    declared: Origin | None
    pods: tuple[Located[Pod], ...] = ()
    workloads: tuple[Located[Workload], ...] = ()
    services: tuple[Located[Service], ...] = ()
    slices: tuple[Located[EndpointSlice], ...] = ()
    policies: tuple[Located[NetworkPolicy], ...] = ()


class Cluster(Struct, frozen=True, gc=False):
    """All that was read. `namespaces` is sorted by name; a bucket is shared by all pictures in which it is the same."""

    namespaces: dict[str, Bucket]
    nodes: tuple[Located[Node], ...] = ()

    def replace(self, buckets: Iterable[Bucket]) -> Cluster:
        """The cluster with some buckets changed or added; all others are shared."""
        merged = self.namespaces | {bucket.name: bucket for bucket in buckets}
        return Cluster({name: merged[name] for name in sorted(merged)}, self.nodes)


def namespace_labels(name: str, meta: ObjectMeta | None) -> dict[str, str]:
    """A namespace's labels, with the name label that the API server always sets (N21, D11)."""
    return {**(meta.labels or {} if meta else {}), NAME_LABEL: name}


def name_of(meta: PlainMeta) -> str:
    """An object's name, or the prefix that the API server would make one from."""
    return meta.name or meta.generateName or ""


def kind_of(item: Struct) -> str:
    """The kind of a Kubernetes object."""
    return str(item.__struct_config__.tag)
