"""CIDRs: what is refused, what is warned of, and which block is read (V2, V3, D13)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from podwall.admission.addresses import block_problems, cidr_problems, read_cidr
from podwall.api.networking import IPBlock

ZEROS, MAPPED, BITS = "must not have leading 0s", "must not have an IPv4-mapped", "must not have bits set beyond"

# text, the block that is read (None: refused), the beginnings of what Kubernetes 1.36 says
CIDRS: list[tuple[str, str | None, list[str]]] = [
    ("10.0.0.0/8", "10.0.0.0/8", []),
    ("0.0.0.0/0", "0.0.0.0/0", []),
    ("10.1.2.3/32", "10.1.2.3/32", []),
    ("::/0", "::/0", []),
    ("2001:db8::1/128", "2001:db8::1/128", []),
    ("10.1.2.3/8", "10.0.0.0/8", [BITS]),
    ("2001:db8::1/64", "2001:db8::/64", [BITS]),
    ("010.002.003.004/32", "10.2.3.4/32", [ZEROS]),
    ("10.0.0.0/08", "10.0.0.0/8", [ZEROS]),
    ("10.0.0.0/00008", "10.0.0.0/8", [ZEROS]),
    ("10.00.0.1/8", "10.0.0.0/8", [ZEROS, BITS]),
    ("::ffff:10.0.0.0/104", "10.0.0.0/8", [MAPPED]),
    ("::ffff:0a00:0/104", "10.0.0.0/8", [MAPPED]),
    ("::ffff:010.0.0.1/104", "10.0.0.0/8", [ZEROS, MAPPED, BITS]),
    ("::ffff:10.0.0.0/64", "::/64", [MAPPED, BITS]),
    ("FD00::/8", "fd00::/8", []),
    ("64:ff9b::10.0.0.0/104", "64:ff9b::a00:0/104", []),
    ("", None, []),
    ("10.0.0.0", None, []),
    ("10.0.0.0/", None, []),
    ("/8", None, []),
    ("10.0.0.0/33", None, []),
    ("::/129", None, []),
    ("10.0.0.0/-1", None, []),
    ("10.0.0.0/+8", None, []),
    ("10.0.0.0/8/8", None, []),
    ("10.0.0.0/255.0.0.0", None, []),
    ("10.0.0.0/\u0668", None, []),
    (f"10.0.0.0/{'9' * 5000}", None, []),
    ("10.0.0/8", None, []),
    ("10.0.0.256/32", None, []),
    (" 10.0.0.0/8", None, []),
    ("10.0.0.0/8\n", None, []),
    ("fe80::1%eth0/64", None, []),
    ("1::00001/64", None, []),
    ("1:2:3:4:5:6:7:8:9/64", None, []),
    ("example.com/8", None, []),
]

INVALID, SUBSET = "must be a valid CIDR value", "must be a strict subset of `cidr`"
BLOCKS: list[tuple[str, list[str | None], list[tuple[tuple[str | int, ...], str]]]] = [
    ("10.0.0.0/8", ["10.0.0.0/9"], []),
    ("10.0.0.0/8", ["10.0.0.0/8"], [(("except", 0), SUBSET)]),
    ("10.0.0.0/8", ["10.0.0.0/7"], [(("except", 0), SUBSET)]),
    ("10.0.0.0/8", ["0.0.0.0/0"], [(("except", 0), SUBSET)]),
    ("10.0.0.0/8", ["10.1.0.0/16", "11.0.0.0/16", "12.0.0.0/8"], [(("except", 1), SUBSET), (("except", 2), SUBSET)]),
    ("10.0.0.0/8", ["fd00::/16"], [(("except", 0), SUBSET)]),
    ("::/0", ["10.0.0.0/8"], [(("except", 0), SUBSET)]),
    ("10.0.0.0/8", ["10.0.0.5"], [(("except", 0), INVALID)]),
    ("10.0.0.0/8", [None, ""], [(("except", 0), INVALID), (("except", 1), INVALID)]),
    ("10.0.0.0", ["10.0.0.0/8"], [(("cidr",), INVALID)]),
    ("10.0.0.9/8", ["10.1.0.9/16"], [(("cidr",), BITS), (("except", 0), BITS)]),
    ("10.0.0.9/8", ["11.1.0.9/16"], [(("cidr",), BITS), (("except", 0), BITS), (("except", 0), SUBSET)]),
    # The API server compares the prefix lengths as they are written, and a mapped block with IPv4 ones.
    ("10.0.0.0/8", ["::ffff:10.1.0.0/112"], [(("except", 0), MAPPED)]),
    ("::ffff:10.0.0.0/104", ["10.1.0.0/16"], [(("cidr",), MAPPED), (("except", 0), SUBSET)]),
]

ADVICE: list[tuple[str, str]] = [
    ("10.0.0.5", "for one address write 10.0.0.5/32"),
    ("fd00::1", "for one address write fd00::1/128"),
    ("10.0.0.5/24", "write 10.0.0.0/24, or 10.0.0.5/32 for the one address"),
    ("010.0.0.0/8", "earlier versions read it as 10.0.0.0/8: write 10.0.0.0/8"),
    ("::ffff:10.0.0.5/120", "write 10.0.0.0/24, or 10.0.0.5/32 for the one address"),
    ("FD00::/8", '("fd00::/8")'),
]


@pytest.mark.parametrize(("text", "block", "strict"), CIDRS)
def test_reading(text: str, block: str | None, strict: list[str]) -> None:
    cidr = read_cidr(text)
    assert (cidr and str(cidr.network)) == block
    details = cidr.strict if cidr else ()
    assert len(details) == len(strict)
    assert all(map(str.startswith, details, strict))


@pytest.mark.parametrize(("text", "block", "strict"), CIDRS)
def test_only_what_cannot_be_read_is_an_error(text: str, block: str | None, strict: list[str]) -> None:
    found = cidr_problems(text)
    assert [f.warning for f in found if not f.warning] == ([False] if block is None else [])
    assert bool(found) == (text != block)


@pytest.mark.parametrize(("cidr", "excepts", "expected"), BLOCKS)
def test_blocks(cidr: str, excepts: list[str | None], expected: list[tuple[tuple[str | int, ...], str]]) -> None:
    found = block_problems(IPBlock(cidr=cidr, excepts=excepts))
    assert [f.path for f in found] == [path for path, _ in expected]
    assert all(detail in f.message for f, (_, detail) in zip(found, expected, strict=True))


@pytest.mark.parametrize(("text", "advice"), ADVICE)
def test_advice(text: str, advice: str) -> None:
    [finding] = cidr_problems(text)
    assert finding.message.endswith(advice)


def texts() -> st.SearchStrategy[str]:
    """CIDRs of both families, and texts that nearly are some."""
    networks = st.one_of(
        st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 33)),
        st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 130)),
        st.builds("10.{}.{}.0/{}".format, st.integers(0, 3), st.integers(0, 3), st.integers(7, 26)),
        st.builds("fd00:{:x}::{:x}/{}".format, st.integers(0, 3), st.integers(0, 3), st.integers(7, 128)),
    )
    return st.one_of(networks, st.text(alphabet="0123456789abf:./%", max_size=20))


@settings(derandomize=True, max_examples=1000)
@given(text=texts())
def test_what_the_standard_library_reads_is_read_alike(text: str) -> None:
    # Its differences: a missing prefix, netmasks, zones; and mapped blocks stay IPv6 there.
    assume("/" in text and "%" not in text and "." not in text.partition("/")[2])
    cidr = read_cidr(text)
    try:
        expected = ipaddress.ip_network(text, strict=False)
    except ValueError:
        assert cidr is None or any(ZEROS in f.message for f in cidr_problems(text))
        return
    assume(not isinstance(expected, ipaddress.IPv6Network) or expected.network_address.ipv4_mapped is None)
    assert cidr is not None
    assert cidr.network == expected
    assert (not cidr.strict) == (_is_strict(text) and not _starts_mapped(text))


def _is_strict(text: str) -> bool:
    _, _, prefix = text.partition("/")
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return prefix == str(int(prefix))


def _starts_mapped(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("/")[0])
    return isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None


@settings(derandomize=True, max_examples=600)
@given(outer=texts(), inner=texts())
def test_excepts_are_the_standard_librarys_strict_subnets(outer: str, inner: str) -> None:
    cidr, part = read_cidr(outer), read_cidr(inner)
    assume(cidr is not None and part is not None)
    assert cidr is not None
    assert part is not None
    assume(not any(MAPPED in detail for detail in (*cidr.strict, *part.strict)))
    refused = any(SUBSET in f.message for f in block_problems(IPBlock(cidr=outer, excepts=[inner])))
    assert refused != _strictly_inside(part.network, cidr.network)


def _strictly_inside(
    part: ipaddress.IPv4Network | ipaddress.IPv6Network, whole: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    if isinstance(part, ipaddress.IPv4Network) and isinstance(whole, ipaddress.IPv4Network):
        return part != whole and part.subnet_of(whole)
    if isinstance(part, ipaddress.IPv6Network) and isinstance(whole, ipaddress.IPv6Network):
        return part != whole and part.subnet_of(whole)
    return False
