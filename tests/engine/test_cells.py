"""Address cells against the blocks themselves: what `at` says of an address, and how `external` cuts the rest."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Sequence

import pytest

from podwall.engine.cells import Cells
from podwall.engine.sets import NO_ADDRESSES, AddrSet
from tests.truth.vocabulary import BLOCKS

WHOLE = {4: AddrSet.of("0.0.0.0/0"), 6: AddrSet.of("::/0")}
EDGES = [str(ipaddress.ip_network(cidr)[end]) for cidr in ("0.0.0.0/0", "::/0") for end in (0, -1)]


def random_blocks(rng: random.Random) -> list[AddrSet]:
    """Nested, overlapping and equal blocks, some with nothing in them."""
    made = []
    for _ in range(rng.randint(0, 8)):
        cidr = rng.choice(list(BLOCKS))
        made.append(AddrSet.of(cidr, rng.sample(BLOCKS[cidr], rng.randint(0, min(2, len(BLOCKS[cidr]))))))
    if rng.random() < 0.2:
        made.append(NO_ADDRESSES)
    return made


def probes(blocks: Sequence[AddrSet], rng: random.Random) -> list[str]:
    """The first and last address of every block, their neighbors, and some in between."""
    found = set(EDGES)
    for cidr in (c for block in blocks for c in block.cidrs()):
        network = ipaddress.ip_network(cidr)
        for offset in (0, network.num_addresses - 1, rng.randrange(network.num_addresses)):
            for beside in (-1, 0, 1):
                try:
                    found.add(str(network.network_address + offset + beside))
                except ipaddress.AddressValueError:  # beyond the family
                    continue
    return sorted(found)


def mask(blocks: Sequence[AddrSet], address: str) -> int:
    return sum(1 << number for number, block in enumerate(blocks) if address in block)


@pytest.mark.parametrize("seed", range(60))
def test_at_names_the_blocks_that_hold_an_address(seed: int) -> None:
    rng = random.Random(seed)
    blocks = random_blocks(rng)
    cells = Cells(blocks)
    for address in probes(blocks, rng):
        assert cells.at(address) == mask(blocks, address), address


@pytest.mark.parametrize("families", [(4,), (6,), (4, 6), ()])
@pytest.mark.parametrize("seed", range(30))
def test_external_cells_cut_the_whole_address_space(seed: int, families: tuple[int, ...]) -> None:
    rng = random.Random(seed)
    blocks = random_blocks(rng)
    found = Cells(blocks).external(families)
    union = NO_ADDRESSES
    for held, addresses in found:
        assert addresses
        assert not (addresses & union)
        union |= addresses
        for number, block in enumerate(blocks):
            assert addresses & block == (addresses if held >> number & 1 else NO_ADDRESSES)
    expected = NO_ADDRESSES
    for family in families:
        expected |= WHOLE[family]
    assert union == expected
    assert len({held for held, _ in found}) == len(found)  # what no block tells apart is one cell
    assert [a.spans for _, a in found] == sorted(a.spans for _, a in found)


def test_no_block_makes_one_cell() -> None:
    cells = Cells([])
    assert [cells.at(address) for address in EDGES] == [0, 0, 0, 0]
    assert cells.external((4,)) == [(0, WHOLE[4])]
    assert cells.external((4, 6)) == [(0, WHOLE[4] | WHOLE[6])]


def test_both_families_of_one_mask_are_one_cell() -> None:
    found = Cells([AddrSet.of("203.0.113.0/24"), AddrSet.of("2001:db8::/64")]).external((4, 6))
    assert [(held, [c for c in a.cidrs() if c in ("203.0.113.0/24", "2001:db8::/64")]) for held, a in found] == [
        (0, []),
        (1, ["203.0.113.0/24"]),
        (2, ["2001:db8::/64"]),
    ]
