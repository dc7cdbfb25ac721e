"""Policies of any size: what they say is in force, and neither they nor the tables are multiplied out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint, PortName
from podwall.cluster.profile import KUBERNETES
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.ruleset import Hook, Ruleset
from podwall.dataplane.walk import walk
from podwall.engine.rules import AnyPeer, AnyPort, Block, NamedPort, Peer, PolicyRules, PortRange, PortTerm
from podwall.engine.sets import AddrSet
from tests.dataplane.small import EGRESS, HERE, app, only, packet, pod, tell

WEB = pod("web", "10.0.0.1")


def peers(count: int) -> list[Endpoint]:
    """Pods of an app each: 10.1.0.1, 10.1.0.2 …"""
    return [pod(f"db{n}", f"10.1.{n >> 8}.{n & 255}", node="n2") for n in range(count)]


def saying(*rules: tuple[Sequence[Peer], Sequence[PortTerm]]) -> PolicyRules:
    """One policy about the egress of `web`."""
    policy = only(EGRESS, "web", app("db0"))
    made = (msgspec.structs.replace(policy.rules[0], peers=tuple(who), ports=tuple(ports)) for who, ports in rules)
    return msgspec.structs.replace(policy, rules=tuple(made))


def table(policy: PolicyRules, there: list[Endpoint], wide: int = 256) -> Ruleset:
    compiler = Compiler(HERE, KUBERNETES, Options(wide=wide))
    tell(compiler, (WEB, *there, policy))
    compiler.flush()
    return compiler.ruleset()


def passes(found: Ruleset, address: str, port: int, protocol: str = "TCP") -> bool:
    return walk(found, Hook.FORWARD, packet("10.0.0.1", address, protocol, port)).accepted


def size(found: Ruleset) -> int:
    """Elements of all sets and rules of all chains."""
    return sum(len(one.elements) + len(one.intervals) for one in found.sets.values()) + sum(
        len(chain.rules) for chain in found.chains.values()
    )


def tcp(*numbers: int) -> list[PortTerm]:
    return [PortRange("TCP", number, number) for number in numbers]


@pytest.mark.parametrize("wide", [0, 256])
def test_a_rule_of_many_peers_and_many_ports(wide: int) -> None:
    """As many keys as peers and ports, not as pairs of them."""
    rule = [app(f"db{n}") for n in range(1, 300)], tcp(*range(1001, 2000, 2))
    found = table(saying(rule), peers(301), wide)
    asked = {(address, port) for address in ("10.1.0.1", "10.1.1.43") for port in (1001, 1999)}
    assert all(passes(found, address, port) for address, port in asked)
    others = (("10.1.0.0", 1001), ("10.1.1.44", 1001), ("10.1.0.1", 1000), ("10.1.0.1", 2000))
    assert not any(passes(found, address, port) for address, port in others)
    assert not passes(found, "10.1.0.1", 1001, "UDP")
    assert size(found) < 1500


def test_small_rules_are_merged_beside_a_large_one() -> None:
    """Each of them says what it says, and none what another one does."""
    large = [app(f"db{n}") for n in range(1, 300)], tcp(*range(1001, 2000, 2))
    small = [([app(f"db{n}")], tcp(n)) for n in range(1, 40)]
    found = table(saying(large, *small), peers(301))
    assert passes(found, "10.1.0.1", 1)
    assert passes(found, "10.1.0.39", 39)
    assert not passes(found, "10.1.0.1", 39)
    assert passes(found, "10.1.0.1", 1001)
    assert size(found) < 1500


def test_more_wide_peers_than_have_sets_of_their_own() -> None:
    """Ports of each stay its own."""
    rules = [([app(f"db{n}")], tcp(100 + n, 200)) for n in range(40)]
    found = table(saying(*rules, ([app("db40")], [PortRange("UDP", 1, 9)])), peers(42), wide=0)
    for n in range(40):
        assert [port for port in (100 + n, 101 + n, 200) if passes(found, f"10.1.0.{n}", port)] == [100 + n, 200]
    assert passes(found, "10.1.0.40", 9, "UDP")
    assert not passes(found, "10.1.0.40", 200)
    assert not passes(found, "10.1.0.41", 200)


def test_named_ports_of_many_blocks() -> None:
    """More of them than have sets of their own; each block has its own names."""
    blocks: list[Peer] = [Block(AddrSet.of(f"10.1.0.{n}/32")) for n in range(40)]
    rules = [([block], [NamedPort("TCP", f"p{n}")]) for n, block in enumerate(blocks)]
    ports = tuple(PortName(f"p{n}", "TCP", 100 + n) for n in range(40))
    found = table(saying(*rules), [msgspec.structs.replace(one, ports=ports) for one in peers(41)])
    for n in (0, 1, 15, 16, 17, 39):
        assert [port for port in range(100, 140) if passes(found, f"10.1.0.{n}", port)] == [100 + n]
    assert not passes(found, "10.1.0.40", 100)


def test_many_named_ports_of_many_peers() -> None:
    rule = [app(f"db{n}") for n in range(300)], [NamedPort("TCP", f"p{n}") for n in range(300)]
    ports = (PortName("p7", "TCP", 7), PortName("p299", "TCP", 299), PortName("q", "TCP", 1))
    found = table(saying(rule), [msgspec.structs.replace(one, ports=ports) for one in peers(300)])
    assert [port for port in (1, 7, 8, 299) if passes(found, "10.1.1.43", port)] == [7, 299]
    assert size(found) < 1500


def test_many_blocks_at_many_ports() -> None:
    blocks: list[Peer] = [Block(AddrSet.of(f"10.{n}.0.0/16")) for n in range(0, 250, 2)]
    ports = tcp(*range(1001, 3000, 2))
    found = table(saying((blocks, ports), (blocks[:1], tcp(80)), (blocks[1:2], [PortRange("UDP", 5, 6)])), [])
    assert passes(found, "10.248.9.9", 2999)
    assert passes(found, "10.0.9.9", 80)
    assert passes(found, "10.0.9.9", 1001)
    assert passes(found, "10.2.9.9", 6, "UDP")
    assert not passes(found, "10.2.9.9", 80)
    assert not passes(found, "10.1.9.9", 1001)
    assert size(found) < 4000


def test_any_port_beside_single_ones_is_any_port() -> None:
    block = Block(AddrSet.of("10.1.0.0/24"))
    for peer in (block, app("db1"), AnyPeer()):
        found = table(saying(([peer], tcp(80)), ([peer], [AnyPort()])), peers(2))
        assert passes(found, "10.1.0.1", 80)
        assert passes(found, "10.1.0.1", 81, "UDP")
        assert passes(table(saying(([peer], [AnyPort(), *tcp(80)])), peers(2)), "10.1.0.1", 81)


def test_anybody_beside_others_is_anybody() -> None:
    found = table(saying(([AnyPeer(), app("db1")], tcp(80))), peers(2))
    assert passes(found, "203.0.113.1", 80)
    assert not passes(found, "10.1.0.1", 81)
