"""Which ports pods declare and name, as sets of classes: a rule about ten thousand pods is a few operations on ints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podwall.cluster.endpoints import Endpoint
from podwall.engine.sets import PROTOCOLS

__all__ = ["Declared", "Port", "Where"]

Where = Mapping[str, int]
"""Classes by namespace: bit n is slot n, as the index has them."""
Port = tuple[str, int]
_Classes = dict[str, int]


class Declared:
    """The ports of all endpoints, by class. A class has a port if one of its pods does."""

    def __init__(self, endpoints: Iterable[tuple[Endpoint, int, frozenset[Port]]]) -> None:
        """Takes each endpoint with its slot and what its containers declare."""
        self._nothing: _Classes = {}
        self._ports: dict[Port, _Classes] = {}
        self._names: dict[tuple[str, str], dict[int, _Classes]] = {}
        for endpoint, slot, ports in endpoints:
            home, bit = endpoint.namespace, 1 << slot
            if not ports:
                _put(self._nothing, home, bit)
            for port in ports:
                _put(self._ports.setdefault(port, {}), home, bit)
            for name in endpoint.ports:
                numbers = self._names.setdefault((name.name, name.protocol), {})
                _put(numbers.setdefault(name.number, {}), home, bit)

    def by_all(self, where: Where) -> bool:
        """Whether there is somebody, and every pod declares some port."""
        return bool(where) and not _meet(where, self._nothing)

    def has(self, where: Where, protocol: str, first: int, last: int) -> bool:
        """Whether a pod declares a port of a range."""
        if last - first < len(self._ports):
            return any(_meet(where, self._ports.get((protocol, n), {})) for n in range(first, last + 1))
        return any(
            kind == protocol and first <= number <= last and _meet(where, held)
            for (kind, number), held in self._ports.items()
        )

    def protocols(self, where: Where, first: int, last: int) -> list[str]:
        """The protocols on which pods declare ports of a range."""
        return [protocol for protocol in PROTOCOLS if self.has(where, protocol, first, last)]

    def ports(self, where: Where) -> list[Port]:
        """All that they declare."""
        return sorted(port for port, held in self._ports.items() if _meet(where, held))

    def numbers(self, where: Where, name: str, protocol: str) -> list[int]:
        """What a port's name stands for on them (N13), of any protocol for "" (C11)."""
        wanted = (protocol,) if protocol else PROTOCOLS
        found = (self._names.get((name, kind), {}) for kind in wanted)
        return sorted({number for by in found for number, held in by.items() if _meet(where, held)})

    def names(self, where: Where) -> list[str]:
        """The names that their ports have."""
        found = ((name, held) for (name, _), by in self._names.items() for held in by.values())
        return sorted({name for name, held in found if _meet(where, held)})


def _put(classes: _Classes, namespace: str, bit: int) -> None:
    classes[namespace] = classes.get(namespace, 0) | bit


def _meet(one: Where, other: Where) -> bool:
    few, many = (one, other) if len(one) < len(other) else (other, one)
    for namespace, slots in few.items():
        if slots & many.get(namespace, 0):
            return True
    return False
