"""An immutable picture of what says who is to reach whom: how workloads are started, routes, hooks, monitors.

Policies judge none of it, so it is beside `Cluster`, and read only where needs are looked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, cast

from msgspec import Struct

from podwall.api.topology import TopologyObject
from podwall.cluster.mistake import Named
from podwall.cluster.objects import Located, Origin, kind_of, name_of

__all__ = ["Topology", "Unread", "named"]

_T = TypeVar("_T", bound=Struct)


class Unread(Struct, frozen=True):
    """An object of a kind that may say something, and why it could not be read."""

    about: Named
    why: str
    origin: Origin


class Topology(Struct, frozen=True):
    """Every such object, in order of kind, namespace and name; of two of one name the last one read."""

    objects: dict[Named, Located[TopologyObject]] = {}
    unread: tuple[Unread, ...] = ()

    @staticmethod
    def of(found: Iterable[Located[TopologyObject]], unread: Iterable[Unread] = ()) -> Topology:
        """The picture of what was read in any order, each object with its namespace."""
        held = {named(located.object): located for located in found}
        return Topology(dict(sorted(held.items())), tuple(sorted(unread, key=lambda one: (one.about, one.origin))))

    def get(self, kind: type[_T], namespace: str, name: str) -> Located[_T] | None:
        """The object of a kind and name, None where it is not in the input."""
        found = self.objects.get((str(kind.__struct_config__.tag), namespace, name))
        return cast("Located[_T] | None", found)

    def every(self, *kinds: type[_T]) -> list[Located[_T]]:
        """All objects of some kinds, in order."""
        found = (located for located in self.objects.values() if isinstance(located.object, kinds))
        return cast("list[Located[_T]]", list(found))


def named(item: TopologyObject) -> Named:
    """An object's kind, namespace and name."""
    return kind_of(item), item.metadata.namespace or "", name_of(item.metadata)
