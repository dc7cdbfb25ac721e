"""Packets built byte by byte are read as they were built, wherever they are cut off; prefixes are taken apart."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwall.dataplane.packets import Packet, Prefix, packet, prefix
from podwall.engine.rules import Direction

SETTINGS = settings(max_examples=300, deadline=None, derandomize=True)
TCP, UDP, SCTP, ICMP, ICMP6 = 6, 17, 132, 1, 58
PORTS = st.tuples(st.integers(0, 65535), st.integers(0, 65535))
WITH_PORTS = st.sampled_from([TCP, UDP, SCTP])
# Headers between: their kinds, and how many units of eight bytes they have beyond the first (four for AH, RFC 4302).
BETWEEN = st.lists(st.tuples(st.sampled_from([0, 43, 60, 51, 44]), st.integers(0, 3)), max_size=4)


def ipv4(protocol: int, source: bytes, destination: bytes, rest: bytes, *, offset: int = 0) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(rest), 7, offset, 64, protocol, 0)
    return head + source + destination + rest


def with_options(data: bytes, words: int) -> bytes:
    return bytes([0x45 + words]) + data[1:20] + bytes(4 * words) + data[20:]


def ipv6(protocol: int, source: bytes, destination: bytes, rest: bytes) -> bytes:
    return struct.pack("!IHBB", 6 << 28, len(rest), protocol, 64) + source + destination + rest


def between(headers: list[tuple[int, int]], protocol: int, rest: bytes) -> tuple[int, bytes]:
    for kind, length in reversed(headers):
        if kind == 44:
            rest = struct.pack("!BBHI", protocol, 0, 1, 9) + rest
        elif kind == 51:
            rest = struct.pack("!BB", protocol, 2 * length + 1) + bytes(8 * length + 10) + rest
        else:
            rest = struct.pack("!BB", protocol, length) + bytes(8 * length + 6) + rest
        protocol = kind
    return protocol, rest


@SETTINGS
@given(WITH_PORTS, st.binary(min_size=8, max_size=8), PORTS, st.integers(0, 10))
def test_an_ipv4_packet_has_the_ends_that_it_was_built_with(
    protocol: int, addresses: bytes, ports: tuple[int, int], options: int
) -> None:
    data = ipv4(protocol, addresses[:4], addresses[4:], struct.pack("!HH", *ports) + b"more")
    assert packet(with_options(data, options)) == Packet(4, protocol, addresses[:4], addresses[4:], *ports)


@SETTINGS
@given(WITH_PORTS, st.binary(min_size=32, max_size=32), PORTS, BETWEEN)
def test_an_ipv6_packet_has_the_ends_that_it_was_built_with(
    protocol: int, addresses: bytes, ports: tuple[int, int], headers: list[tuple[int, int]]
) -> None:
    first, rest = between(headers, protocol, struct.pack("!HH", *ports) + b"more")
    data = ipv6(first, addresses[:16], addresses[16:], rest)
    assert packet(data) == Packet(6, protocol, addresses[:16], addresses[16:], *ports)


@pytest.mark.parametrize(("protocol", "family"), [(ICMP, 4), (ICMP6, 6)])
def test_icmp_has_a_type_and_a_code(protocol: int, family: int) -> None:
    size = 4 if family == 4 else 16
    built = (ipv4 if family == 4 else ipv6)(protocol, b"a" * size, b"b" * size, b"\x08\x03rest")
    assert packet(built) == Packet(family, protocol, b"a" * size, b"b" * size, icmp_type=8, icmp_code=3)


def test_a_later_fragment_has_no_ports() -> None:
    ends = b"a" * 16, b"b" * 16
    later = struct.pack("!BBHI", UDP, 0, 8, 9) + b"not ports"
    assert packet(ipv6(44, *ends, later)) == Packet(6, UDP, *ends)
    assert packet(ipv4(UDP, b"aaaa", b"bbbb", b"not ports", offset=3)) == Packet(4, UDP, b"aaaa", b"bbbb")
    first = ipv4(UDP, b"aaaa", b"bbbb", b"\0\1\0\2", offset=0x2000)
    assert packet(first) == Packet(4, UDP, b"aaaa", b"bbbb", 1, 2)


@SETTINGS
@given(WITH_PORTS, BETWEEN, st.integers(0, 200))
def test_a_packet_that_is_cut_off_says_less_and_nothing_else(
    protocol: int, headers: list[tuple[int, int]], cut: int
) -> None:
    first, rest = between(headers, protocol, struct.pack("!HH", 1, 2))
    whole = ipv6(first, b"a" * 16, b"b" * 16, rest)
    read = packet(whole[:cut])
    if cut < 40:
        assert read is None
    else:
        assert read is not None
        assert (read.source, read.destination) == (b"a" * 16, b"b" * 16)
        assert (read.source_port, read.destination_port) == ((1, 2) if cut >= len(whole) else (0, 0))


@SETTINGS
@given(st.binary(max_size=120))
def test_garbage_is_read_without_a_failure(data: bytes) -> None:
    packet(data)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("pw1|E|I|g_5f3a", Prefix("E", Direction.INGRESS, "g_5f3a")),
        ("pw1|D|E|g_1", Prefix("D", Direction.EGRESS, "g_1")),
        ("pw1|A|E|g|h", Prefix("A", Direction.EGRESS, "g|h")),
        ("pw1|X|I|c_invalid", Prefix("X", Direction.INGRESS, "c_invalid")),
        ("pw1|Z|I|g_1", None),
        ("pw1|E|O|g_1", None),
        ("pw1|E|I|", None),
        ("pw1|E|I", None),
        ("pw2|E|I|g_1", None),
        ("", None),
    ],
)
def test_a_prefix_means_what_rules_write(said: str, meant: Prefix | None) -> None:
    assert prefix(said) == meant


@SETTINGS
@given(st.text(max_size=30))
def test_any_prefix_is_read_without_a_failure(said: str) -> None:
    prefix(said)
