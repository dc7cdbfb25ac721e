"""What leads to Services from outside speaks one protocol, though a Service may have a port for several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import structs

from podwall.engine.sets import PortSet
from podwall.needs.need import Need, Question, Unseen

__all__ = ["over"]


def over(protocol: str, found: Iterable[Need | Question | Unseen]) -> Iterator[Need | Question | Unseen]:
    """The same, of the needs only their ports of a protocol; none that has no such port."""
    whole = PortSet.of(protocol, 1, 65535)
    for item in found:
        if not isinstance(item, Need):
            yield item
        elif item.ports.overlaps(whole):
            yield structs.replace(item, ports=item.ports & whole)
