"""What is around the groups: which packets are judged at all, by what, and what is written to marks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.log import Logging
from podwall.dataplane.packet import Fate, Packet
from podwall.dataplane.ruleset import Hook, Ruleset
from podwall.dataplane.walk import walk
from podwall.engine.rules import Mode
from tests.dataplane.small import EGRESS, INGRESS, answer, app, compiled, only, packet, pod

FORWARD, INPUT = Hook.FORWARD, Hook.INPUT
# `shut` lets `friend` in at any port; `mute` reaches nobody but `friend`; `sealed` both.
# Nothing speaks of `free`, nor of who is far.
SHUT, MUTE, FREE = ("10.0.0.1", "fd00::1"), ("10.0.0.2", "fd00::2"), ("10.0.0.3", "fd00::3")
SEALED = ("10.0.0.4", "fd00::4")
FRIEND, FAR = ("10.0.1.1", "fd00:1::1"), ("203.0.113.1", "2001:db8::1")
NODE = ("192.0.2.1", "2001:db8:1::1")
TOLD = (
    pod("shut", *SHUT),
    pod("mute", *MUTE),
    pod("sealed", *SEALED),
    pod("free", *FREE),
    pod("friend", *FRIEND, node="n2"),
    Endpoint("Node", "", "n1", {}, NODE, node="n1"),
    only(INGRESS, "shut", app("friend")),
    only(EGRESS, "mute", app("friend")),
    only(INGRESS, "sealed", app("friend")),
    only(EGRESS, "sealed", app("friend")),
)
PICKED_UP = 0x8000_0000


def node() -> Compiler:
    return compiled(*TOLD, options=Options(logging=Logging(rate=0)))


@functools.cache
def table() -> Ruleset:
    return node().ruleset()


def both(make: Callable[[int], Packet]) -> list[Packet]:
    """A packet of each family: 0 for IPv4, 1 for IPv6."""
    return [make(0), make(1)]


CASES: list[tuple[str, Hook, list[Packet], bool]] = [
    ("who may come in", FORWARD, both(lambda f: packet(FRIEND[f], SHUT[f])), True),
    ("who may not", FORWARD, both(lambda f: packet(FAR[f], SHUT[f])), False),
    ("where it may go", FORWARD, both(lambda f: packet(MUTE[f], FRIEND[f])), True),
    ("where it may not", FORWARD, both(lambda f: packet(MUTE[f], FREE[f])), False),
    ("egress allows, ingress does not", FORWARD, both(lambda f: packet(FREE[f], SHUT[f])), False),
    ("its own way out is open", FORWARD, both(lambda f: packet(SHUT[f], FAR[f])), True),
    ("its own way in is open", FORWARD, both(lambda f: packet(FAR[f], MUTE[f])), True),
    ("an answer to who was let in", FORWARD, both(lambda f: answer(FRIEND[f], SHUT[f])), True),
    ("an answer to who was not", FORWARD, both(lambda f: answer(FAR[f], SHUT[f])), False),
    ("an answer to itself", FORWARD, both(lambda f: answer(SHUT[f], FAR[f])), True),
    # To the node itself: egress only (N17, D4)
    ("its own node, not allowed", INPUT, both(lambda f: packet(MUTE[f], NODE[f])), False),
    ("its own node, open", INPUT, both(lambda f: packet(SHUT[f], NODE[f])), True),
    ("an answer to its node", INPUT, both(lambda f: answer(NODE[f], SHUT[f])), True),
    ("what comes over loopback", INPUT, both(lambda f: packet(MUTE[f], NODE[f], loopback=True)), True),
    ("invalid to its node", INPUT, both(lambda f: packet(MUTE[f], NODE[f], state="invalid")), False),
    # Untracked: each packet for itself (dataplane.md 4.1)
    ("untracked, may come in", FORWARD, both(lambda f: packet(FRIEND[f], SHUT[f], "UDP", state="untracked")), True),
    ("untracked, may not", FORWARD, both(lambda f: packet(FAR[f], SHUT[f], "UDP", state="untracked")), False),
    ("untracked, may go", FORWARD, both(lambda f: packet(MUTE[f], FRIEND[f], "UDP", state="untracked")), True),
    ("untracked, may not go", FORWARD, both(lambda f: packet(MUTE[f], FAR[f], "UDP", state="untracked")), False),
    ("untracked to its node", INPUT, both(lambda f: packet(MUTE[f], NODE[f], "UDP", state="untracked")), False),
    ("untracked, open", FORWARD, both(lambda f: packet(FREE[f], FAR[f], "UDP", state="untracked")), True),
    # Invalid: whom it is about says the header (dataplane.md 3.4)
    ("invalid to who is shut", FORWARD, both(lambda f: packet(FRIEND[f], SHUT[f], state="invalid")), False),
    ("invalid from who is mute", FORWARD, both(lambda f: packet(MUTE[f], FRIEND[f], state="invalid")), False),
    ("invalid to who is open", FORWARD, both(lambda f: packet(FAR[f], FREE[f], state="invalid")), True),
    ("invalid past this node's pods", FORWARD, both(lambda f: packet(FAR[f], FRIEND[f], state="invalid")), True),
    # Errors about connections (dataplane.md 4.3): of the one that they are about, whatever is said of it
    ("related error", FORWARD, [packet(SHUT[0], FAR[0], "ICMP", 0, icmp=3, state="related")], True),
    ("related error in", FORWARD, [packet(FAR[0], SHUT[0], "ICMP", 0, icmp=3, state="related")], True),
    ("related error, IPv6", FORWARD, [packet(FAR[1], SHUT[1], "ICMPv6", 0, icmp=2, state="related")], True),
    ("related, but no error", FORWARD, both(lambda f: packet(FAR[f], SHUT[f], state="related")), False),
    ("related, and allowed", FORWARD, both(lambda f: packet(FRIEND[f], SHUT[f], state="related")), True),
    # ICMP by rules without ports (D15); discovery and group membership always
    ("echo, may come in", FORWARD, [packet(FRIEND[0], SHUT[0], "ICMP", 0, icmp=8)], True),
    ("echo, may not", FORWARD, [packet(FAR[0], SHUT[0], "ICMP", 0, icmp=8)], False),
    *(
        (f"ICMPv6 {kind}", FORWARD, [packet(FAR[1], SHUT[1], "ICMPv6", 0, icmp=kind, state="untracked")], passes)
        for kinds, passes in (((128, 129, 138, 142, 144), False), ((*range(130, 138), 143), True))
        for kind in kinds
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[name for name, _, _, _ in CASES])
def test_packets(case: tuple[str, Hook, list[Packet], bool]) -> None:
    _, hook, packets, passes = case
    assert [walk(table(), hook, one).accepted for one in packets] == [passes] * len(packets)


# Marks: what is allowed has the epoch, and its next packet one rule; nothing else of a mark is touched.

FOREIGN = 0x0000_0123


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_what_is_allowed_is_marked_and_known_by_that(protocol: str) -> None:
    first = walk(table(), FORWARD, packet(FRIEND[0], SHUT[0], protocol, mark=FOREIGN))
    assert (first.accepted, first.mark) == (True, table().epoch | FOREIGN)
    for later in (packet, answer):
        fate = walk(table(), FORWARD, later(FRIEND[0], SHUT[0], protocol, state="established", mark=first.mark))
        assert (fate.accepted, fate.chains) == (True, ("c_forward",))


def test_what_is_denied_is_not_marked() -> None:
    assert walk(table(), FORWARD, packet(FAR[0], SHUT[0], mark=FOREIGN)).mark == FOREIGN


def test_another_epoch_is_worth_nothing() -> None:
    compiler = node()
    old = compiler.ruleset().epoch
    compiler.bump()
    later = packet(FAR[0], SHUT[0], state="established", mark=old)
    assert walk(table(), FORWARD, later).accepted
    assert not walk(compiler.ruleset(), FORWARD, later).accepted


# From the middle (dataplane.md 4.5): TCP that conntrack has not seen the beginning of passes if either direction may.


def middle(source: str, destination: str, **fields: Any) -> Packet:
    return packet(source, destination, syn=False, ack=True, **fields)


@pytest.mark.parametrize(
    ("one", "passes"),
    [
        (middle(FRIEND[0], SHUT[0]), True),
        (middle(SHUT[0], FRIEND[0]), True),  # it may have been the friend's
        (middle(SHUT[0], FAR[0]), True),  # it may be its own
        (middle(FAR[0], SHUT[0]), True),  # it may have been its own
        (middle(MUTE[0], FRIEND[0]), True),
        (middle(FAR[0], MUTE[0]), True),
        (middle(MUTE[0], FAR[0]), True),  # it may have been theirs
        (middle(SEALED[0], FRIEND[0]), True),
        (middle(SEALED[0], FAR[0]), False),
        (middle(FAR[0], SEALED[0]), False),
        (middle(MUTE[0], SEALED[0]), False),
        (middle(FREE[0], FAR[0]), True),
    ],
)
def test_what_was_picked_up_in_the_middle(one: Packet, passes: bool) -> None:
    fate = walk(table(), FORWARD, one)
    assert fate.accepted is passes
    assert fate.mark & PICKED_UP


@pytest.mark.parametrize("one", [middle(FAR[0], SHUT[0]), middle(SHUT[0], FRIEND[0])])
def test_a_packet_from_the_middle_opens_nothing(one: Packet) -> None:
    """It passes as an answer only: never by its mark, and no SYN with the same ends does."""
    fate = walk(table(), FORWARD, one)
    assert (fate.accepted, fate.mark) == (True, PICKED_UP)
    begins = packet(FAR[0], SHUT[0], mark=fate.mark)
    assert not walk(table(), FORWARD, begins).accepted


@pytest.mark.parametrize(("source", "passes"), [(FAR, False), (FRIEND, True)])
def test_only_tcp_is_picked_up(source: tuple[str, str], passes: bool) -> None:
    fate = walk(table(), FORWARD, packet(source[0], SHUT[0], "UDP"))
    assert (fate.accepted, fate.mark) == (passes, table().epoch if passes else 0)
    assert walk(table(), FORWARD, packet(source[0], SHUT[0])).mark == fate.mark


def test_none_is_picked_up_any_more() -> None:
    """Then it is as good as invalid at both ends, but for pods of which nothing speaks."""
    compiler = node()
    compiler.pick_up(on=False)
    compiler.flush()
    found = compiler.ruleset()
    for one in (
        middle(FRIEND[0], SHUT[0]),
        middle(SHUT[0], FRIEND[0]),
        middle(MUTE[1], FAR[1]),
        middle(FAR[1], MUTE[1]),
    ):
        assert not walk(found, FORWARD, one).accepted
    assert walk(found, FORWARD, middle(FREE[0], FAR[0])).accepted
    assert walk(found, FORWARD, packet(FRIEND[0], SHUT[0])).accepted


def test_who_should_have_a_chain_and_has_none_is_shut() -> None:
    """What a packet meets that is under way while a table goes: its rules as they were, its maps empty."""
    empty = {name: msgspec.structs.replace(one, elements={}) for name, one in table().maps.items()}
    found = msgspec.structs.replace(table(), maps=empty)
    for one in (
        packet(FRIEND[0], SHUT[0]),
        packet(MUTE[0], FRIEND[0]),
        packet(FRIEND[1], SHUT[1], "UDP", state="untracked"),
        packet(MUTE[1], FRIEND[1], "UDP", state="untracked"),
        middle(FRIEND[0], SEALED[0]),
        middle(SEALED[0], FRIEND[0]),
    ):
        assert not walk(found, FORWARD, one).accepted
    assert walk(found, FORWARD, packet(FREE[0], FAR[0])).accepted


# Audit and stages (dataplane.md 4.6, 4.7)


def lines(fate: Fate) -> list[str]:
    return [line[:7] for line in fate.log]


def test_audit_tells_and_changes_nothing() -> None:
    compiler = node()
    compiler.set_mode("shop", Mode.AUDIT)
    compiler.flush()
    found = compiler.ruleset()
    for one in (packet(FAR[0], SHUT[0]), packet(FAR[1], SHUT[1], "UDP", state="untracked")):
        fate = walk(found, FORWARD, one)
        assert (fate.accepted, fate.mark, lines(fate)) == (True, 0, ["pw1|D|I"])
    for one in (answer(FAR[0], SHUT[0]), middle(FAR[0], SHUT[0], state="established")):
        fate = walk(found, FORWARD, one)
        assert (fate.accepted, fate.mark, lines(fate)) == (True, 0, [])
    for hook, one in ((FORWARD, packet(FAR[0], SHUT[0], state="invalid")), (INPUT, packet(FAR[0], NODE[0]))):
        assert walk(found, hook, one).accepted


def test_who_is_audited_is_not_marked_and_the_other_end_is_judged() -> None:
    """Of two local pods one is only told about; the other one's rules decide, and then there is a mark."""
    other = msgspec.structs.replace(pod("other", "10.0.0.9"), namespace="lab")
    staged = only(INGRESS, "free", app("friend"))
    compiler = compiled(*TOLD, other, options=Options(logging=Logging(rate=0)))
    compiler.stage(staged.policy, staged)
    compiler.flush()
    found = compiler.ruleset()
    told = walk(found, FORWARD, packet("10.0.0.9", FREE[0]))
    assert (told.accepted, told.mark, lines(told)) == (True, 0, ["pw1|D|I"])
    denied = walk(found, FORWARD, packet(MUTE[0], FREE[0]))
    assert (denied.accepted, lines(denied)) == (False, ["pw1|E|E"])
    denied = walk(found, FORWARD, packet(FREE[0], SHUT[0]))
    assert (denied.accepted, lines(denied)) == (False, ["pw1|E|I"])
    compiler.put_policy(only(EGRESS, "mute", app("free")))
    compiler.flush()
    judged = walk(compiler.ruleset(), FORWARD, packet(MUTE[0], FREE[0]))
    assert (judged.accepted, judged.mark, lines(judged)) == (True, found.epoch, ["pw1|D|I"])
    again = walk(compiler.ruleset(), FORWARD, packet(MUTE[0], FREE[0], state="established"))
    assert (again.accepted, again.mark, lines(again)) == (True, found.epoch, [])


def test_what_would_be_allowed_is_told_once() -> None:
    staged = only(INGRESS, "shut", app("friend"), app("free"))
    compiler = node()
    compiler.stage(staged.policy, staged)
    compiler.flush()
    found = compiler.ruleset()
    denied = walk(found, FORWARD, packet(FREE[0], SHUT[0]))
    assert (denied.accepted, lines(denied)) == (False, ["pw1|A|I", "pw1|E|I"])
    again = walk(found, FORWARD, answer(FREE[0], SHUT[0]))
    assert (again.accepted, lines(again)) == (False, ["pw1|E|I"])


def test_what_a_staged_deletion_would_allow_is_told() -> None:
    compiler = node()
    compiler.stage(only(INGRESS, "shut").policy, None)
    compiler.flush()
    denied = walk(compiler.ruleset(), FORWARD, packet(FREE[0], SHUT[0]))
    assert (denied.accepted, lines(denied)) == (False, ["pw1|A|I", "pw1|E|I"])


def test_a_mode_is_in_force_with_the_next_flush() -> None:
    compiler = node()
    compiler.set_mode("shop", Mode.AUDIT)
    assert compiler.flush()
    assert walk(compiler.ruleset(), FORWARD, packet(FAR[0], SHUT[0])).accepted
    compiler.set_mode("shop", Mode.ENFORCE)
    compiler.flush()
    assert not walk(compiler.ruleset(), FORWARD, packet(FAR[0], SHUT[0])).accepted
