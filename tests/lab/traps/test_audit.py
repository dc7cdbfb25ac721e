"""What is only audited, or staged: told of under its group's name, and without effect on any packet or mark."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from podwall.dataplane.compiler import Options
from podwall.dataplane.log import Logging
from podwall.dataplane.nflog import Reader
from podwall.dataplane.ruleset import DENIED, WOULD_ALLOW, WOULD_DENY
from podwall.engine.rules import Direction, Mode
from podwall.lab.plan import Link
from tests.lab.traps.scene import (
    EVERYONE,
    FAMILIES,
    OPENING,
    PATIENCE,
    Scene,
    allow,
    app,
    connects,
    open_tcp,
    open_udp,
    pods,
    policy,
    rules_of,
    scene,
)
from tests.lab.traps.taps import Tap, packet
from tests.truth.vocabulary import Object

TCP, ICMP, ICMP6 = 6, 1, 58
OUT, IN = Direction.EGRESS, Direction.INGRESS
EVERY_LINE = Options(logging=Logging(rate=0))
Line = tuple[str, Direction, tuple[str, ...]]  # letter, direction, policies


@contextlib.contextmanager
def told(lab: Scene) -> Iterator[list[Line]]:
    """What is logged while the block runs: each line once, in order of letter; complete when the block is over."""
    reader = lab.reader()
    found: list[Line] = []
    try:
        yield found
        lines: dict[tuple[str, str], None] = {}
        while seen := read(reader, wait=not lines):
            lines |= seen
        groups = lab.compilers["n1"].ruleset().groups
        for letter, group in lines:
            found.append((letter, groups[group].direction, tuple(ref.name for ref in groups[group].policies)))
        found.sort(key=str)
        assert reader.lost == 0
    finally:
        reader.close()


def read(reader: Reader, *, wait: bool) -> dict[tuple[str, str], None]:
    logged = reader.read(PATIENCE if wait else 0.3)
    return {(one.prefix.letter, one.prefix.group): None for one in logged if one.prefix}


def stage(lab: Scene, *objects: Object, gone: tuple[Object, ...] = ()) -> None:
    """Policies to be tried, and the deletion of others."""
    for one in rules_of(*objects):
        lab.compilers["n1"].stage(one.policy, one)
    for one in rules_of(*gone):
        lab.compilers["n1"].stage(one.policy, None)
    lab.commit()


# Audit

SHUT = [policy("prod/a", name="a", ingress=[], egress=[]), policy("prod/b", name="b", ingress=[], egress=[])]


@pytest.mark.parametrize("link", Link)
def test_audit_changes_no_packets_fate_and_writes_no_mark(link: Link) -> None:
    """New and open connections, of the middle, not tracked, not known to conntrack; both hooks."""
    with scene(*pods("prod/a", "prod/b"), link=link, options=EVERY_LINE) as lab:
        ends = ("prod/a", "prod/b")
        old = [opening(lab, *ends, 80, family=family) for opening in OPENING.values() for family in FAMILIES]
        lab.compilers["n1"].set_mode("prod", Mode.AUDIT)
        lab.load(*SHUT)
        lab.nft(
            "table inet foreign { chain first { type filter hook prerouting priority raw; th dport 53 notrack\n}\n}\n"
        )
        new = [opening(lab, *ends, 81, family=family) for opening in OPENING.values() for family in FAMILIES]
        tap = Tap(lab, "prod/b")
        for family in FAMILIES:
            assert connects(lab, "prod/a", "node/n1", 82, family=family)
            assert connects(lab, "prod/b", "prod/a", 83, family=family)
            echo, answer = ((ICMP6, 128), (ICMP6, 129)) if family == 6 else ((ICMP, 8), (ICMP, 0))
            for protocol, kind in (echo, answer):
                assert tap.sees(packet(lab, ends, protocol, (7, 7), family, icmp=kind), "prod/a")
            for ports, flags in (((9, 53), {}), ((9, 10), {"ack": True}), ((9, 11), {"syn": True, "ack": True})):
                assert tap.sees(packet(lab, ends, TCP, ports, family, **flags), "prod/a")
        lab.forget()
        assert all(talk.alive() for talk in (*old, *new))
        lab.change(*pods_more())
        assert all(talk.alive() for talk in (*old, *new))
        assert {one.mark for one in lab.connections()} == {0}
        assert "ct mark set" not in lab.ask("nft", "list", "table", "inet", "podwall")
        assert "drop" not in lab.ask("nft", "list", "table", "inet", "podwall")


def pods_more() -> list[Object]:
    return [policy("prod/a", name="more", ingress=allow(app("x"))), policy("prod/b", name="more-b", egress=[])]


def test_audit_tells_what_would_be_denied() -> None:
    with scene(*pods("prod/a", "prod/b"), options=EVERY_LINE) as lab:
        lab.compilers["n1"].set_mode("prod", Mode.AUDIT)
        lab.load(policy("prod/b", name="b", ingress=[]), policy("prod/a", name="a", egress=allow(EVERYONE, side="to")))
        with told(lab) as lines:
            assert connects(lab, "prod/a", "prod/b", 80)
            assert connects(lab, "prod/b", "prod/a", 80)
        assert lines == [(WOULD_DENY, IN, ("b",))]


def test_the_mode_is_that_of_the_subjects_namespace() -> None:
    """On one node one namespace is audited, the other one enforced; who asks whom does not matter."""
    with scene(*pods("prod/a", "prod/b", "dev/c", "dev/d"), options=EVERY_LINE) as lab:
        lab.compilers["n1"].set_mode("prod", Mode.AUDIT)
        lab.load(*SHUT, policy("dev/c", name="c", ingress=allow({**app("d"), "namespaceSelector": {}})))
        assert connects(lab, "dev/d", "prod/b", 80)
        assert connects(lab, "prod/a", "prod/b", 80)
        assert connects(lab, "dev/d", "dev/c", 81)
        with told(lab) as lines:
            assert not connects(lab, "prod/a", "dev/c", 81)
        assert lines == [(DENIED, IN, ("c",))]  # what is dropped is not asked what it would be
        with told(lab) as lines:
            assert connects(lab, "prod/b", "dev/d", 82)
        assert lines == [(WOULD_DENY, OUT, ("b",))]
        talks = [open_udp(lab, *ends, port) for port, ends in ((83, ("prod/a", "prod/b")), (84, ("dev/d", "dev/c")))]
        assert all(talk.alive() for talk in talks)
        assert lab.marks(83) == {0}
        assert lab.marks(84) == {lab.epoch()}
        lab.compilers["n1"].set_mode("prod", Mode.ENFORCE)
        lab.commit()
        assert talks[0].cut()
        assert talks[1].alive()
        lab.compilers["n1"].set_mode("dev", Mode.AUDIT)
        lab.commit()
        assert connects(lab, "dev/d", "dev/c", 85)
        assert not connects(lab, "prod/a", "prod/b", 85)


# Staged

OPEN = policy("b", name="b", ingress=allow(app("a")))
CLOSED = policy("b", name="b", ingress=[])


def test_a_staged_policy_tells_what_it_would_deny_and_denies_nothing() -> None:
    with scene(*pods("a", "b", "c"), options=EVERY_LINE) as lab:
        lab.load(OPEN, policy("c", ingress=[]))
        talk = open_tcp(lab, "a", "b", 80)
        stage(lab, CLOSED)
        with told(lab) as lines:
            assert connects(lab, "a", "b", 81)
            assert not connects(lab, "c", "b", 81)
        assert lines == [(WOULD_DENY, IN, ("b",)), (DENIED, IN, ("b",))]
        assert talk.alive()


def test_a_staged_policy_for_a_pod_that_has_none_leaves_its_connections_unmarked() -> None:
    with scene(*pods("a", "b", "c"), options=EVERY_LINE) as lab:
        lab.load(policy("c", ingress=[]))
        stage(lab, CLOSED)
        with told(lab) as lines:
            talk = open_udp(lab, "a", "b", 80)
        assert lines == [(WOULD_DENY, IN, ("b",))]
        assert talk.alive()
        assert lab.marks(80) == {0}
        assert not connects(lab, "b", "c", 81)


@pytest.mark.parametrize(
    ("before", "tried", "deleted", "wanted"),
    [
        (CLOSED, OPEN, False, (WOULD_ALLOW, IN, ("b",))),
        (CLOSED, None, True, (WOULD_ALLOW, IN, ())),
        (policy("b", name="b", ingress=allow(app("x"))), None, True, (WOULD_ALLOW, IN, ())),
    ],
)
def test_what_a_staged_change_would_allow_is_told_and_stays_denied(
    before: Object, tried: Object | None, deleted: bool, wanted: Line
) -> None:
    with scene(*pods("a", "b"), options=EVERY_LINE) as lab:
        lab.load(before)
        stage(lab, *([tried] if tried else []), gone=(before,) if deleted else ())
        with told(lab) as lines:
            assert not connects(lab, "a", "b", 80)
        assert lines == sorted([wanted, (DENIED, IN, ("b",))], key=str)
        lab.compilers["n1"].unstage(rules_of(before)[0].policy)
        lab.commit()
        with told(lab) as lines:
            assert not connects(lab, "a", "b", 81)
        assert lines == [(DENIED, IN, ("b",))]


def test_packets_that_are_not_tracked_are_told_of_too() -> None:
    with scene(*pods("a", "b", "c"), options=EVERY_LINE) as lab:
        lab.nft(
            "table inet foreign { chain first { type filter hook prerouting priority raw; th dport 53 notrack\n}\n}\n"
        )
        lab.load(OPEN)
        stage(lab, CLOSED)
        tap = Tap(lab, "b")
        with told(lab) as lines:
            assert tap.sees(packet(lab, ("a", "b"), 17, (9, 53)), "a")
        assert lines == [(WOULD_DENY, IN, ("b",))]
        stage(lab, policy("b", name="b", ingress=allow(app("c"))))
        with told(lab) as lines:
            assert not tap.sees(packet(lab, ("c", "b"), 17, (9, 53)), "c")
        assert lines == [(WOULD_ALLOW, IN, ("b",)), (DENIED, IN, ("b",))]


def test_each_flow_is_told_of_a_few_times_and_counted_every_time() -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(CLOSED)
        reader, sender = lab.reader(), lab.bound("a", 4, 2, 0)
        sender.connect((lab.address("b", 4), 80))
        for _ in range(500):
            sender.send(b"x")
        lab.fence("b")
        lines = reader.read(PATIENCE)
        while more := reader.read(0.3):
            lines += more
        reader.close()
        assert 1 <= len(lines) <= 50
        assert all(one.prefix and one.prefix.letter == DENIED for one in lines)
        assert "counter packets 500 " in lab.ask("nft", "list", "table", "inet", "podwall")
