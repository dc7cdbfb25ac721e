"""What a witness shows of a set: the port and the address that a person would try."""

from __future__ import annotations

from functools import reduce
from operator import or_

from podwall.cluster.wellknown import PRIVATE
from podwall.engine.sets import AddrSet, PortSet

__all__ = ["some_address", "some_port"]

_NOT_PUBLIC = reduce(or_, map(AddrSet.of, PRIVATE))
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_USUAL = 443  # of a range that nobody means by its first number


def some_port(ports: PortSet) -> tuple[str, int]:
    """A port of a set that has some: of TCP if it can be, and the first one of the set but for a wide range."""
    protocol, first, last = min(ports.ranges(), key=lambda span: (_PROTOCOLS.index(span[0]), span[1]))
    return protocol, _USUAL if first < 1024 <= last and first <= _USUAL else first


def some_address(addresses: AddrSet) -> str:
    """An address of a set that has some, of the internet if it can be."""
    public = addresses - _NOT_PUBLIC or addresses
    return public.cidrs()[0].partition("/")[0]
