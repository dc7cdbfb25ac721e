"""Sets of external addresses in words: short, unambiguous, and exactly the set."""

from __future__ import annotations

import ipaddress
import random

import pytest

from podwall.engine.sets import NO_ADDRESSES, AddrSet
from podwall.report.maps.external import Label, labels
from podwall.report.public import External


def external(addresses: AddrSet) -> External:
    return External(addresses.cidrs()[0], addresses.cidrs())


def union(*cidrs: str) -> AddrSet:
    out = NO_ADDRESSES
    for cidr in cidrs:
        out |= AddrSet.of(cidr)
    return out


def label(addresses: AddrSet) -> Label:
    each = external(addresses)
    return labels([each])[each.name]


PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")

WORDS = [
    (union("0.0.0.0/0"), "0.0.0.0/0", ""),
    (union("192.0.2.10/32"), "192.0.2.10/32", ""),
    (union("0.0.0.0/0", "::/0"), "0.0.0.0/0 + ::/0", ""),
    (AddrSet.of("0.0.0.0/0", ["203.0.113.0/24"]), "0.0.0.0/0 but 203.0.113.0/24", ""),
    (AddrSet.of("0.0.0.0/0", PRIVATE), "0.0.0.0/0 but 3 blocks", f"0.0.0.0/0 but {', '.join(PRIVATE)}"),
    (union(*PRIVATE), "10.0.0.0/8 + 2 more", "; ".join(PRIVATE)),
    (union("198.51.100.0/24", "203.0.113.0/25"), "198.51.100.0/24 + 203.0.113.0/25", ""),
    (
        AddrSet.of("10.0.0.0/8", ["10.0.0.0/24"]) | union("172.16.0.0/12", "192.168.0.0/16", "fd00::/8"),
        "part of 10.0.0.0/8 + 3 more",
        "10.0.0.0/8 but 10.0.0.0/24; 172.16.0.0/12; 192.168.0.0/16; fd00::/8",
    ),
    (
        AddrSet.of("0.0.0.0/0", PRIVATE) | AddrSet.of("::/0", ["fd00::/8"]),
        "0.0.0.0/0 + ::/0 but 4 blocks",
        f"0.0.0.0/0 but {', '.join(PRIVATE)}; ::/0 but fd00::/8",
    ),
    (
        AddrSet.of("2001:db8:1:2::/64", ["2001:db8:1:2:3::/80"]),
        "2001:db8:1:2::/64 but 1 block",
        "2001:db8:1:2::/64 but 2001:db8:1:2:3::/80",
    ),
]


@pytest.mark.parametrize(("addresses", "shown", "words"), WORDS, ids=[shown for _, shown, _ in WORDS])
def test_words(addresses: AddrSet, shown: str, words: str) -> None:
    found = label(addresses)
    assert (found.shown, " ".join(found.words)) == (shown, words)


def test_labels_differ() -> None:
    sets = [external(AddrSet.of("10.0.0.0/8", excepts)) for excepts in (["10.1.0.0/16", "10.3.0.0/16"], PRIVATE[:0])]
    low = AddrSet.of("0.0.0.0/0", ["1.0.0.0/16", "1.2.0.0/16"])
    other = AddrSet.of("0.0.0.0/0", ["0.0.0.0/16", "1.4.0.0/16"])
    found = labels([*sets, external(low), external(other)])
    assert [f.shown for f in found.values()] == [
        "10.0.0.0/8 but 2 blocks",
        "10.0.0.0/8",
        "0.0.0.0/0 but 2 blocks",
        "0.0.0.0/0 but 2 blocks (2)",
    ]


def read_back(words: str) -> AddrSet:
    out = NO_ADDRESSES
    for term in words.split("; "):
        block, _, holes = term.partition(" but ")
        out |= AddrSet.of(block, holes.split(", ") if holes else ())
    return out


def random_set(chance: random.Random) -> AddrSet:
    out = NO_ADDRESSES
    for _ in range(chance.randrange(1, 7)):
        if chance.random() < 0.3:
            prefix = chance.choice([8, 16, 32, 64, 128])
            address: object = ipaddress.IPv6Address(chance.getrandbits(128) >> (128 - prefix) << (128 - prefix))
        else:
            prefix = chance.choice([1, 4, 8, 9, 16, 24, 31, 32])
            address = ipaddress.IPv4Address(chance.getrandbits(32) >> (32 - prefix) << (32 - prefix))
        block = AddrSet.of(f"{address}/{prefix}")
        out = out - block if chance.random() < 0.4 else out | block
    return out or random_set(chance)


@pytest.mark.parametrize("seed", range(300))
def test_the_words_are_the_set(seed: int) -> None:
    addresses = random_set(random.Random(seed))
    found = label(addresses)
    whole = " ".join(found.words) or found.shown.replace(" + ", "; ")
    assert read_back(whole) == addresses
    assert found.words or len(found.shown) <= 43
    named = whole.replace(" but ", "; ").replace(", ", "; ").split("; ")
    assert len(named) <= len(addresses.cidrs())


def test_many_blocks_stay_fast() -> None:
    """As many as the largest policies have, from both ends: all of them, and all but them."""
    blocks = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(0, 8000, 2)]
    spans = AddrSet(tuple(span for block in blocks for span in AddrSet.of(block).spans))
    assert label(spans).shown == "10.0.0.0/24 + 3999 more"
    assert label(AddrSet.of("0.0.0.0/0") - spans).shown == "0.0.0.0/0 but 4000 blocks"
