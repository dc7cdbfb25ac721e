"""Epochs and marks of connections: no mark outlives its permission, and no bit of somebody else's is touched."""

from __future__ import annotations

import random
from ipaddress import ip_address

from podwall.cluster.profile import KUBERNETES
from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler, Marks, Options
from podwall.dataplane.conntrack import clear_marks
from podwall.dataplane.epochs import first_epoch
from podwall.dataplane.kernel import NftKernel
from tests.lab.traps.blasting import blasting
from tests.lab.traps.scene import FAMILIES, Scene, allow, app, connects, open_tcp, open_udp, pods, policy, scene
from tests.truth.vocabulary import Object

FROM_A = policy("b", name="into-b", ingress=allow(app("a")))
NOBODY = policy("b", name="into-b", ingress=[])
PICKED_UP = Marks().picked_up


def test_marks_of_an_earlier_time_do_not_count_when_epochs_begin_anew() -> None:
    with scene(*pods("a", "b"), options=Options(marks=Marks(mask=0x1_8000))) as lab:
        lab.load(FROM_A)
        idle = [open_udp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        seen = lab.marks(80)
        assert seen == {lab.epoch()}
        lab.change(NOBODY)
        for _ in range(2):
            lab.kernels["n1"].apply(lab.compilers["n1"].bump())
        assert {lab.epoch()} == seen
        assert [talk.cut() for talk in idle] == [True, True]


def test_a_restart_goes_on_behind_the_epoch_of_the_table() -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(FROM_A)
        talks = [open_tcp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        lab.kernels["n1"].close()
        before = lab.epoch()
        restart(lab, NOBODY)
        assert lab.epoch() not in (0, before)
        assert [talk.cut(speaker) for talk in talks for speaker in ("client", "server")] == [True] * 4
        restart(lab, FROM_A)
        assert [talk.alive() for talk in talks] == [True, True]
        assert lab.marks(80) == {lab.epoch()}


def test_where_there_is_no_table_old_marks_do_not_count() -> None:
    """The number that is drawn may be one that connections have from a table of earlier."""
    with scene(*pods("a", "b")) as lab:
        drawn = first_epoch(None, Marks().mask, random.Random(7))
        lab.compilers["n1"].start(drawn.number)
        lab.load(FROM_A)
        talks = [open_tcp(lab, "a", "b", 80, family=family) for family in FAMILIES]
        assert lab.marks(80) == {drawn.number}
        lab.remove()
        restart(lab, NOBODY)
        assert lab.epoch() == drawn.number
        assert [talk.cut(speaker) for talk in talks for speaker in ("client", "server")] == [True] * 4


def restart(lab: Scene, *objects: Object) -> None:
    """A new agent, of which nothing is left but what the kernel holds: the rules first, then the epoch."""
    within = lab.network.node_space("n1").entered
    kernel = lab.kernels["n1"] = NftKernel(within)
    compiler = lab.compilers["n1"] = Compiler("n1", KUBERNETES)
    held = kernel.dump()
    epoch = first_epoch(held, Marks().mask, random.Random(7))
    if epoch.stale:
        clear_marks(epoch.stale, within)
    for endpoint in lab.endpoints.values():
        compiler.put_endpoint(endpoint)
    lab.put(*objects)
    compiler.flush()
    compiler.start(held.epoch if held else epoch.number)
    kernel.apply(Change(whole=compiler.ruleset(), epoch=compiler.start(epoch.number).epoch))


def test_no_packet_that_old_rules_let_in_has_the_new_mark() -> None:
    """Flows that are open keep sending while their permission goes, and comes back, many times."""
    with scene(*pods("a", "b", "c")) as lab:
        lab.load(FROM_A)
        talks = [open_udp(lab, "a", "b", port) for port in range(80, 112)]
        b = lab.address("b", 4)
        control = open_udp(lab, "a", "c", 80)
        with blasting([talk.end("client") for talk in talks]):
            for turn in range(25):
                lab.change(FROM_A if turn % 2 else NOBODY)
                found = {one.mark for one in lab.connections() if one.reply.source == ip_address(b).packed}
                assert (lab.epoch() in found) is bool(turn % 2)
        assert control.alive()


# Marks belong to others too

FOREIGN = """
table inet foreign {
  chain first { type filter hook prerouting priority mangle; ct mark set ct mark | 0x81; }
}
"""


def test_bits_of_others_are_kept() -> None:
    with scene(*pods("a", "b")) as lab:
        lab.nft(FOREIGN)
        lab.load(FROM_A)
        talks = [opening(lab, "a", "b", 80, family=family) for opening in (open_tcp, open_udp) for family in FAMILIES]
        for _ in range(3):
            assert all(talk.alive() for talk in talks)
            assert lab.marks(80) == {lab.epoch() | 0x81}
            lab.kernels["n1"].apply(lab.compilers["n1"].bump())
        lab.forget()
        assert talks[0].passes()
        assert all(mark & ~Marks().mask & ~PICKED_UP == 0x81 for mark in lab.marks(80))
        lab.compilers["n1"].start(Marks().mask)
        lab.kernels["n1"].apply(Change(epoch=Marks().mask))
        assert talks[0].passes()
        lab.kernels["n1"].apply(lab.compilers["n1"].bump())
        assert {mark & 0x7F_FF for mark in lab.marks(80)} == {0x81}
        assert connects(lab, "a", "b", 81)


def test_marks_of_others_that_are_written_over_are_only_judged_again() -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(FROM_A)
        talk = open_tcp(lab, "a", "b", 80)
        lab.nft(
            "table inet foreign { chain first { type filter hook prerouting priority mangle; ct mark set 0x80; }\n}"
        )
        assert talk.alive()
        lab.change(NOBODY)
        assert talk.cut()
        assert talk.cut("server")
