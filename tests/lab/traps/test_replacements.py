"""Tables that are replaced and changed while packets come: nothing leaks, and what fails changes nothing."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import msgspec
import pytest

from podwall.dataplane.change import Change
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.ruleset import Chain, Goto, Jump, Return, Rule, Set
from podwall.errors import KernelError
from podwall.lab import kernel as system
from podwall.lab.plan import Link
from tests.lab.traps.blasting import blasting
from tests.lab.traps.scene import (
    FAMILIES,
    OPENING,
    Scene,
    allow,
    app,
    connects,
    open_tcp,
    open_udp,
    pods,
    policy,
    scene,
)
from tests.truth.vocabulary import Object

FROM_A = policy("b", name="into-b", ingress=allow(app("a"), ports=[("TCP", 80), ("TCP", 81), ("UDP", 80)]))
NOBODY = policy("b", name="into-b", ingress=[])
INTO_B = policy("b", name="into-b", ingress=allow(app("a")))
FLOOD = 100_000


# While packets come


def many(number: int) -> list[Object]:
    """Policies that make a table of some size: groups, sets of ports, intervals."""
    nets = [(f"172.{16 + n % 16}.{n}.0/24", f"172.{16 + n % 16}.{n}.8/29") for n in range(number)]
    blocks = [{"ipBlock": {"cidr": cidr, "except": [hole]}} for cidr, hole in nets]
    ports = [("TCP", port) for port in range(1000, 1000 + number)]
    into_b = policy("b", name="many", ingress=allow(*blocks, ports=ports))
    out = [allow(app("b"), *blocks[:n], side="to", ports=ports[: n + 2]) for n in range(4)]
    return [into_b, *(policy(who, name=f"{who}-{n}", egress=rules) for who in "cd" for n, rules in enumerate(out))]


@pytest.mark.parametrize("link", Link)
def test_nothing_leaks_while_tables_are_replaced_and_changed(link: Link) -> None:
    """b lets nobody in, c nothing out, in every one of the tables."""
    with scene(*pods("a", "b", "c", "d"), link=link) as lab:
        b = NOBODY
        lab.load(b, policy("c", name="c", egress=[]), *many(60))
        listeners = [lab.bound(who, family, socket.SOCK_DGRAM, 5000) for who in "bd" for family in FAMILIES]
        senders = []
        for sender, receiver in (("a", "b"), ("c", "d")):
            for family in FAMILIES:
                senders.append(lab.bound(sender, family, socket.SOCK_DGRAM, 0))
                senders[-1].connect((lab.address(receiver, family), 5000))
        with blasting(senders) as sent:
            turns = 0
            while turns < 20 or sent() < FLOOD:
                compiler, kernel = lab.compilers["n1"], lab.kernels["n1"]
                kernel.apply(Change(whole=compiler.ruleset()))
                others = [policy("b", name="further", ingress=[]), policy("d", name="d", ingress=allow(app("a")))]
                lab.change(*many(20 + turns % 20), *others[: turns % 3], gone=others[turns % 3 :])
                turns += 1
        for listener in listeners:
            assert_silent(listener)
        assert lab.marks(5000) == set()
        control(lab, listeners)


def assert_silent(listener: socket.socket) -> None:
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.recv(16)


def control(lab: Scene, listeners: list[socket.socket]) -> None:
    """They are alive: their node may ask them."""
    for listener in listeners:
        listener.settimeout(10)
        with lab.opened("node/n1", 6 if listener.family == socket.AF_INET6 else 4, socket.SOCK_DGRAM) as asking:
            asking.sendto(b"control", listener.getsockname()[:2])
        assert listener.recv(16) == b"control"


def test_an_open_connection_passes_every_replacement() -> None:
    with scene(*pods("a", "b", "c", "d")) as lab:
        lab.load(FROM_A)
        talks = [opening(lab, "a", "b", 80, family=family) for opening in OPENING.values() for family in FAMILIES]
        for turn in range(10):
            lab.kernels["n1"].apply(Change(whole=lab.compilers["n1"].ruleset()))
            lab.change(*many(turn + 2))
            assert all(talk.alive() for talk in talks)


def test_a_new_chain_is_there_before_anything_leads_to_it() -> None:
    """Packets that are under way go by the old rules, to which a chain of the same transaction is empty: they got in,
    three times in 370 changes of a flood of 1.6 million.
    """
    with scene(*pods("a", "b")) as lab:
        lab.load(NOBODY)
        for again in (False, True):
            with monitored(lab) as generations:
                reload(lab) if again else lab.change(policy("b", name="further", ingress=[]))
            came = next(n for n, said in enumerate(generations) if "add chain inet podwall g_im" in said)
            led = next(n for n, said in enumerate(generations) if "add element inet podwall m_i_t_4" in said)
            assert came < led


def reload(lab: Scene) -> None:
    """As after a restart: another policy by now, and a whole table."""
    lab.put(policy("b", name="last", ingress=[]))
    lab.compilers["n1"].flush()
    lab.kernels["n1"].apply(Change(whole=lab.compilers["n1"].ruleset()))


@contextlib.contextmanager
def monitored(lab: Scene) -> Iterator[list[str]]:
    """What each transaction on the node did, in nft's words; complete when the block is over."""
    found: list[str] = []
    with lab.network.inside_node("n1"):
        watching = subprocess.Popen(["nft", "monitor"], stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    try:
        while not found:  # until it watches
            lab.nft("add table inet begin\ndelete table inet begin\n")
            if select.select([watching.stdout], [], [], 0.1)[0]:
                found.append("")
        found.clear()
        yield found
        lab.nft("add table inet over\n")
        said: list[str] = []
        for line in watching.stdout:
            said.append(line)
            if line.startswith("# new generation"):
                found.append("".join(said))
                said = []
                if "inet over" in found[-1]:
                    break
        lab.nft("delete table inet over\n")
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()


# From the first table on


def test_before_the_first_table_everything_passes_and_the_next_packet_is_judged() -> None:
    with scene(*pods("a", "b")) as lab:
        tcp, udp = open_tcp(lab, "a", "b", 80), open_udp(lab, "a", "b", 80)
        assert connects(lab, "a", "b", 81)
        assert connects(lab, "b", "a", 81)
        lab.load(NOBODY, policy("a", ingress=[], egress=[]))
        assert [talk.cut(speaker) for talk in (tcp, udp) for speaker in ("client", "server")] == [True] * 4
        assert not connects(lab, "a", "b", 81)
        assert not connects(lab, "b", "a", 81)


def test_a_first_table_is_built_out_of_sight_of_packets() -> None:
    """While it takes several transactions, packets pass, and no connection is marked."""
    with scene(*pods("a", "b", "c", "d")) as lab:
        flood, talk = open_udp(lab, "a", "b", 80), open_udp(lab, "a", "b", 81)
        with blasting([flood.end("client")]):
            for _ in range(5):
                lab.load(INTO_B, *many(60))
                assert talk.alive()
                lab.remove()
        assert lab.kernels["n1"].dump() is None


def test_rules_stay_when_the_process_that_loaded_them_dies() -> None:
    with scene(*pods("a", "b")) as lab:
        talk = open_tcp(lab, "a", "b", 80)
        child = os.fork()
        if child == 0:
            lab.load(FROM_A)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        assert lab.epoch()
        assert talk.alive()
        assert connects(lab, "a", "b", 81)
        assert not connects(lab, "a", "b", 82)


def test_removing_leaves_nothing_and_only_what_is_ours() -> None:
    with scene(*pods("a", "b")) as lab:
        lab.nft("table inet foreign { }\n")
        before = lab.ask("nft", "list", "tables")
        lab.load(NOBODY)
        assert not connects(lab, "a", "b", 80)
        lab.remove()
        assert lab.ask("nft", "list", "tables") == before
        assert connects(lab, "a", "b", 80)
        with pytest.raises(KernelError, match="whole rule set"):
            lab.change(FROM_A)
        lab.remove()
        lab.load()
        assert connects(lab, "a", "b", 82) is False


# What fails


def nowhere(_: Scene) -> Change:
    return Change(chains=(Chain("c_forward", (), None), Chain("g_new", (Rule((), (Goto("g_nowhere"),)),))))


def no_such_name(_: Scene) -> Change:
    return Change(gone_chains=("g_nowhere",))


def half_elements(lab: Scene) -> Change:
    there, key = next((one.name, key) for one in lab.compilers["n1"].ruleset().sets.values() for key in one.elements)
    return Change(removed={there: frozenset((key, bytes(len(key))))})


def bad_table(lab: Scene) -> Change:
    lost = Chain("c_eval", (Rule((), (Jump("g_nowhere"),)),))
    whole = lab.compilers["n1"].ruleset()
    return Change(whole=msgspec.structs.replace(whole, chains={**whole.chains, lost.name: lost}))


def half_a_change(lab: Scene) -> Change:
    """A new chain, an element that leads to it, and then something that cannot be."""
    new = Chain("g_new", (Rule((), (Return(),)),))
    a = ip_address(lab.address("a", 4)).packed
    return Change(chains=(new,), routed={"m_i_t_4": {a: new.name}}, gone_sets=("x_i_4",))


def another_key(lab: Scene) -> Change:
    one = next(one for one in lab.compilers["n1"].ruleset().sets.values() if one.elements)
    other = next(o.key for o in lab.compilers["n1"].ruleset().sets.values() if o.key is not one.key)
    return Change(sets=(Set(one.name, other),))


@pytest.mark.parametrize("bad", [nowhere, no_such_name, half_elements, bad_table, half_a_change, another_key])
def test_what_the_kernel_refuses_leaves_the_last_good_table(bad: Callable[[Scene], Change]) -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(FROM_A)
        kernel, talk = lab.kernels["n1"], open_tcp(lab, "a", "b", 80)
        before = kernel.dump()
        with pytest.raises(KernelError):
            kernel.apply(bad(lab))
        assert kernel.dump() == before
        assert talk.alive()
        assert not connects(lab, "a", "b", 82)
        lab.change(NOBODY)  # and the next good change is applied
        assert talk.cut()


def test_without_nft_the_last_good_table_stays_and_elements_change_still() -> None:
    with scene(*pods("a", "b", "c")) as lab:
        lab.load(FROM_A)
        kernel, talk = lab.kernels["n1"], open_tcp(lab, "a", "b", 80)
        before = kernel.dump()
        for place in ("/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin", "/usr/local/bin"):
            if os.path.lexists(f"{place}/nft"):
                system.mount("none", os.path.realpath(place), "tmpfs")
        with pytest.raises(KernelError, match="install the package nftables"):
            lab.change(NOBODY)
        with pytest.raises(KernelError, match="install the package nftables"):
            kernel.apply(Change(whole=lab.compilers["n1"].ruleset()))
        assert kernel.dump() == before
        assert talk.alive()
        name = next(name for name, keys in before.sets.items() if len(next(iter(keys), b"")) == 12)  # type: ignore[union-attr]
        a, c = (ip_address(lab.address(who, 4)).packed for who in "ac")
        others = {key for key in before.sets[name] if key.startswith(a)}  # type: ignore[union-attr]
        kernel.apply(Change(added={name: frozenset(c + key[4:] for key in others)}))
        assert connects(lab, "c", "b", 80)


# Next to others

INTERVALS = 100_000


def test_next_to_a_big_interval_set_of_somebody_else() -> None:
    """Only the fate of packets and the other table are looked at here; benchmarks say how long it takes."""
    listed = ",\n".join(
        str(ip_address(0x6000_0000 + 16 * n)) + "-" + str(ip_address(0x6000_0000 + 16 * n + 9))
        for n in range(INTERVALS)
    )
    with scene(*pods("a", "b", "c")) as lab:
        foreign = f"set big {{ type ipv4_addr; flags interval; elements = {{ {listed} }}\n}}"
        lab.nft(f"table inet foreign {{ {foreign}\n}}\n")
        lab.load(FROM_A)
        talk = open_tcp(lab, "a", "b", 80)
        for turn in range(5):
            lab.change(policy("b", name="more", ingress=allow(app("c"), ports=[("TCP", 90 + turn)])))
            assert connects(lab, "c", "b", 90 + turn)
            assert not connects(lab, "c", "b", 89 + turn)
        assert talk.alive()
        lab.change(NOBODY)
        assert talk.cut()


def test_another_kernel_object_has_to_begin_with_a_whole_table() -> None:
    with scene(*pods("a", "b")) as lab:
        lab.load(NOBODY)
        other = NftKernel(lab.network.node_space("n1").entered)
        with pytest.raises(KernelError, match="whole rule set"):
            other.apply(Change(epoch=1 << 20))
        assert not connects(lab, "a", "b", 80)
