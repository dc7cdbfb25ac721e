"""PortSet and AddrSet against Python sets: the operators, one object for one set, and back from CIDRs."""

from __future__ import annotations

import ipaddress
import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podwall.engine.sets import (
    ALL_PORTS,
    IPV6_BASE,
    NO_ADDRESSES,
    NO_PORTS,
    PROTOCOLS,
    AddrSet,
    PortSet,
    address_number,
)

SETTINGS = settings(max_examples=200, deadline=None, derandomize=True)

# Ports 1..12 of each protocol, and addresses .0–.15 of one small block a family: small enough to write out.
PORTS = [(protocol, number) for protocol in PROTOCOLS for number in range(1, 13)]
ADDRESSES = [f"203.0.113.{n}" for n in range(16)] + [f"2001:db8::{n:x}" for n in range(16)]
OPERATORS: list[tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]] = [
    (operator.or_, operator.or_),
    (operator.and_, operator.and_),
    (operator.sub, operator.sub),
]


def ports_of(plain: Iterable[tuple[str, int]]) -> PortSet:
    out = NO_PORTS
    for protocol, number in plain:
        out |= PortSet.of(protocol, number)
    return out


def addresses_of(plain: Iterable[str]) -> AddrSet:
    out = NO_ADDRESSES
    for address in plain:
        out |= AddrSet.of(f"{address}/{128 if ':' in address else 32}")
    return out


def plain_ports(ports: PortSet) -> set[tuple[str, int]]:
    return {(protocol, n) for protocol, first, last in ports.ranges() for n in range(first, last + 1)}


port_sets = st.sets(st.sampled_from(PORTS))
address_sets = st.sets(st.sampled_from(ADDRESSES))


@SETTINGS
@given(port_sets, port_sets, st.sampled_from(OPERATORS))
def test_ports_are_like_python_sets(
    a: set[tuple[str, int]], b: set[tuple[str, int]], ops: tuple[Callable[..., Any], Callable[..., Any]]
) -> None:
    ours, pythons = ops
    result = ours(ports_of(a), ports_of(b))
    assert plain_ports(result) == pythons(a, b)
    assert result == ports_of(pythons(a, b))  # equal sets are equal objects, however they came to be
    assert hash(result) == hash(ports_of(pythons(a, b)))


@SETTINGS
@given(port_sets, port_sets)
def test_questions_about_ports(a: set[tuple[str, int]], b: set[tuple[str, int]]) -> None:
    one, two = ports_of(a), ports_of(b)
    assert bool(one) == bool(a)
    assert (one <= two) == (a <= b)
    assert one.overlaps(two) == bool(a & b)
    assert [p in one for p in PORTS] == [p in a for p in PORTS]


@SETTINGS
@given(st.lists(st.tuples(st.sampled_from(PROTOCOLS), st.integers(1, 12), st.integers(0, 5))))
def test_ranges_make_one_set_in_any_order(ranges: list[tuple[str, int, int]]) -> None:
    made = [PortSet.of(protocol, first, first + more) for protocol, first, more in ranges]
    plain = {(protocol, n) for protocol, first, more in ranges for n in range(first, first + more + 1)}
    for order in (made, made[::-1]):
        out = NO_PORTS
        for ports in order:
            out |= ports
        assert plain_ports(out) == plain
        assert out == ports_of(plain)


def test_ranges_of_two_protocols_never_merge() -> None:
    both = PortSet.of("SCTP", 65535) | PortSet.of("TCP", 1)
    assert list(both.ranges()) == [("SCTP", 65535, 65535), ("TCP", 1, 1)]


def test_all_ports_are_every_port_of_three_protocols() -> None:
    assert list(ALL_PORTS.ranges()) == [("SCTP", 1, 65535), ("TCP", 1, 65535), ("UDP", 1, 65535)]
    assert ALL_PORTS - ALL_PORTS == NO_PORTS
    assert ("TCP", 0) not in ALL_PORTS
    assert [ports for ports in (ALL_PORTS, NO_PORTS) if ports] == [ALL_PORTS]


@SETTINGS
@given(address_sets, address_sets, st.sampled_from(OPERATORS))
def test_addresses_are_like_python_sets(
    a: set[str], b: set[str], ops: tuple[Callable[..., Any], Callable[..., Any]]
) -> None:
    ours, pythons = ops
    result = ours(addresses_of(a), addresses_of(b))
    assert {x for x in ADDRESSES if x in result} == pythons(a, b)
    assert result == addresses_of(pythons(a, b))


@SETTINGS
@given(address_sets, st.sampled_from([4, 6]))
def test_family_is_the_part_of_one_family(a: set[str], family: int) -> None:
    assert addresses_of(a).family(family) == addresses_of(x for x in a if (":" in x) == (family == 6))


# The fewest CIDRs of a set


@SETTINGS
@given(address_sets)
def test_cidrs_make_the_set_again(a: set[str]) -> None:
    given_set = addresses_of(a)
    cidrs = given_set.cidrs()
    again = NO_ADDRESSES
    for cidr in cidrs:
        assert not (again & AddrSet.of(cidr))  # disjoint
        again |= AddrSet.of(cidr)
    assert again == given_set
    networks = [ipaddress.ip_network(c) for c in cidrs]
    assert networks == sorted(networks, key=lambda n: (n.version, int(n.network_address)))
    collapsed = [
        *ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network)),
        *ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv6Network)),
    ]
    assert networks == collapsed  # no fewer would do


@SETTINGS
@given(st.integers(0, (1 << 32) - 1), st.integers(0, 32), st.lists(st.integers(1, 8), max_size=3))
def test_excepts_are_taken_out(base: int, length: int, longer: list[int]) -> None:
    block = ipaddress.ip_network((base, length), strict=False)
    inside = [ipaddress.ip_network((base, min(32, length + more)), strict=False) for more in longer]
    made = AddrSet.of(str(block), map(str, inside))
    probes = {int(n[i]) + d for n in (block, *inside) for i in (0, -1) for d in (-1, 0, 1)}
    for number in sorted(n for n in probes if 0 <= n < 1 << 32):
        address = ipaddress.IPv4Address(number)
        assert (str(address) in made) == (address in block and not any(address in n for n in inside))


@pytest.mark.parametrize(
    ("cidr", "excepts", "cidrs"),
    [
        ("0.0.0.0/0", [], ["0.0.0.0/0"]),
        ("::/0", [], ["::/0"]),
        ("::/0", ["::/1"], ["8000::/1"]),
        ("203.0.113.9/24", [], ["203.0.113.0/24"]),  # host bits are masked (D13)
        ("203.0.113.0/24", ["203.0.113.130/25"], ["203.0.113.0/25"]),
        ("203.0.113.0/30", ["203.0.113.1/32", "203.0.113.0/31"], ["203.0.113.2/31"]),
        ("203.0.113.0/31", ["203.0.113.0/32", "203.0.113.1/32"], []),
        ("0.0.0.0/0", ["::/1"], ["0.0.0.0/0"]),  # families are apart (N10)
        ("255.255.255.255/32", [], ["255.255.255.255/32"]),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", [], ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]),
    ],
)
def test_blocks(cidr: str, excepts: list[str], cidrs: list[str]) -> None:
    assert AddrSet.of(cidr, excepts).cidrs() == cidrs


def test_what_is_no_cidr_is_a_value_error() -> None:
    for text in ("", "10.0.0.0", "10.0.0.0/33", "example.com/8"):
        with pytest.raises(ValueError, match="CIDR"):
            AddrSet.of(text)


# Where an address stands


@SETTINGS
@given(st.one_of(st.integers(0, (1 << 32) - 1), st.sampled_from([0, 255, 256, (1 << 32) - 1])))
@example(0)
def test_ipv4_addresses_stand_at_their_number(number: int) -> None:
    assert address_number(str(ipaddress.IPv4Address(number))) == number


@SETTINGS
@given(st.integers(0, (1 << 128) - 1))
def test_ipv6_addresses_stand_above_all_ipv4(number: int) -> None:
    assert address_number(str(ipaddress.IPv6Address(number))) == IPV6_BASE + number
    assert address_number(ipaddress.IPv6Address(number).exploded) == IPV6_BASE + number


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.-4", "1.2.3.+4", "1.2.3.4/8", " 1.2.3.4", "::g"]
)
def test_what_is_no_address_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        address_number(text)


def test_neighbors_merge_within_a_family() -> None:
    halves = [AddrSet.of("203.0.113.0/25"), AddrSet.of("203.0.113.128/25")]
    for order in itertools.permutations(halves):
        assert order[0] | order[1] == AddrSet.of("203.0.113.0/24")
    assert (AddrSet.of("255.0.0.0/8") | AddrSet.of("::/8")).cidrs() == ["255.0.0.0/8", "::/8"]
