"""The map as text: what stands together, in which order, and how ports and reasons are worded and wrapped."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from podwall.report.maps.answer import Scope
from podwall.report.maps.text import write
from podwall.report.public import (
    API_VERSION,
    Connection,
    Endpoint,
    External,
    Isolated,
    Map,
    Permit,
    Port,
    Summary,
)
from podwall.report.summary import summary_text
from tests.report.maps.answers import answer_of

ALL = [Port(protocol, 1, 65535) for protocol in ("SCTP", "TCP", "UDP")]
HTTP = [Port("TCP", 80, 80)]


def endpoint(name: str, *, ingress: bool = False, egress: bool = False) -> Endpoint:
    namespace = name.partition("/")[0]
    return Endpoint(name, "Deployment", namespace, {}, [], 1, Isolated(ingress=ingress, egress=egress))


def a_map(names: Iterable[str], connections: Iterable[Connection], external: Iterable[External] = ()) -> Map:
    found = sorted(connections, key=lambda c: (c.src, c.dst))
    return Map(API_VERSION, "Map", "kubernetes", [endpoint(n) for n in names], list(external), found, [])


def rows(result: Map, only: str | None = None) -> dict[str, list[str]]:
    """The lines of each paragraph under its head."""
    paragraphs = "".join(write(answer_of(result, only))).split("\n\n")[1:]
    return {p.partition("\n")[0]: p.rstrip("\n").split("\n")[1:] for p in paragraphs}


def ports_text(ports: list[Port]) -> str:
    found = rows(a_map(["a/x", "a/y"], [Connection("a/x", "a/y", ports)]))["from a/x (not isolated)"]
    return " ".join(line[44:] for line in found)


V4, V6 = 4, 6
PORTS = [
    (ALL, "all ports"),
    ([Port(p.protocol, 1, 65535, V6) for p in ALL], "all ports (IPv6)"),
    ([Port("TCP", 1, 65535)], "TCP all"),
    ([*ALL[:2]], "SCTP all, TCP all"),
    ([Port("TCP", 80, 80)], "TCP 80"),
    ([Port("TCP", 80, 80), Port("TCP", 443, 443), Port("UDP", 53, 53)], "TCP 80, 443, UDP 53"),
    ([Port("TCP", 1, 79), Port("TCP", 81, 65535)], "TCP 1-79, 81-65535"),
    ([Port("TCP", 80, 80), Port("TCP", 443, 443, V4)], "TCP 80, TCP 443 (IPv4)"),
    (
        [Port("TCP", 80, 80, V6), Port("TCP", 443, 443, V4), Port("TCP", 444, 444, V6)],
        "TCP 80, 444 (IPv6), TCP 443 (IPv4)",
    ),
    ([*ALL[:2], Port("UDP", 1, 65535, V4)], "SCTP all, TCP all, UDP all (IPv4)"),
]


@pytest.mark.parametrize(("ports", "expected"), PORTS, ids=[expected for _, expected in PORTS])
def test_ports(ports: list[Port], expected: str) -> None:
    assert ports_text(ports) == expected


def test_many_ports_are_wrapped_under_each_other() -> None:
    ports = [Port("TCP", n, n) for n in range(8000, 8040, 2)]
    found = rows(a_map(["a/x", "a/y"], [Connection("a/x", "a/y", ports)]))["from a/x (not isolated)"]
    assert found[0].startswith("  a/y" + " " * 39 + "TCP 8000, 8002, ")
    assert all(len(line) <= 80 for line in found)
    assert all(line.startswith(" " * 44) and line[44] != " " for line in found[1:])
    assert ports_text(ports) == f"TCP {', '.join(str(p.port) for p in ports)}"


@pytest.mark.parametrize(("length", "apart"), [(39, False), (40, False), (41, True), (60, True)])
def test_a_long_name_has_a_line_of_its_own(length: int, apart: bool) -> None:
    name = "a/" + "y" * (length - 2)
    found = rows(a_map(["a/x", name], [Connection("a/x", name, HTTP)]))["from a/x (not isolated)"]
    assert found == ([f"  {name}", " " * 44 + "TCP 80"] if apart else [f"  {name}".ljust(44) + "TCP 80"])


# --------------------------------------------------------------------------------------------------------- together
def to_all(src: str, destinations: Iterable[str], ports: list[Port] = HTTP) -> list[Connection]:
    return [Connection(src, dst, ports) for dst in destinations]


def test_a_whole_namespace_is_one_row() -> None:
    names = ["a/x", "a/y", "b/x", "b/y", "b/z"]
    found = rows(a_map(names, to_all("a/x", ["a/x", "a/y", "b/x", "b/y", "b/z"])))["from a/x (not isolated)"]
    assert [line.split("  ")[1] for line in found] == ["a/x", "a/y", "b/* (3)"]


def test_the_source_does_not_break_up_its_own_namespace() -> None:
    names = ["a/x", "a/y", "a/z"]
    without = rows(a_map(names, to_all("a/x", ["a/y", "a/z"])))["from a/x (not isolated)"]
    itself = rows(a_map(names, to_all("a/x", names)))["from a/x (not isolated)"]
    assert (without, itself) == (["  a/* (2)".ljust(44) + "TCP 80"], ["  a/* (3)".ljust(44) + "TCP 80"])


def test_different_ports_break_it_up() -> None:
    found = rows(a_map(["a/x", "b/x", "b/y"], [*to_all("a/x", ["b/x"]), *to_all("a/x", ["b/y"], ALL)]))
    assert [line.split()[0] for line in found["from a/x (not isolated)"]] == ["b/x", "b/y"]


def test_only_a_namespace_that_is_known_as_a_whole_is_folded() -> None:
    result = a_map(["a/x", "b/x", "b/y", "c/x", "c/y"], to_all("a/x", ["b/x", "b/y", "c/x", "c/y"]))
    assert [line.split()[0] for line in rows(result)["from a/x (not isolated)"]] == ["b/*", "c/*"]
    cut = rows(result, "b")
    assert [line.split()[0] for line in cut["from a/x (not isolated)"]] == ["b/*", "c/x", "c/y"]
    assert list(cut) == ["from a/x (not isolated)", "from b/x (not isolated)", "from b/y (not isolated)"]
    assert cut["from b/x (not isolated)"] == ["  nobody"]


BLOCKS = [External("0.0.0.0/1", ["0.0.0.0/1", "192.0.0.0/2"]), External("128.0.0.0/2", ["128.0.0.0/2"])]


def test_external_sets() -> None:
    connections = [
        *to_all("a/x", ["0.0.0.0/1", "128.0.0.0/2"]),
        *to_all("a/y", ["0.0.0.0/1", "a/x"]),
        *to_all("0.0.0.0/1", ["a/x"]),
        *to_all("128.0.0.0/2", ["a/x", "a/y"]),
    ]
    found = rows(a_map(["a/x", "a/y"], connections, BLOCKS))
    assert found["from a/x (not isolated)"] == ["  any external address".ljust(44) + "TCP 80"]
    assert [line.split("  ")[1] for line in found["from a/y (not isolated)"]] == ["a/x", "0.0.0.0/1 + 192.0.0.0/2"]
    assert [line.split()[0] for line in found["from 0.0.0.0/1 + 192.0.0.0/2"]] == ["a/x"]
    assert [line.split()[0] for line in found["from 128.0.0.0/2"]] == ["a/*"]


def test_external_sources_that_reach_the_same_stand_together() -> None:
    three = [*BLOCKS[:1], External("128.0.0.0/3", ["128.0.0.0/3"]), External("160.0.0.0/3", ["160.0.0.0/3"])]
    some = [c for block in three[1:] for c in to_all(block.name, ["a/x"])]
    assert list(rows(a_map(["a/x"], some, three)))[1:] == ["from 128.0.0.0/3, 160.0.0.0/3"]
    every = [c for block in three for c in to_all(block.name, ["a/x"])]
    assert list(rows(a_map(["a/x"], every, three)))[1:] == ["from any external address"]
    assert list(rows(a_map(["a/x"], [], three)))[1:] == []


def test_the_legend_has_what_labels_leave_out() -> None:
    blocks = [f"10.{n}.0.0/16" for n in range(1, 60, 2)]
    found = rows(a_map(["a/x"], to_all("a/x", [blocks[0]]), [External(blocks[0], blocks), *BLOCKS]))
    head = "External addresses stand together where no rule can tell them apart:"
    assert found[head][0] == "  10.1.0.0/16 + 29 more"
    assert " ".join(line.strip() for line in found[head][1:]) == "; ".join(blocks)
    assert all(len(line) <= 80 for line in found[head])
    assert head not in rows(a_map(["a/x"], to_all("a/x", ["128.0.0.0/2"]), [External(blocks[0], blocks), *BLOCKS]))


# ---------------------------------------------------------------------------------------------------- heads, reasons
def test_isolation_stands_in_the_head() -> None:
    ends = [endpoint("a/1"), endpoint("a/2", ingress=True), endpoint("a/3", egress=True)]
    ends.append(endpoint("a/4", ingress=True, egress=True))
    result = Map(API_VERSION, "Map", "cilium", ends, [], [], [])
    assert list(rows(result)) == [
        "from a/1 (not isolated)",
        "from a/2 (isolated: ingress)",
        "from a/3 (isolated: egress)",
        "from a/4 (isolated: ingress + egress)",
    ]
    assert next(write(answer_of(result))) == "4 endpoints, 0 connections, profile cilium\n"


@pytest.mark.parametrize(
    ("only", "head"),
    [
        (None, "3 endpoints, 1 connection, profile kubernetes\n"),
        ("a", "2 endpoints in a, 1 connection from or to them, profile kubernetes\n"),
        ("b", "1 endpoint in b, 1 connection from or to them, profile kubernetes\n"),
    ],
)
def test_the_first_line_counts(only: str | None, head: str) -> None:
    assert next(write(answer_of(a_map(["a/x", "a/y", "b/x"], to_all("a/x", ["b/x"])), only))) == head


def test_connections_about_some_ends_stand_both_ways() -> None:
    connections = [*to_all("a/x", ["a/x", "a/y", "b/z"]), *to_all("a/y", ["a/x"]), *to_all("b/z", ["a/y"], ALL)]
    result = a_map(["a/x", "a/y", "b/z"], connections)
    scope = Scope(about=frozenset({"a/x", "a/y"}), whole=frozenset())
    paragraphs = "".join(write(answer_of(result, scope=scope))).split("\n\n")[1:]
    assert [[" ".join(line.split()) for line in paragraph.splitlines()] for paragraph in paragraphs] == [
        ["from a/x (not isolated)", "a/x TCP 80", "a/y TCP 80", "b/z TCP 80"],
        ["from a/y (not isolated)", "a/x TCP 80"],
        ["to a/x (not isolated)", "a/x TCP 80", "a/y TCP 80"],
        ["to a/y (not isolated)", "a/x TCP 80", "b/z all ports"],
    ]


def ref(name: str, owner: str | None = None, file: str | None = "np/a.yaml", line: int | None = 3) -> Permit:
    return Permit("NetworkPolicy", "a", name, owner, file, line, ("spec.ingress[0]", "spec.ingress[2]"))


def test_reasons() -> None:
    many = [ref(f"a-policy-with-a-long-name-{n}") for n in range(6)]
    connections = [
        Connection("a/x", "a/y", HTTP, "not isolated", [ref("p"), ref("q")]),
        Connection("a/x", "0.0.0.0/0", HTTP, [ref("p")], "not isolated"),
        Connection("a/y", "a/x", HTTP, many, "not isolated"),
    ]
    found = rows(a_map(["a/x", "a/y"], connections, [External("0.0.0.0/0", ["0.0.0.0/0"])]))
    assert found["from a/x (not isolated)"][1::2] == [
        "      egress not isolated; ingress by a/p[0,2], a/q[0,2]",
        "      egress by a/p[0,2]",  # no policy speaks for an external end
    ]
    wrapped = found["from a/y (not isolated)"][1:]
    assert all(len(line) <= 80 for line in wrapped)
    listed = ", ".join(f"a/{each.name}[0,2]" for each in many)
    assert " ".join(line.strip() for line in wrapped) == f"egress by {listed}; ingress not isolated"


@pytest.mark.parametrize(
    ("policy", "line"),
    [
        (ref("p"), "  a/p  np/a.yaml:3"),
        (ref("p", "np"), "  a/p  np/a.yaml:3"),  # its folder says nothing new
        (ref("p", "@team"), "  a/p  np/a.yaml:3 (@team)"),
        (ref("p", "here", "a.yaml"), "  a/p  a.yaml:3 (here)"),
        (ref("p", "@team", "<stdin>", None), "  a/p  <stdin> (@team)"),
        (ref("p", None, None, None), "  a/p"),
    ],
)
def test_where_policies_stand(policy: Permit, line: str) -> None:
    connection = Connection("a/x", "a/y", HTTP, [policy], "not isolated")
    assert rows(a_map(["a/x", "a/y"], [connection]))["Policies; name[0] is the first rule of its direction:"] == [line]


def test_the_summary() -> None:
    counts = Summary(API_VERSION, "MapSummary", "kubernetes", 1200, 45, 30, 1_438_800, 71_940, [])
    assert summary_text(counts) == (
        "endpoints              1,200\n"
        "policies                  45\n"
        "classes                   30\n"
        "pairs              1,438,800\n"
        "open pairs            71,940 (5.0%)\n"
    )
