"""Packets that conntrack does not track, does not know, or saw from the middle on."""

from __future__ import annotations

import re
import socket

import msgspec
import pytest

from podwall.dataplane.compiler import Marks
from podwall.lab.dns import nameservers
from podwall.lab.nameserver import Nameserver
from tests.lab.traps.scene import (
    EVERYONE,
    FAMILIES,
    Scene,
    allow,
    app,
    block,
    connects,
    open_tcp,
    pods,
    policy,
    scene,
)
from tests.lab.traps.taps import Tap, packet
from tests.truth.vocabulary import Object

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
NOTRACK = """
table inet foreign {
  chain first {
    type filter hook prerouting priority raw
    th dport 53 notrack
    th sport 53 notrack
  }
}
"""
BOTH = [("UDP", 53), ("TCP", 53)]
CACHE = block("169.254.20.10/32")


# Not tracked


@pytest.mark.parametrize(
    ("policies", "there", "back"),
    [
        ([], True, True),
        ([policy("b", ingress=[])], False, True),
        ([policy("a", egress=[])], False, True),
        ([policy("b", ingress=allow(app("a")))], True, True),
        ([policy("b", ingress=allow(app("a"), ports=BOTH))], True, True),
        ([policy("b", ingress=allow(app("a"), ports=[("UDP", 80), ("TCP", 80)]))], False, True),
        ([policy("b", ingress=allow(app("c")))], False, True),
        ([policy("a", egress=allow(app("b"), side="to", ports=BOTH))], True, True),
        ([policy("a", egress=allow(app("c"), side="to"))], False, True),
        ([policy("b", ingress=allow(app("a")), egress=[])], True, False),  # each packet stands for itself
        ([policy("a", ingress=[], egress=allow(app("b"), side="to"))], True, False),
    ],
)
def test_packets_that_are_not_tracked_are_judged_each_for_itself(
    policies: list[Object], there: bool, back: bool
) -> None:
    with scene(*pods("a", "b", "c")) as lab:
        lab.nft(NOTRACK)
        lab.load(*policies)
        taps = {name: Tap(lab, name) for name in "ab"}
        for family in FAMILIES:
            for protocol in (TCP, UDP):
                asked = packet(lab, ("a", "b"), protocol, (40000, 53), family, syn=protocol == TCP)
                answer = packet(lab, ("b", "a"), protocol, (53, 40000), family, syn=True, ack=True)
                assert taps["b"].sees(asked, "a") is there
                assert taps["a"].sees(answer, "b") is back
        assert lab.marks(53) == set()


@pytest.mark.parametrize(
    ("egress", "comes"), [([], False), (allow({"ipBlock": {"cidr": "192.168.7.1/32"}}, side="to"), True)]
)
def test_packets_to_the_node_itself_that_are_not_tracked(egress: list[Object], comes: bool) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.nft(NOTRACK)
        lab.load(policy("a", egress=egress))
        node = lab.bound("node/n1", 4, socket.SOCK_DGRAM, 53)
        for sender, expected in (("a", comes), ("b", True)):
            lab.bound(sender, 4, socket.SOCK_DGRAM, 40000).sendto(sender.encode(), (lab.address("node/n1", 4), 53))
            lab.fence("node/n1")
            node.setblocking(False)
            try:
                assert (node.recv(1) == sender.encode()) is expected
            except BlockingIOError:
                assert not expected


@pytest.mark.parametrize(
    ("egress", "answered"),
    [
        (allow(CACHE, side="to", ports=BOTH), True),
        (allow(CACHE, side="to"), True),
        (allow({"ipBlock": {"cidr": "169.254.0.0/16", "except": ["169.254.20.8/29"]}}, side="to"), False),
        (allow(CACHE, side="to", ports=[("TCP", 53)]), False),
        (allow(EVERYONE, side="to"), False),
        ([], False),
    ],
)
def test_the_dns_cache_of_the_node(egress: list[Object], answered: bool) -> None:
    with scene(*pods("a", "b"), cache=True) as lab, Nameserver(lab.network):
        lab.load(policy("a", egress=egress))
        (cache,) = nameservers(lab.network.plan)
        waiting = question(lab, "a", cache)
        control = question(lab, "b", cache)
        assert control.recv(512)[:2] == b"\x12\x34"
        if answered:
            assert waiting.recv(512)[:2] == b"\x12\x34"
        else:  # it was asked first, so its answer would have come first
            waiting.setblocking(False)
            with pytest.raises(BlockingIOError):
                waiting.recv(512)


def question(lab: Scene, who: str, cache: str) -> socket.socket:
    asked = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"
    asking = lab.opened(who, 4, socket.SOCK_DGRAM)
    asking.connect((cache, 53))
    asking.send(asked)
    return asking


# Not known


def test_packets_that_conntrack_calls_invalid_are_dropped_where_something_is_enforced_and_counted() -> None:
    with scene(*pods("a", "b", "c")) as lab:
        lab.load(policy("b", ingress=allow(EVERYONE)), policy("c", egress=allow(EVERYONE, side="to")))
        lab.mute("a", "b", "c")
        taps = {name: Tap(lab, name) for name in "abc"}
        cases = [
            (("a", "b"), False),  # even where the policies allow everyone
            (("c", "a"), False),
            (("b", "a"), True),  # nothing is enforced of what leaves b
            (("a", "c"), True),
        ]
        for (source, destination), comes in cases:
            for family in FAMILIES:
                unknown = packet(lab, (source, destination), TCP, (40000, 80), family, syn=True, ack=True)
                assert taps[destination].sees(unknown, source) is comes
                echo = packet(lab, (source, destination), ICMP6 if family == 6 else ICMP, (7, 7), family)
                answer = msgspec.structs.replace(echo, icmp=129 if family == 6 else 0)
                assert taps[destination].sees(answer, source) is comes
        said = lab.ask("nft", "list", "chain", "inet", "podwall", "c_drop_invalid")
        assert re.findall(r"counter packets (\d+)", said) == ["8"]


# From the middle on

INTO_B = policy("b", name="into-b", ingress=allow(app("a"), ports=[("TCP", 80)]))
STRICT = [
    INTO_B,
    policy("b", egress=[]),
    policy("a", ingress=[]),
    policy("a", egress=allow(app("b"), side="to", ports=[("TCP", 80)])),
]


@pytest.mark.parametrize("speaker", ["client", "server"])
@pytest.mark.parametrize("policies", [[INTO_B], STRICT], ids=["ingress of the server", "all sides"])
def test_an_allowed_connection_that_conntrack_forgot_goes_on(policies: list[Object], speaker: str) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(*policies)
        talks = [open_tcp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        lab.forget()
        assert [talk.passes(speaker) for talk in talks] == [True, True]
        assert {mark & Marks().picked_up for mark in picked_up(lab)} == {Marks().picked_up}
        assert all(talk.alive() for talk in talks)
        lab.change(policy("c", ingress=[]))
        assert all(talk.alive() for talk in talks)


@pytest.mark.parametrize("speaker", ["client", "server"])
def test_a_denied_connection_that_conntrack_forgot_is_cut(speaker: str) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(*STRICT)
        talks = [open_tcp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        lab.forget()
        lab.change(policy("b", name="into-b", ingress=[]))
        assert [talk.cut(speaker) for talk in talks] == [True, True]
        assert [talk.cut() for talk in talks] == [True, True]
        assert [talk.cut("server") for talk in talks] == [True, True]


@pytest.mark.parametrize("speaker", ["client", "server"])
def test_a_connection_that_was_picked_up_is_cut_when_its_permission_goes(speaker: str) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(*STRICT)
        talks = [open_tcp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        lab.forget()
        assert all(talk.passes(speaker) and talk.alive() for talk in talks)
        lab.change(policy("b", name="into-b", ingress=[]))
        assert [talk.cut(speaker) for talk in talks] == [True, True]
        assert [talk.cut() for talk in talks] == [True, True]


def picked_up(lab: Scene) -> set[int]:
    return {one.mark for one in lab.connections() if one.protocol == TCP}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("epochs", [0, 1])
def test_a_packet_from_the_middle_does_not_open_the_way_for_a_beginning(family: int, epochs: int) -> None:
    """Its own direction is allowed, so it passes; whoever is asked may not begin a connection with the same ends."""
    with scene(*pods("a", "b")) as lab:
        lab.load(policy("b", ingress=[]))
        lab.mute("a", "b")
        taps = {name: Tap(lab, name) for name in "ab"}
        for source, first in (("b", "allowed first"), ("a", "denied first")):
            ends = (source, "a" if source == "b" else "b")
            ports = (81, 40001) if source == "b" else (40002, 82)
            middle = packet(lab, ends, TCP, ports, family, ack=True)
            assert taps[ends[1]].sees(middle, source), first
            for _ in range(epochs):
                lab.kernels["n1"].apply(lab.compilers["n1"].bump())
            begin = packet(lab, ("a", "b"), TCP, (40001, 81) if source == "b" else (40002, 82), family, syn=True)
            assert not taps["b"].sees(begin, "a"), first
            assert not taps["b"].sees(begin, "a"), f"{first}, again"
        assert not connects(lab, "a", "b", 83, family=family)
        assert connects(lab, "b", "a", 84, family=family)


@pytest.mark.parametrize("speaker", ["client", "server"])
def test_what_was_cut_cannot_begin_again_in_the_middle_once_the_start_is_over(speaker: str) -> None:
    """A client has conntrack forget its connection by RST; nothing is wrong with the other direction."""
    with scene(*pods("a", "b")) as lab:
        lab.load(INTO_B)
        old = [open_tcp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        lab.forget()
        assert all(talk.passes("server") and talk.alive() for talk in old)
        lab.compilers["n1"].pick_up(on=False)
        lab.commit()
        assert all(talk.alive() for talk in old)  # picked up before
        talks = [*old, *(open_tcp(lab, "a", "b", 80, family=family) for family in FAMILIES)]
        lab.change(policy("b", name="into-b", ingress=[]))
        lab.forget()
        assert [talk.cut(speaker) for talk in talks] == [True] * 4
        assert [talk.cut() for talk in talks] == [True] * 4
        assert connects(lab, "b", "a", 81)
