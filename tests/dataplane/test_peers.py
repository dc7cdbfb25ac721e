"""Who is meant: peers of each sort against endpoints of each sort, whoever comes first; merged into sets, and wide.

Each row is one policy, who is there beside the local pod `web` (10.0.0.1, fd00::1), and what passes.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint, PortName
from podwall.cluster.profile import CILIUM, KUBERNETES, Profile
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.ruleset import Hook
from podwall.dataplane.walk import walk
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import AnyPeer, AnyPort, Block, Domains, NamedPort, Nodes, Peer, PortRange, PortTerm
from podwall.engine.sets import AddrSet
from tests.dataplane.small import EGRESS, HERE, INGRESS, app, only, packet, pod, tell

WEB = pod("web", "10.0.0.1", "fd00::1")
DB = pod("db", "10.0.0.2", "fd00::2", node="n2", ports=(PortName("sql", "TCP", 5432), PortName("dns", "UDP", 53)))
HOST = msgspec.structs.replace(pod("db", "192.0.2.9", node="n2"), host_network=True, host_labels={"rack": "a"})
NODE = Endpoint("Node", "", "n2", {"rack": "a"}, ("192.0.2.2", "2001:db8:1::2"), node="n2")
ANY_NODE = Nodes(EVERYTHING)
BLOCK = Block(AddrSet.of("10.0.0.0/8") | AddrSet.of("fd00::/8") | AddrSet.of("192.0.2.0/24"))
NETWORKS = msgspec.structs.replace(BLOCK, everywhere=True)
NAMES = Domains(("db.example",), BLOCK.addresses, ("db.example",))
SQL, DNS, ANY_SQL = NamedPort("TCP", "sql"), NamedPort("TCP", "dns"), NamedPort("", "sql")


def tcp(first: int, last: int = 0) -> PortRange:
    return PortRange("TCP", first, last or first)


# (peer, port), who is there, and what is asked: (address, protocol, port, passes); of egress.
ROWS: list[tuple[str, Profile, Peer, PortTerm, Endpoint, list[tuple[str, str, int, bool]]]] = [
    ("pods", KUBERNETES, app("db"), AnyPort(), DB, [("10.0.0.2", "TCP", 1, True), ("fd00::2", "UDP", 1, True)]),
    ("pods, port", KUBERNETES, app("db"), tcp(80), DB, [("10.0.0.2", "TCP", 80, True), ("10.0.0.2", "TCP", 81, False)]),
    (
        "pods, port, IPv6",
        KUBERNETES,
        app("db"),
        tcp(80),
        DB,
        [("fd00::2", "TCP", 80, True), ("fd00::2", "TCP", 81, False)],
    ),
    ("pods, elsewhere", KUBERNETES, app("db"), AnyPort(), DB, [("10.0.0.3", "TCP", 1, False)]),
    ("other pods", KUBERNETES, app("cache"), AnyPort(), DB, [("10.0.0.2", "TCP", 1, False)]),
    ("host network", KUBERNETES, app("db"), AnyPort(), HOST, [("192.0.2.9", "TCP", 1, False)]),
    (
        "nodes",
        KUBERNETES,
        ANY_NODE,
        AnyPort(),
        NODE,
        [("192.0.2.2", "TCP", 1, True), ("2001:db8:1::2", "UDP", 1, True)],
    ),
    ("nodes' pods", KUBERNETES, ANY_NODE, AnyPort(), HOST, [("192.0.2.9", "TCP", 1, True)]),
    ("nodes, but pods", KUBERNETES, ANY_NODE, AnyPort(), DB, [("10.0.0.2", "TCP", 1, False)]),
    ("block", KUBERNETES, BLOCK, AnyPort(), DB, [("10.0.0.2", "TCP", 1, True), ("10.0.0.99", "TCP", 1, True)]),
    ("block, cilium", CILIUM, BLOCK, AnyPort(), DB, [("10.0.0.2", "TCP", 1, False), ("fd00::2", "TCP", 1, False)]),
    (
        "block, cilium, outside",
        CILIUM,
        BLOCK,
        AnyPort(),
        DB,
        [("10.0.0.9", "TCP", 1, True), ("11.0.0.1", "TCP", 1, False)],
    ),
    ("block, cilium, nodes", CILIUM, BLOCK, AnyPort(), NODE, [("192.0.2.2", "TCP", 1, False)]),
    ("block, cilium, host network", CILIUM, BLOCK, AnyPort(), HOST, [("192.0.2.9", "TCP", 1, False)]),
    ("networks, cilium", CILIUM, NETWORKS, AnyPort(), DB, [("10.0.0.2", "TCP", 1, True)]),
    ("names, cilium", CILIUM, NAMES, AnyPort(), DB, [("10.0.0.2", "TCP", 1, True), ("11.0.0.1", "TCP", 1, False)]),
    ("named port", KUBERNETES, app("db"), SQL, DB, [("10.0.0.2", "TCP", 5432, True), ("10.0.0.2", "UDP", 5432, False)]),
    (
        "named port, other protocol",
        KUBERNETES,
        app("db"),
        DNS,
        DB,
        [("10.0.0.2", "UDP", 53, False), ("10.0.0.2", "TCP", 53, False)],
    ),
    ("named port, any protocol", KUBERNETES, app("db"), ANY_SQL, DB, [("10.0.0.2", "TCP", 5432, True)]),
    (
        "named port of anybody",
        KUBERNETES,
        AnyPeer(),
        SQL,
        DB,
        [("10.0.0.2", "TCP", 5432, True), ("10.0.0.9", "TCP", 5432, False)],
    ),
    (
        "named port of a block",
        KUBERNETES,
        BLOCK,
        SQL,
        DB,
        [("10.0.0.2", "TCP", 5432, True), ("10.0.0.9", "TCP", 5432, False)],
    ),
    ("named port of a block, cilium", CILIUM, BLOCK, SQL, DB, [("10.0.0.2", "TCP", 5432, False)]),
    ("named port of networks, cilium", CILIUM, NETWORKS, SQL, DB, [("10.0.0.2", "TCP", 5432, True)]),
    (
        "named port, host network",
        KUBERNETES,
        AnyPeer(),
        SQL,
        msgspec.structs.replace(HOST, ports=DB.ports),
        [("192.0.2.9", "TCP", 5432, False)],
    ),
    ("range", KUBERNETES, app("db"), tcp(8, 9), DB, [("10.0.0.2", "TCP", n, n in (8, 9)) for n in (7, 8, 9, 10)]),
    (
        "range of a block",
        KUBERNETES,
        BLOCK,
        tcp(8, 9),
        DB,
        [("10.0.0.2", "TCP", n, n in (8, 9)) for n in (7, 8, 9, 10)],
    ),
    (
        "range of anybody",
        KUBERNETES,
        AnyPeer(),
        tcp(8, 9),
        DB,
        [("9.9.9.9", "TCP", n, n in (8, 9)) for n in (7, 8, 9, 10)],
    ),
    ("range, other protocol", KUBERNETES, AnyPeer(), tcp(8, 9), DB, [("9.9.9.9", "UDP", 8, False)]),
    ("all ports", KUBERNETES, AnyPeer(), tcp(1, 65535), DB, [("9.9.9.9", "TCP", n, True) for n in (1, 65535)]),
    ("all ports of one protocol", KUBERNETES, AnyPeer(), tcp(1, 65535), DB, [("9.9.9.9", "UDP", 9, False)]),
]


@pytest.mark.parametrize("wide", [0, 1, 256])
@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_egress(row: Any, wide: int) -> None:
    _, profile, peer, port, there, asked = row
    for compiler in told_in_every_order(profile, wide, only(EGRESS, "web", peer, port=port), there):
        table = compiler.ruleset()
        for address, protocol, number, passes in asked:
            source = "fd00::1" if ":" in address else "10.0.0.1"
            fate = walk(table, Hook.FORWARD, packet(source, address, protocol, number))
            assert fate.accepted is passes, f"{address} {number}/{protocol}"


def told_in_every_order(profile: Profile, wide: int, *told: Any) -> list[Compiler]:
    """The peer before the policy, after it, and after a table that was flushed without it; and here and gone before."""
    policy, there = told
    orders = [[WEB, there, policy], [policy, WEB, there], [WEB, policy, None, there], [there, WEB, policy, None, there]]
    compilers = []
    for order in orders:
        compiler = Compiler(HERE, profile, Options(wide=wide))
        for one in order:
            if one is None:
                compiler.flush()
                compiler.drop_endpoint((there.kind, there.namespace, there.name))
                compiler.flush()
            else:
                tell(compiler, (one,))
        compiler.flush()
        compilers.append(compiler)
    return compilers


@pytest.mark.parametrize("peer", [AnyPeer(), BLOCK, app("db")])
@pytest.mark.parametrize("wide", [0, 256])
def test_ports_of_all_sorts_together(peer: Peer, wide: int) -> None:
    """Single ports, ranges and other protocols, in one policy's rules."""
    ports = (tcp(80), tcp(443), tcp(8000, 8010), PortRange("UDP", 53, 53), PortRange("SCTP", 7, 8))
    rules = [only(EGRESS, "web", peer, port=port).rules[0] for port in ports]
    policy = msgspec.structs.replace(only(EGRESS, "web", peer), rules=tuple(rules))
    for compiler in told_in_every_order(KUBERNETES, wide, policy, DB):
        table = compiler.ruleset()
        asked = {protocol: [*range(6, 10), 53, 80, 443, *range(7999, 8012)] for protocol in ("TCP", "UDP", "SCTP")}
        open_ports = {
            (protocol, number)
            for protocol, numbers in asked.items()
            for number in numbers
            if walk(table, Hook.FORWARD, packet("10.0.0.1", "10.0.0.2", protocol, number)).accepted
        }
        tcp_ports = {("TCP", number) for number in (80, 443, *range(8000, 8011))}
        assert open_ports == {*tcp_ports, ("UDP", 53), ("SCTP", 7), ("SCTP", 8)}


def test_one_name_of_two_protocols_in_one_set() -> None:
    """Pairs of a set bring their own keys only: what one of them is not, none of the others makes it."""
    rules = [only(EGRESS, "web", app("db"), port=port).rules[0] for port in (DNS, PortRange("UDP", 99, 99))]
    policy = msgspec.structs.replace(only(EGRESS, "web", app("db")), rules=tuple(rules))
    for compiler in told_in_every_order(KUBERNETES, 256, policy, DB):
        for number, passes in ((53, False), (99, True)):
            asked = packet("10.0.0.1", "10.0.0.2", "UDP", number)
            assert walk(compiler.ruleset(), Hook.FORWARD, asked).accepted is passes


def test_a_named_port_is_the_destinations_own() -> None:
    """Of ingress the subject's, so it may mean another number on each (N13)."""
    both = [msgspec.structs.replace(WEB, name=f"web{n}", addresses=(f"10.0.0.{n}",)) for n in (5, 6)]
    named = [msgspec.structs.replace(one, ports=(PortName("http", "TCP", 8000 + n),)) for n, one in enumerate(both)]
    compiler = Compiler(HERE, KUBERNETES)
    tell(compiler, (DB, *named, only(INGRESS, "web", app("db"), port=NamedPort("TCP", "http"))))
    compiler.flush()
    table = compiler.ruleset()
    passes = {
        (address, number)
        for address in ("10.0.0.5", "10.0.0.6")
        for number in (8000, 8001, 5432)
        if walk(table, Hook.FORWARD, packet("10.0.0.2", address, "TCP", number)).accepted
    }
    assert passes == {("10.0.0.5", 8000), ("10.0.0.6", 8001)}
