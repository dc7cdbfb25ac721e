"""How ends, ports and assertions are spelled."""

from __future__ import annotations

import pytest

from podwall.cluster.wellknown import BUILT_IN
from podwall.engine.rules import AnyPort, NamedPort, PortRange, PortTerm
from podwall.expect.expectation import Block, Everyone, Named, Set, Spec, end_text, short_text, term_text
from podwall.expect.grammar import Misspelled, read_end, read_port, read_short


def set_of(name: str) -> Set | None:
    return Set(name) if name in BUILT_IN else None


ENDS: list[tuple[str, Spec]] = [
    ("web", Named("shop/web")),
    ("data/postgres", Named("data/postgres")),
    ("data/StatefulSet/postgres", Named("data/StatefulSet/postgres")),
    ("data/service/postgres", Named("data/service/postgres")),
    ("node/worker-1", Named("node/worker-1")),
    ("a.b.c", Named("shop/a.b.c")),
    ("*", Everyone("shop")),
    ("data/*", Everyone("data")),
    ("*/*", Everyone(None)),
    ("dns", Set("dns")),
    ("internet", Set("internet")),
    ("203.0.113.9", Named("203.0.113.9")),
    ("203.0.113.0/24", Block("203.0.113.0/24")),
    ("203.0.113.9/24", Block("203.0.113.0/24")),  # host bits are masked (D13)
    ("2001:DB8::7", Named("2001:db8::7")),
    ("2001:db8::/32", Block("2001:db8::/32")),
]
NO_ENDS = [
    "",
    "Web",
    "web/",
    "/web",
    "a/b/c/d",
    "web:80",
    "web_1",
    "10.0.0.0/33",
    "2001:db8::/129",
    "::::",
    "*/web",
    "a b",
]
PORTS: list[tuple[int | str, PortTerm]] = [
    (8080, PortRange("TCP", 8080, 8080)),
    ("8080", PortRange("TCP", 8080, 8080)),
    ("53/udp", PortRange("UDP", 53, 53)),
    ("UDP/53", PortRange("UDP", 53, 53)),
    ("8000-8100", PortRange("TCP", 8000, 8100)),
    ("sctp/8000-8100", PortRange("SCTP", 8000, 8100)),
    ("http", NamedPort("TCP", "http")),
    ("dns/udp", NamedPort("UDP", "dns")),
    ("8080-a", NamedPort("TCP", "8080-a")),
    ("any", AnyPort()),
    ("any/udp", PortRange("UDP", 1, 65535)),
]
NO_PORTS: list[int | str] = [
    0,
    -1,
    65536,
    "",
    "80-",
    "90-80",
    "80/icmp",
    "80/",
    "a--b",
    "UPPER",
    "sixteen-letters-x",
    "80/udp/tcp",
]


@pytest.mark.parametrize(("text", "end"), ENDS)
def test_ends(text: str, end: Spec) -> None:
    assert read_end(text, "shop", set_of) == end
    assert read_end(end_text(end), "shop", set_of) == end


@pytest.mark.parametrize("text", NO_ENDS)
def test_texts_that_are_no_end(text: str) -> None:
    with pytest.raises(Misspelled):
        read_end(text, "shop", set_of)


@pytest.mark.parametrize(("text", "term"), PORTS)
def test_ports(text: int | str, term: PortTerm) -> None:
    assert read_port(text) == term
    assert read_port(term_text(term)) == term


@pytest.mark.parametrize("text", NO_PORTS)
def test_texts_that_are_no_port(text: int | str) -> None:
    with pytest.raises(Misspelled):
        read_port(text)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("web -> data/postgres:5432 allow", (PortRange("TCP", 5432, 5432),)),
        ("web -> data/postgres:5432,metrics allow", (PortRange("TCP", 5432, 5432), NamedPort("TCP", "metrics"))),
        ("web -> data/postgres allow", None),
        ("  web  ->  data/postgres:any   deny ", (AnyPort(),)),
    ],
)
def test_an_assertion_in_one_line(text: str, ports: tuple[PortTerm, ...] | None) -> None:
    source, destination, found, verdict = read_short(text, "shop", set_of)
    assert (source, destination, found) == (Named("shop/web"), Named("data/postgres"), ports)
    again = short_text(source, destination, found, verdict)
    assert read_short(again, "other", set_of) == (source, destination, found, verdict)


def test_the_port_of_an_ipv6_address_stands_behind_brackets() -> None:
    found = read_short("web -> [2001:db8::/32]:443 deny", "shop", set_of)
    assert found[1:3] == (Block("2001:db8::/32"), (PortRange("TCP", 443, 443),))
    assert short_text(*found) == "shop/web -> [2001:db8::/32]:443 deny"
    assert read_short("web -> 2001:db8::7 deny", "shop", set_of)[1:3] == (Named("2001:db8::7"), None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web api allow", "write `FROM -> TO[:PORT] allow`"),
        ("web -> api", "write `FROM -> TO[:PORT] allow`"),
        ("web -> api:80 alow", "`alow` is neither allow nor deny"),
        ("web-> api:80 allow", "put a space"),
        ("web -> api:80-70 allow", "write the smaller one first"),
        ("web -> api:x_y allow", "`x_y` is no port"),
        ("web -> Api:80 allow", "`Api` is no end"),
        ("web -> [api]:80 allow", "an IPv6 address with a port"),
        ("web api -> db allow", "is no assertion"),
        ("web -> api:80 deny please", "is no assertion"),
    ],
)
def test_a_mistake_says_what_to_write(text: str, said: str) -> None:
    with pytest.raises(Misspelled) as raised:
        read_short(text, "shop", set_of)
    assert said in str(raised.value)
