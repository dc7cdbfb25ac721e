"""Packets through rule sets: new connections, an established one, and how long it takes to open one, in turns.

Each column is a lane of its own with its rules loaded, so that one round asks all of them within a second, and the
machine's drift meets them alike. A lane proves first that it forwards what is allowed and drops what is not.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import msgspec

from benchmarks.dataplane.kuberouter import restored_rules, restored_sets
from benchmarks.dataplane.namespaces import Lane, inside, opened_lane, run
from benchmarks.dataplane.ours import load_ours
from benchmarks.dataplane.scenario import ALLOWED_CLIENT, DENIED_CLIENT, Scenario
from benchmarks.dataplane.tools import Tools

__all__ = ["BARE", "CONNTRACK", "OURS", "SHAPE", "Column", "Samples", "Wrong", "measured"]

BARE, CONNTRACK, OURS, SHAPE = "no rules", "conntrack only", "ours", "iptables shape"
_NEW, _ESTABLISHED, _CONNECTIONS, _CHECKED = 10_000, 20_000, 300, 1_000  # packets and connections of one run
_SOURCE_PORT = 1024
# A chain that no hook calls: conntrack is on, and no rule is read.
_CONNTRACK_TEXT = "table inet conntrack {\n chain unused {\n  ct state new\n }\n}\n"


class Wrong(Exception):
    """A lane forwards what it should drop, or drops what it should forward: its figures would mean nothing."""


class Samples(msgspec.Struct):
    """Nanoseconds, a value for each round; `new` and `established` of a packet, `connection` of a whole one."""

    new: list[float] = []
    established: list[float] = []
    connection: list[float] = []

    def best(self, kind: str) -> float:
        """The lowest of a kind: what it costs when nothing else happens."""
        return min(getattr(self, kind))

    def middle(self, kind: str) -> float:
        return statistics.median(getattr(self, kind))


class Column(msgspec.Struct, frozen=True):
    """A rule set in its lane."""

    name: str
    lane: Lane


def measured(scenario: Scenario, names: Sequence[str], tools: Tools, rounds: int, *, connect: bool = True) -> dict[str, Samples]:
    """The samples of every column."""
    samples = {name: Samples() for name in names}
    with ExitStack() as stack:
        columns = [stack.enter_context(_opened(name, scenario)) for name in names]
        runs = [Runs(column.lane, scenario, tools) for column in columns]
        for column, one in zip(columns, runs, strict=True):
            one.check(denies=column.name in (OURS, SHAPE))
            if connect:
                stack.enter_context(one.serving())
        for number in range(rounds):
            for turn in range(len(columns)):
                at = (number + turn) % len(columns)
                runs[at].add_to(samples[columns[at].name], connect=connect)
    return samples


@contextmanager
def _opened(name: str, scenario: Scenario) -> Iterator[Column]:
    with opened_lane(name.replace(" ", "-"), [scenario.target.address]) as lane:
        _LOAD[name](lane, scenario)
        yield Column(name, lane)


def _load_nothing(_lane: Lane, _scenario: Scenario) -> None:
    pass


def _load_conntrack(lane: Lane, _scenario: Scenario) -> None:
    run(lane.node, ["nft", "-f", "-"], _CONNTRACK_TEXT)


def _load_shape(lane: Lane, scenario: Scenario) -> None:
    run(lane.node, ["ipset", "restore"], restored_sets(scenario))
    run(lane.node, ["iptables-legacy-restore"], restored_rules(scenario))


_LOAD: dict[str, Callable[[Lane, Scenario], None]] = {
    BARE: _load_nothing,
    CONNTRACK: _load_conntrack,
    OURS: load_ours,
    SHAPE: _load_shape,
}


class Runs:
    """The runs of one lane."""

    def __init__(self, lane: Lane, scenario: Scenario, tools: Tools) -> None:
        self._lane = lane
        self._target = scenario.target.address
        self._port = str(scenario.port)
        self._tools = tools

    def check(self, *, denies: bool) -> None:
        """Raises Wrong unless every allowed packet arrives, and where the lane denies, no other one."""
        expected = {ALLOWED_CLIENT: _CHECKED, DENIED_CLIENT: 0 if denies else _CHECKED}
        for source, number in expected.items():
            before = self._lane.arrived()
            self._blast(_CHECKED, _CHECKED, source)
            arrived = self._lane.arrived() - before
            if arrived != number:
                raise Wrong(f"{self._lane.name}: {arrived} of {_CHECKED} packets from {source} arrived, not {number}")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """A server of connections, for as long as the lane is measured."""
        command = [*self._tools.connect, "serve", self._target, self._port, str(self._tools.cores[1])]
        with inside(self._lane.server):
            server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if server.stdout is None or server.stdout.readline() != "ready\n":
                raise Wrong(f"{self._lane.name}: no server")
            yield
        finally:
            server.kill()
            server.wait()

    def add_to(self, samples: Samples, *, connect: bool) -> None:
        """One round."""
        self._lane.forget_connections()
        samples.new.append(self._blast(_NEW, _NEW))
        self._establish()
        samples.established.append(self._blast(_ESTABLISHED, 1))
        if connect:
            self._lane.forget_connections()
            command = [*self._tools.connect, self._target, self._port, ALLOWED_CLIENT, str(_CONNECTIONS)]
            samples.connection.append(float(run(self._lane.client, [*command, str(self._tools.cores[0])])))

    def _blast(self, count: int, flows: int, source: str = ALLOWED_CLIENT) -> float:
        return self._sent(self._lane.client, (self._target, self._port, source, str(_SOURCE_PORT)), count, flows)

    def _establish(self) -> None:
        """One packet there and one back, which makes a flow of UDP an established one."""
        self._lane.forget_connections()
        self._blast(1, 1)
        self._sent(self._lane.server, (ALLOWED_CLIENT, str(_SOURCE_PORT), self._target, self._port), 1, 1)

    def _sent(self, namespace: str, ends: tuple[str, str, str, str], count: int, flows: int) -> float:
        command = [*self._tools.blast, *ends, str(count), str(flows), str(self._tools.cores[0])]
        return float(run(namespace, command))
