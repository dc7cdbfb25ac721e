"""Real packets over the loopback interface: what rules do to them, what the log says, and what conntrack remembers."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest

from podwall.dataplane.change import Change
from podwall.dataplane.connections import Connection, Ends
from podwall.dataplane.conntrack import clear_marks, connections
from podwall.dataplane.epochs import first_epoch
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.nflog import Logged, Reader
from podwall.dataplane.packets import Packet, Prefix
from podwall.dataplane.ruleset import (
    Accept,
    Chain,
    Count,
    Drop,
    EpochIs,
    Field,
    Hook,
    Key,
    Log,
    Lookup,
    Match,
    PickUp,
    PortIn,
    Protocol,
    Rule,
    Ruleset,
    Set,
    SetEpoch,
    View,
    address_key,
    port_key,
)
from podwall.engine.rules import Direction
from podwall.errors import KernelError

DENIED, OPEN, GROUP = 9000, 9001, 5
EPOCH, LATER, MASK, PICKED_UP = 0x8000, 0x10000, 0x7FFF8000, 0x80000000
LOCAL = {4: "127.0.0.1", 6: "::1"}
KEYS = {4: address_key(0x7F000001, 4), 6: address_key(1, 6)}
PREFIX = "pw1|E|I|g_1"
UDP = Protocol("UDP")


def ruleset(*statements: Log | Drop | Count, to: Match | None = None) -> Ruleset:
    """Packets that meet the denied port get these statements; other connections get the epoch."""
    denied = Rule((UDP, to or PortIn(View.TRACKED, DENIED, DENIED)), statements)
    judged = (Rule((EpochIs(),), (Accept(),)), denied, Rule((), (SetEpoch(),)))
    sets = (
        Set("f_4", Key.FLOW4, flows=True),
        Set("f_6", Key.FLOW6, flows=True),
        Set("s_4", Key.SERVICE4, frozenset({KEYS[4] + port_key("UDP", DENIED)})),
        Set("s_6", Key.SERVICE6, frozenset({KEYS[6] + port_key("UDP", DENIED)})),
        Set("r_4", Key.ADDRESS4, intervals=((KEYS[4], KEYS[4]),)),
        Set("p_x", Key.PORT, frozenset({port_key("UDP", DENIED)})),
    )
    chain = Chain("c_input", judged, Hook.INPUT)
    return Ruleset({"c_input": chain}, {one.name: one for one in sets}, {}, {}, EPOCH, MASK, PICKED_UP)


@contextlib.contextmanager
def listening(family: int) -> Iterator[tuple[socket.socket, socket.socket, socket.socket]]:
    """A sender, who listens at the denied port, and who listens at the open one."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    with contextlib.ExitStack() as stack:
        sender, denied, opened = (stack.enter_context(socket.socket(kind, socket.SOCK_DGRAM)) for _ in range(3))
        for one, port in ((sender, 0), (denied, DENIED), (opened, OPEN)):
            one.bind((LOCAL[family], port))
            one.settimeout(5)
        yield sender, denied, opened


def arrived(sender: socket.socket, denied: socket.socket, opened: socket.socket) -> bool:
    """Whether anything came to the denied port before what was sent to the open one afterwards."""
    sender.sendto(b"control", (sender.getsockname()[0], OPEN))
    assert opened.recv(9) == b"control"
    denied.setblocking(False)
    try:
        return bool(denied.recv(9))
    except BlockingIOError:
        return False


def everything(reader: Reader) -> list[Logged]:
    found: list[Logged] = []
    while some := reader.read(0.5):
        found += some
    return found


LOOKUPS: dict[str, tuple[int, Match]] = {
    "its port": (4, PortIn(View.TRACKED, DENIED, DENIED)),
    "its port in the header": (6, PortIn(View.HEADER, DENIED - 5, DENIED)),
    "a served port": (4, Lookup(View.TRACKED, (Field.DESTINATION, Field.PROTOCOL, Field.PORT), "s_4", 4)),
    "a served port of IPv6": (6, Lookup(View.TRACKED, (Field.DESTINATION, Field.PROTOCOL, Field.PORT), "s_6", 6)),
    "a served port in the header": (6, Lookup(View.HEADER, (Field.DESTINATION, Field.PROTOCOL, Field.PORT), "s_6", 6)),
    "a port of a protocol": (6, Lookup(View.TRACKED, (Field.PROTOCOL, Field.PORT), "p_x")),
}


@pytest.mark.namespace
@pytest.mark.parametrize("what", LOOKUPS)
@pytest.mark.parametrize("log", [Log(PREFIX, GROUP), Log(PREFIX, GROUP, rate=1)])
def test_a_denied_packet_is_dropped_and_logged(what: str, log: Log) -> None:
    family, match = LOOKUPS[what]
    NftKernel().apply(Change(whole=ruleset(Count(), log, Drop(), to=match)))
    with closing(Reader(GROUP)) as reader, listening(family) as ends:
        ends[0].sendto(b"x", (LOCAL[family], DENIED))
        assert not arrived(*ends)
        (one,) = everything(reader)
        port = ends[0].getsockname()[1]
    assert one.prefix == Prefix("E", Direction.INGRESS, "g_1")
    assert one.packet == Packet(family, 17, KEYS[family], KEYS[family], port, DENIED)
    assert (one.text, one.indev, one.outdev) == (PREFIX, 1, 0)


@pytest.mark.namespace
@pytest.mark.parametrize(
    ("family", "log"),
    [(4, Log(PREFIX, GROUP, "f_4", 4)), (6, Log(PREFIX, GROUP, "f_6", 6)), (4, Log(PREFIX, GROUP, rate=1))],
)
def test_a_log_that_has_its_fill_lets_nothing_through(family: int, log: Log) -> None:
    NftKernel().apply(Change(whole=ruleset(log, Drop())))
    with closing(Reader(GROUP)) as reader, listening(family) as ends:
        for _ in range(200):
            ends[0].sendto(b"x", (LOCAL[family], DENIED))
        assert not arrived(*ends)
        assert 1 <= len(everything(reader)) < 100


@pytest.mark.namespace
@pytest.mark.parametrize("services", [False, True])
def test_what_a_reader_could_not_keep_is_counted(services: bool) -> None:
    NftKernel().apply(Change(whole=ruleset(Log(PREFIX, GROUP), Drop())))
    with closing(Reader(GROUP, services=services)) as reader, listening(4) as (sender, _, _):
        reader._socket._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # noqa: SLF001 - a slow reader
        for _ in range(3000):
            sender.sendto(b"x", (LOCAL[4], DENIED))
        found = everything(reader)
        sender.sendto(b"x", (LOCAL[4], DENIED))
        found += everything(reader)
        assert reader.lost > 0
        assert len(found) + reader.lost == 3001


@pytest.mark.namespace
def test_a_group_has_one_reader() -> None:
    with closing(Reader(GROUP)):
        with pytest.raises(KernelError, match="log group 5 is read by another program") as caught:
            Reader(GROUP)
        assert caught.value.errno == errno.EPERM
        Reader(GROUP + 1).close()
    Reader(GROUP).close()


@pytest.mark.namespace
def test_a_reader_without_packets_comes_back() -> None:
    with closing(Reader(GROUP)) as reader:
        assert reader.read(0) == []
        assert reader.read(0.01) == []
        assert reader.fileno() > 0


@pytest.mark.namespace
def test_connections_are_told_with_their_marks() -> None:
    NftKernel().apply(Change(whole=ruleset(Drop())))
    with listening(4) as (sender, _, opened), listening(6) as (sender6, _, opened6):
        for one, to, family in ((sender, opened, 4), (sender6, opened6, 6)):
            one.sendto(b"x", (LOCAL[family], OPEN))
            assert to.recv(9) == b"x"
        ports = [sender.getsockname()[1], sender6.getsockname()[1]]
        opened.sendto(b"y", (LOCAL[4], ports[0]))
        assert sender.recv(9) == b"y"
    found = {one.family: one for one in connections()}
    for family, port in zip((4, 6), ports, strict=True):
        there, back = Ends(KEYS[family], KEYS[family], port, OPEN), Ends(KEYS[family], KEYS[family], OPEN, port)
        status = found[family].status
        assert found[family] == Connection(family, 17, there, back, EPOCH, status)
        assert found[family].answered == (family == 4)
        assert not found[family].translated


@pytest.mark.namespace
def test_marks_are_cleared_where_the_mask_says_and_nowhere_else() -> None:
    marking = Rule((), (SetEpoch(), PickUp()))
    NftKernel().apply(Change(whole=Ruleset({"c_input": Chain("c_input", (marking,), Hook.INPUT)}, {}, {}, {}, EPOCH)))
    with listening(4) as (sender, _, _):
        others = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(250)]
        for one in (sender, *others):
            one.sendto(b"x", (LOCAL[4], OPEN))
    # Closed no sooner: a port that is free is given to the next.
    for one in others:
        one.close()
    assert {one.mark for one in connections()} == {EPOCH | PICKED_UP}
    assert clear_marks(MASK) == 251
    assert {one.mark for one in connections()} == {PICKED_UP}
    assert clear_marks(MASK) == 0
    assert clear_marks(MASK | PICKED_UP) == 251
    assert {one.mark for one in connections()} == {0}


@pytest.mark.namespace
def test_an_open_connection_is_judged_again_after_a_bump_only() -> None:
    kernel = NftKernel()
    before = ruleset(Drop(), to=PortIn(View.TRACKED, 1, 1))
    kernel.apply(Change(whole=before))
    with listening(4) as (sender, denied, _):
        sender.sendto(b"open", (LOCAL[4], DENIED))
        assert denied.recv(9) == b"open"
        chains = tuple(ruleset(Drop()).chains.values())
        kernel.apply(Change(chains=chains))
        sender.sendto(b"still", (LOCAL[4], DENIED))
        assert denied.recv(9) == b"still"
        kernel.apply(Change(epoch=LATER))
        sender.sendto(b"cut", (LOCAL[4], DENIED))
        denied.setblocking(False)
        with pytest.raises(BlockingIOError):
            denied.recv(9)
    assert {one.mark for one in connections()} == {EPOCH}


@pytest.mark.namespace
def test_a_restart_goes_on_from_the_table_that_is_there() -> None:
    NftKernel().apply(Change(whole=ruleset(Drop()), epoch=LATER))
    again = NftKernel()
    first = first_epoch(again.dump(), MASK, Random(1))
    assert (first.number, first.stale) == (LATER + EPOCH, 0)
    again.apply(Change(whole=ruleset(Drop()), epoch=first.number))
    held = again.dump()
    assert held is not None
    assert held.epoch == first.number
