"""Who judges what: both directions apart, the node itself, a pod itself, ICMP, and what IPv6 needs."""

from __future__ import annotations

import socket

import pytest

from podwall.lab.plan import Link
from tests.lab.traps.scene import (
    EVERYONE,
    FAMILIES,
    OPENING,
    Scene,
    allow,
    app,
    block,
    connects,
    open_tcp,
    open_udp,
    pods,
    policy,
    scene,
)
from tests.lab.traps.taps import Tap, packet
from tests.lab.worlds import service
from tests.truth.vocabulary import Object

UDP, ICMP, ICMP6 = 17, 1, 58
SHUT = [policy("", name="shut", ingress=[], egress=[])]


# A policy of both types


def both_types(**sections: object) -> Object:
    """About a and b; a section that is left out allows nothing."""
    return policy("", name="both", **{"ingress": [], "egress": [], **sections})


@pytest.mark.parametrize(
    ("policies", "passing"),
    [
        ([both_types(ingress=allow(app("a")))], []),
        ([both_types(egress=allow(app("b"), side="to"))], []),
        ([both_types(ingress=allow(app("a")), egress=allow(app("b"), side="to"))], ["ab"]),
        ([both_types(ingress=allow(EVERYONE))], []),
        ([both_types(egress=allow(EVERYONE, side="to"))], []),
        ([both_types(ingress=allow(EVERYONE), egress=allow(EVERYONE, side="to"))], ["ab", "ba"]),
        (
            [
                both_types(),
                policy("a", name="in", ingress=allow(EVERYONE)),
                policy("b", egress=allow(EVERYONE, side="to")),
            ],
            ["ba"],
        ),
    ],
)
@pytest.mark.parametrize("nodes", [1, 2])
def test_what_lets_in_lets_nobody_out(policies: list[Object], passing: list[str], nodes: int) -> None:
    with scene(*pods("a"), *pods("b", on=f"n{nodes}", first=2)) as lab:
        lab.load(*policies)
        for ends in ("ab", "ba"):
            for family in FAMILIES:
                assert connects(lab, ends[0], ends[1], 80, family=family) is (ends in passing)


# The node


@pytest.mark.parametrize("link", Link)
def test_a_node_reaches_its_pods_and_is_answered_whatever_the_policies_say(link: Link) -> None:
    with scene(*pods("a", "b"), link=link) as lab:
        before = [opening(lab, "node/n1", "a", 80, family=f) for opening in OPENING.values() for f in FAMILIES]
        lab.load(*SHUT)
        talks = [opening(lab, "node/n1", "a", 81, family=f) for opening in OPENING.values() for f in FAMILIES]
        lab.change(policy("a", name="more", ingress=[]))
        assert all(talk.passes("server") and talk.passes("client") for talk in (*before, *talks))
        assert not connects(lab, "a", "b", 82)


def test_another_node_is_a_peer() -> None:
    with scene(*pods("a"), *pods("b", on="n2", first=2)) as lab:
        lab.load(*SHUT)
        assert not connects(lab, "node/n2", "a", 80)
        assert connects(lab, "node/n1", "a", 80)
        lab.change(policy("a", ingress=allow(block("192.168.7.2/32"))))
        assert connects(lab, "node/n2", "a", 80)


@pytest.mark.parametrize(
    ("egress", "passes"),
    [
        (None, True),
        ([], False),
        (allow(EVERYONE, side="to"), False),
        (allow({"ipBlock": {"cidr": "192.168.7.1/32"}}, {"ipBlock": {"cidr": "fd00:192:168::1/128"}}, side="to"), True),
        (
            allow({"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}, side="to", ports=[("TCP", 81)]),
            False,
        ),
        ([{}], True),
    ],
)
def test_a_pod_that_asks_its_own_node_is_judged(egress: list[Object] | None, passes: bool) -> None:
    with scene(*pods("a", "b"), link=Link.BRIDGED) as lab:
        open_before = [open_tcp(lab, "a", "node/n1", 80, family=family) for family in FAMILIES]
        lab.load(*([] if egress is None else [policy("a", name="a", egress=egress)]))
        for family in FAMILIES:
            assert connects(lab, "a", "node/n1", 80, family=family) is passes
        assert [talk.passes() if passes else talk.cut() for talk in open_before] == [True, True]
        lab.change(policy("a", name="a", egress=[]))
        assert [talk.cut() for talk in open_before] == [True, True]


# A pod and itself


def hairpin(lab: Scene, family: int) -> bool:
    """Whether a reaches itself by its Service."""
    with lab.bound("a", family, socket.SOCK_STREAM, 80) as listener:
        listener.listen()
        with lab.opened("a", family, socket.SOCK_STREAM) as asking:
            asking.setblocking(False)
            asking.connect_ex((lab.services("a")[family], 80))
            lab.fence("a")
            listener.setblocking(False)
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                return False
            return True


@pytest.mark.parametrize("link", Link)
@pytest.mark.parametrize(
    ("policies", "passes"),
    [
        ([], True),
        ([policy("a", ingress=[])], False),
        ([policy("a", egress=[])], False),
        ([policy("a", ingress=allow(app("a")))], True),
        ([policy("a", ingress=allow(app("a")), egress=[])], False),
        ([policy("a", ingress=allow(app("a"), ports=[("TCP", 80)]), egress=allow(app("a"), side="to"))], True),
    ],
)
def test_a_pod_that_reaches_itself_by_a_service_is_judged(policies: list[Object], passes: bool, link: Link) -> None:
    web = service("a", 80, 80, ipFamilyPolicy="RequireDualStack")
    with scene(*pods("a"), web, link=link) as lab:
        lab.load(*policies)
        assert [hairpin(lab, family) for family in FAMILIES] == [passes, passes]
        own = open_tcp(lab, "a", "a", 81)
        assert own.alive()  # by its own address it is never asked about


# ICMP


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        (allow(app("a")), True),
        (allow(app("a"), ports=[("TCP", 80), ("UDP", 80)]), False),
        (allow(app("c")), False),
        ([], False),
        ([{}], True),
    ],
)
def test_a_ping_passes_where_a_rule_without_ports_lets_its_sender_in(rules: list[Object], passes: bool) -> None:
    with scene(*pods("a", "b", "c")) as lab:
        lab.load(policy("b", ingress=rules, egress=[]), policy("a", ingress=[]))
        taps = {who: Tap(lab, who) for who in "ab"}
        for family in FAMILIES:
            protocol, ask, answer = (ICMP6, 128, 129) if family == 6 else (ICMP, 8, 0)
            asked = packet(lab, ("a", "b"), protocol, (7, 7), family, icmp=ask)
            assert taps["b"].sees(asked, "a") is passes
            assert taps["a"].sees(packet(lab, ("b", "a"), protocol, (7, 7), family, icmp=answer), "b") is passes
            assert not taps["a"].sees(packet(lab, ("b", "a"), protocol, (9, 9), family, icmp=ask), "b")


def test_errors_about_a_connection_pass_after_an_epoch() -> None:
    """Before anything else of the connection came, and where no rule says ICMP; errors about nothing do not."""
    with scene(*pods("a", "b")) as lab:
        lab.load(
            policy("b", ingress=allow(app("a"), ports=[("UDP", 80)])), policy("a", ingress=[]), policy("b", egress=[])
        )
        talks = [open_udp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        lab.kernels["n1"].apply(lab.compilers["n1"].bump())
        tap = Tap(lab, "a")
        for family, talk in zip(FAMILIES, talks, strict=True):
            protocol, kind = (ICMP6, 2) if family == 6 else (ICMP, 3)
            error = packet(lab, ("b", "a"), protocol, (0, 0), family, icmp=kind)
            about = packet(lab, ("a", "b"), UDP, (talk.end("client").getsockname()[1], 80), family)
            assert tap.sees(error, "b", about)
            assert not tap.sees(error, "b", packet(lab, ("a", "b"), UDP, (9, 9), family))


@pytest.mark.parametrize("family", FAMILIES)
def test_path_mtu_discovery_works_after_an_epoch(family: int) -> None:
    """The way becomes narrow behind this node: it is told by an error that crosses the forward hook."""
    with scene(*pods("a"), *pods("b", on="n2", first=2)) as lab:
        lab.load(
            policy("a", ingress=[], egress=allow(app("b"), side="to", ports=[("TCP", 80)])),
            policy("b", egress=[], ingress=allow(app("a"), ports=[("TCP", 80)])),
        )
        talk = open_tcp(lab, "a", "b", 80, family=family)
        route = lab.ask("ip", "-o", f"-{family}", "route", "get", lab.address("b", family), on="n2").split()
        lab.ask("ip", "link", "set", route[route.index("dev") + 1], "mtu", "1300", on="n2")
        lab.change(policy("a", name="more", ingress=[]))
        sent, receiver = bytes(200_000), talk.end("server")
        talk.end("client").setblocking(False)
        sent = sent[: talk.end("client").send(sent)]
        got = 0
        while got < len(sent):
            got += len(receiver.recv(1 << 16))
        told = lab.network.run("default/a", ["ip", f"-{family}", "route", "get", lab.address("b", family)]).stdout
        assert "mtu 1300" in told


# What IPv6 needs


def test_neighbors_of_a_bridge_find_each_other_where_everything_is_denied() -> None:
    with scene(*pods("a", "b"), link=Link.BRIDGED) as lab:
        lab.load(*SHUT)
        assert not connects(lab, "a", "b", 80, family=6)
        found = lab.network.run("default/a", ["ip", "-6", "neigh", "show", lab.address("b", 6)]).stdout
        assert "lladdr" in found
        assert "FAILED" not in found
        lab.change(
            policy("a", egress=allow(app("b"), side="to", ports=[("TCP", 80)])),
            policy("b", ingress=allow(app("a"), ports=[("TCP", 80)])),
        )
        assert lab.network.run("default/a", ["ip", "-6", "neigh", "flush", "dev", "eth0"]).returncode == 0
        assert connects(lab, "a", "b", 80, family=6)
        assert not connects(lab, "a", "b", 81, family=6)
