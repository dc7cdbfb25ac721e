"""Addresses outside of the cluster: for each external set of the map one that stands for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain

from podwall.cluster.hosts import external, single
from podwall.cluster.wellknown import PRIVATE
from podwall.engine.sets import AddrSet, address_number
from podwall.lab.hosting import family_of
from podwall.lab.plan import Seat, SeatKind

__all__ = ["external_seats"]

# Nothing can be sent to these from one machine to another.
_IMPOSSIBLE = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "::/80",
    "fe80::/10",
    "ff00::/8",
)
# The lab's own gateways, and the cache that answers DNS on every node.
_OURS = ("169.254.1.0/24", "169.254.20.10/32")
# RFC 5737 and RFC 3849: whoever reads such an address in an answer knows that it stands for others.
_DOCUMENTATION = ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "2001:db8::/32")


def external_seats(
    sets: Sequence[AddrSet],
    beyond: Iterable[str],
    space: tuple[AbstractSet[int], AbstractSet[str]],
    cidrs: Sequence[str],
) -> tuple[Seat, ...]:
    """One address of each set and family that nobody has, and those `beyond` that Services lead to.

    `space` holds the families and the addresses that are somebody's; `cidrs` are those of pods. A set that has no
    address to send to gets no seat.
    """
    families, taken = space
    wanted = _named(sorted({a for a in beyond if family_of(a) in families}, key=address_number), sets)
    seats = dict(wanted)
    gateways = [f"{cidr.partition('/')[0]}/{124 if ':' in cidr else 30}" for cidr in cidrs]
    free = AddrSet.of("0.0.0.0/0") | AddrSet.of("::/0")
    free -= AddrSet.union(map(AddrSet.of, chain(_IMPOSSIBLE, _OURS, gateways, map(single, taken), map(single, seats))))
    for addresses in sets:
        for family in sorted(families):
            part = addresses.family(family)
            if not any(address in part for address in seats):
                chosen = _chosen(part & free)
                if chosen is not None:
                    seats[chosen] = addresses.cidrs()[0]
    return tuple(
        Seat(address, stands_for, SeatKind.EXTERNAL, external(address), "")
        for address, stands_for in sorted(seats.items(), key=lambda item: address_number(item[0]))
    )


def _named(addresses: Iterable[str], sets: Sequence[AddrSet]) -> Iterator[tuple[str, str]]:
    """Addresses that are asked for by themselves, each with the name of its set."""
    for address in addresses:
        yield address, next((s.cidrs()[0] for s in sets if address in s), address)


def _chosen(part: AddrSet) -> str | None:
    """An address that reads well: one for documentation, else a public one, else any."""
    documentation, private = AddrSet.union(map(AddrSet.of, _DOCUMENTATION)), AddrSet.union(map(AddrSet.of, PRIVATE))
    for preferred in (part & documentation, part - private, part):
        if preferred:
            # The first address of a block is a network's own to most people's eyes.
            starts = [min(first + (first % 256 == 0), last) for first, last in preferred.spans]
            number = next((n for n in starts if n % 256), starts[0])
            return AddrSet(((number, number),)).cidrs()[0].partition("/")[0]
    return None
