"""What a map is cut to: some sources, some destinations, some ports. Everybody else stays what they are."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.sets import ALL_PORTS, NO_PORTS, PortSet

__all__ = ["EVERYTHING", "Focus"]

Names = frozenset[str]


class Focus(Struct, frozen=True):
    """All of it holds for each connection that is shown; names are those of groups and of external sets.

    `sources` and `destinations` hold its two ends (None: whoever it is), and each set of `touching` holds one of them.
    Of its ports only those are shown that are in `ports` or that the destination calls by one of `named`: (name,
    protocol or "" for any). Neither of them means every port.
    """

    sources: Names | None = None
    destinations: Names | None = None
    touching: tuple[Names, ...] = ()
    ports: PortSet = NO_PORTS
    named: tuple[tuple[str, str], ...] = ()

    def reached_from(self, source: str) -> Names | None:
        """The destinations that are wanted from a source; None for all, an empty set for none."""
        if self.sources is not None and source not in self.sources:
            return frozenset()
        wanted = self.destinations
        for names in self.touching:
            if source not in names:
                wanted = names if wanted is None else wanted & names
        return wanted

    @property
    def some_ports(self) -> bool:
        """Whether some ports are left out."""
        return bool(self.ports or self.named)

    def ports_of(self, members: Iterable[Endpoint]) -> PortSet:
        """The ports that are shown of a destination that stands for these endpoints."""
        if not self.some_ports:
            return ALL_PORTS
        found = self.ports
        if self.named:
            for port in {port for member in members for port in member.ports}:
                if (port.name, port.protocol) in self.named or (port.name, "") in self.named:
                    found |= PortSet.of(port.protocol, port.number)
        return found


EVERYTHING = Focus()
