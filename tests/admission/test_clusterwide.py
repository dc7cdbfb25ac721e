"""What stands inside of networks, domainNames and the names of ports: values, and how each message begins."""

from __future__ import annotations

import re

import pytest

from podwall.admission.clusterwide import PEER_CHECKS, port_name_warnings
from podwall.admission.finding import Findings

CIDR = "Invalid CIDR format provided"
DOMAIN = (
    r"should match '^(\*\.)?([a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9]([-a-zA-Z0-9_]*[a-zA-Z0-9])?\.?$'"
)

GOOD_NETWORKS = [
    "0.0.0.0/0",
    "::/0",
    "10.0.0.1/32",
    "2001:DB8::/32",  # any spelling of IPv6
    "2001:0db8:0000:0000:0000:0000:0000:0000/128",  # 43 characters
]

BAD_NETWORKS = {
    "10.0.0.1": f"{CIDR}; for one address write 10.0.0.1/32",
    "::1": f"{CIDR}; for one address write ::1/128",
    "10.0.0.0/33": f"{CIDR}; write the block, for example 10.0.0.0/8",
    "x": f"{CIDR}; write the block",
    "": f"{CIDR}; write the block",
    "10.0.0.0/8 ": f"{CIDR}; write the block",
    "10.01.0.0/16": f"{CIDR}; write 10.1.0.0/16",  # read in an ipBlock, not here
    "10.0.0.0/08": f"{CIDR}; write 10.0.0.0/8",
    "::ffff:10.0.0.0/104": f"{CIDR}; write 10.0.0.0/8",
}

GOOD_DOMAINS = ["example.com", "*.example.com", "a_b.Example.com.", "1.2", "a.b", "x--y.z-0"]

BAD_DOMAINS = {
    "com": f"{DOMAIN}; a name has at least two labels",
    "*.com": DOMAIN,
    "a.*.com": f"{DOMAIN}; a wildcard stands at the beginning only",
    "*a.example.com": f"{DOMAIN}; a wildcard stands at the beginning only",
    "*": f"{DOMAIN}; a wildcard stands at the beginning only",
    "": DOMAIN,
    "-a.com": DOMAIN,
    "a-.com": DOMAIN,
    "a_.com": DOMAIN,
    "a..com": DOMAIN,
    "a.com\n": DOMAIN,
    "a.com..": DOMAIN,
    "\u00e9.com": DOMAIN,
}


def messages(found: Findings) -> list[tuple[tuple[str | int, ...], str]]:
    return [(f.path, f.message) for f in found if not f.warning]


@pytest.mark.parametrize("cidr", GOOD_NETWORKS)
def test_networks(cidr: str) -> None:
    assert PEER_CHECKS["networks"]([cidr]) == []


@pytest.mark.parametrize(("cidr", "detail"), BAD_NETWORKS.items())
def test_what_is_no_network(cidr: str, detail: str) -> None:
    [(path, message)] = messages(PEER_CHECKS["networks"](["10.0.0.0/8", cidr]))
    assert path == (1,)
    assert message.startswith(f'Invalid value: "{cidr}": {detail}')


def test_a_network_of_44_characters_is_too_long() -> None:
    [(path, message)] = messages(PEER_CHECKS["networks"](["0" * 38 + "::/128"]))
    assert (path, message) == ((0,), "Too long: may not be more than 43 characters")


def test_host_bits_are_only_warned_of() -> None:
    [finding] = PEER_CHECKS["networks"](["10.1.2.3/8"])
    assert finding.warning
    assert finding.message.endswith(
        "must not have bits set beyond the prefix length; it is read as 10.0.0.0/8: write that"
    )


@pytest.mark.parametrize("name", GOOD_DOMAINS)
def test_domains(name: str) -> None:
    assert PEER_CHECKS["domainNames"]([name]) == []


@pytest.mark.parametrize(("name", "detail"), BAD_DOMAINS.items())
def test_what_is_no_domain(name: str, detail: str) -> None:
    [(path, message)] = messages(PEER_CHECKS["domainNames"](["a.b", name]))
    assert path == (1,)
    assert detail in message


@pytest.mark.parametrize("name", [*GOOD_DOMAINS, *BAD_DOMAINS])
def test_the_pattern_that_is_shown_is_the_one_that_holds(name: str) -> None:
    shown = DOMAIN.removeprefix("should match '").removesuffix("'")
    known = re.search(shown.replace("$", r"\Z"), name) is not None
    assert (PEER_CHECKS["domainNames"]([name]) == []) == known


@pytest.mark.parametrize("field", ["networks", "domainNames"])
def test_sets_have_from_1_to_25_items_each_once(field: str) -> None:
    values = [f"10.{i}.0.0/16" if field == "networks" else f"n{i}.example.com" for i in range(26)]
    check = PEER_CHECKS[field]
    assert messages(check(values[:25])) == []
    assert messages(check(values)) == [((), "Too many: 26: must have at most 25 items")]
    assert messages(check([])) == [((), "Invalid value: 0: should have at least 1 items")]
    assert messages(check([values[0], values[1], values[0]])) == [((2,), f'Duplicate value: "{values[0]}"; remove it')]
    assert messages(check([None])) == [((0,), 'Invalid value: "null": must be of type string; remove it')]


@pytest.mark.parametrize(("name", "count"), [("http", 0), ("", 1), ("80", 1), ("HTTP", 2), ("a" * 16, 1)])
def test_names_that_no_port_can_have_are_warned_of(name: str, count: int) -> None:
    found = port_name_warnings(name)
    assert len(found) == count
    assert all(f.warning and "no port has such a name" in f.message for f in found)
