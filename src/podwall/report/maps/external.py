"""External address sets in words: blocks, and blocks but for other blocks, in as few of them as it takes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from podwall.report.public import External

__all__ = ["Label", "labels"]

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SHORT = 38  # characters that a label may have in a row of 80 columns


class Label(Struct, frozen=True):
    """What stands for a set in a row; `words` say what it is where that does not."""

    shown: str
    words: tuple[str, ...] = ()


class _Term(Struct, frozen=True):
    """A block without some blocks in it."""

    block: _Network
    holes: tuple[_Network, ...] = ()

    def words(self) -> list[str]:
        """The block and what is left out, to be wrapped where a line ends."""
        out = [f"{self.block} but {self.holes[0]}", *map(str, self.holes[1:])] if self.holes else [str(self.block)]
        return [*(f"{word}," for word in out[:-1]), f"{out[-1]};"]


def labels(sets: Iterable[External]) -> dict[str, Label]:
    """The label of each set by its name; all differ."""
    found: dict[str, Label] = {}
    taken: dict[str, int] = {}
    for each in sets:
        label = Label(each.name) if each.domains else _label(each.cidrs)
        number = taken[label.shown] = taken.get(label.shown, 0) + 1
        found[each.name] = label if number == 1 else Label(f"{label.shown} ({number})", label.words)
    return found


def _label(cidrs: Sequence[str]) -> Label:
    by_family: dict[int, list[_Network]] = {}
    for network in map(ipaddress.ip_network, cidrs):
        by_family.setdefault(network.version, []).append(network)
    terms = [term for networks in by_family.values() for term in _terms(networks)]
    holes = [hole for term in terms for hole in term.holes]
    whole = " + ".join(str(term.block) for term in terms) + (f" but {holes[0]}" if holes else "")
    if len(whole) <= _SHORT and (not holes or len(terms) == len(holes) == 1):
        return Label(whole)
    words = [word for term in terms for word in term.words()]
    return Label(_short(terms), (*words[:-1], words[-1].rstrip(";")))


def _short(terms: Sequence[_Term]) -> str:
    blocks, holes = " + ".join(str(term.block) for term in terms), sum(len(term.holes) for term in terms)
    less = f" but {holes} block{'' if holes == 1 else 's'}" if holes else ""
    if len(blocks + less) <= _SHORT or len(terms) == 1:
        return blocks + less
    return f"{'part of ' if terms[0].holes else ''}{terms[0].block} + {len(terms) - 1} more"


def _terms(networks: Sequence[_Network]) -> list[_Term]:
    """Sorted networks of one family that lie apart, in the fewest blocks: those named and those left out."""
    cover = _cover(networks)
    if len(networks) == 1:
        return [_Term(cover)]
    middle = int(cover.network_address) + cover.num_addresses // 2
    split = sum(int(network.network_address) < middle for network in networks)
    apart = [*_terms(networks[:split]), *_terms(networks[split:])]
    term = _Term(cover, tuple(_holes(networks, cover)))
    return [term] if 1 + len(term.holes) < sum(1 + len(t.holes) for t in apart) else apart


def _cover(networks: Sequence[_Network]) -> _Network:
    """The smallest block around sorted networks."""
    cover = networks[0]
    while networks[-1].broadcast_address not in cover:
        cover = cover.supernet()
    return cover


def _holes(networks: Sequence[_Network], cover: _Network) -> Iterator[_Network]:
    """What a block has beyond its networks, which are sorted and apart."""
    start = int(cover.network_address)
    for network in networks:
        yield from _between(cover, start, int(network.network_address) - 1)
        start = int(network.broadcast_address) + 1
    yield from _between(cover, start, int(cover.broadcast_address))


def _between(cover: _Network, first: int, last: int) -> Iterable[_Network]:
    if first > last:
        return ()
    if cover.version == 4:
        return ipaddress.summarize_address_range(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last))
    return ipaddress.summarize_address_range(ipaddress.IPv6Address(first), ipaddress.IPv6Address(last))
