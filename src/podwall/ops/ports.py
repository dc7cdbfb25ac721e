"""Ports by family → public: plainly where the families agree."""

from __future__ import annotations

from collections.abc import Mapping

from podwall.engine.sets import PortSet
from podwall.report.public import Port

__all__ = ["public_ports"]


def public_ports(by_family: Mapping[int, PortSet]) -> list[Port]:
    """Ports of all families plainly, those of one with its number; there is an entry for each family of the pair."""
    sets = list(by_family.values())
    both = sets[0] & sets[-1]
    found = [Port(*span) for span in both.ranges()]
    for family, ports in by_family.items():
        if ports:
            found += (Port(*span, family) for span in (ports - both).ranges())
    return sorted(found, key=lambda port: (port.protocol, port.port, port.endPort, port.family or 0))
