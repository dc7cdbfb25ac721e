"""The classes of endpoints of one namespace: all that rules can see of an endpoint, and who shares it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import PortName
from podwall.engine.postings import Postings

__all__ = ["Cell", "EndpointClass", "NamespaceIndex"]

Cell: TypeAlias = tuple[int, int]  # family, the blocks that hold the address as bits


class EndpointClass(Struct, frozen=True, gc=False):
    """What endpoints of one class share. `cells` has one entry for each address; `host_labels` are a host-network pod's
    node's, as rules can name nodes (C9).
    """

    labels: frozenset[tuple[str, str]]
    ports: tuple[PortName, ...]
    cells: tuple[Cell, ...]
    host_network: bool
    host_labels: frozenset[tuple[str, str]] | None = None


class NamespaceIndex:
    """The classes of one namespace. A class keeps its slot while it has a member."""

    def __init__(self) -> None:
        self.slots: dict[EndpointClass, int] = {}
        self.classes: list[EndpointClass | None] = []
        self.members: list[int] = []
        self.selectable = Postings()  # host-network pods are never selected (D3)
        self.everyone = 0
        self.hosts = 0  # the host-network pods among them
        self._free: list[int] = []

    def enter(self, cls: EndpointClass, labels: Mapping[str, str]) -> tuple[int, bool]:
        """Adds a member; returns its slot and whether the class is new."""
        vacant = self._free[-1] if self._free else len(self.classes)
        slot = self.slots.setdefault(cls, vacant)
        if slot != vacant:
            self.members[slot] += 1
            return slot, False
        if self._free:
            self._free.pop()
            self.classes[slot], self.members[slot] = cls, 1
        else:
            self.classes.append(cls)
            self.members.append(1)
        self.everyone |= 1 << slot
        if cls.host_network:
            self.hosts |= 1 << slot
        else:
            self.selectable.add(slot, labels)
        return slot, True

    def leave(self, slot: int) -> tuple[EndpointClass, bool]:
        """Takes one member away; returns its class, and whether that is gone with it."""
        self.members[slot] -= 1
        cls = self.classes[slot]
        if cls is None:
            raise LookupError(f"no class has slot {slot}")
        if self.members[slot]:
            return cls, False
        if cls.host_network:
            self.hosts &= ~(1 << slot)
        else:
            self.selectable.remove(slot, dict(cls.labels))
        self.everyone &= ~(1 << slot)
        self.classes[slot] = None
        del self.slots[cls]
        self._free.append(slot)
        return cls, True

    def items(self) -> Iterator[tuple[int, EndpointClass]]:
        """The classes that have members, by slot."""
        for slot, cls in enumerate(self.classes):
            if cls is not None:
                yield slot, cls
