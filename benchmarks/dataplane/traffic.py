"""Packets through rule sets: new connections, an established one, and how long it takes to open one, in turns.

One round asks all of them within seconds, so that the machine's drift meets them alike, and each is loaded anew for its
turn: where its memory happens to lie is another matter each time. Each proves first that it forwards what is allowed
and, if it has policies, drops what is not.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import msgspec

from benchmarks.dataplane.kuberouter import restored_rules, restored_sets
from benchmarks.dataplane.namespaces import Lane, inside, opened_lane, run
from benchmarks.dataplane.ours import compiled, kernel_of, whole
from benchmarks.dataplane.scenario import ALLOWED_CLIENT, DENIED_CLIENT, Scenario
from benchmarks.dataplane.tools import Tools

__all__ = ["BARE", "CONNTRACK", "OURS", "SHAPE", "Samples", "Wrong", "measured"]

BARE, CONNTRACK, OURS, SHAPE = "no rules", "conntrack only", "ours", "iptables shape"
_NEW, _ESTABLISHED, _CONNECTIONS, _CHECKED = 10_000, 20_000, 400, 1_000  # packets and connections of one run
_SOURCE_PORT = 1024
_SETTLING = 0.05  # seconds
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
        return min(self._of(kind))

    def _of(self, kind: str) -> list[float]:
        return {"new": self.new, "established": self.established, "connection": self.connection}[kind]


def measured(
    scenario: Scenario, names: Sequence[str], tools: Tools, rounds: int, *, connect: bool = True
) -> dict[str, Samples]:
    """The samples of every column."""
    samples = {name: Samples() for name in names}
    with ExitStack() as stack:
        runs = {name: stack.enter_context(_opened(name, scenario, tools)) for name in sorted({*map(_lane_of, names)})}
        columns = [Column(name, runs[_lane_of(name)], scenario) for name in names]
        for column in columns:
            column.check()
        for number in range(rounds):
            for turn in range(len(columns)):
                column = columns[(number + turn) % len(columns)]
                column.load()
                column.runs.add_to(samples[column.name], connect=connect)
    return samples


def _lane_of(name: str) -> str:
    """Rule sets of nft take turns in one lane, so only they differ. What iptables hooks in stays there for good."""
    return "iptables" if name == SHAPE else "nft"


@contextmanager
def _opened(name: str, scenario: Scenario, tools: Tools) -> Iterator[Runs]:
    with opened_lane(name, [scenario.target.address]) as lane:
        runs = Runs(lane, scenario, tools)
        with runs.serving():
            yield runs


class Column:
    """A rule set that takes its turns in a lane."""

    def __init__(self, name: str, runs: Runs, scenario: Scenario) -> None:
        self.name = name
        self.runs = runs
        self._put = _LOADERS[name](runs.lane, scenario)
        if name == SHAPE:
            self._put()

    def load(self) -> None:
        """In place of what was there; old rules are freed before the clock starts."""
        if self.name != SHAPE:
            run(self.runs.lane.node, ["nft", "flush", "ruleset"])
            self._put()
            time.sleep(_SETTLING)

    def check(self) -> None:
        """Raises Wrong where packets go elsewhere than they should."""
        self.load()
        self.runs.check(denies=self.name in (OURS, SHAPE))


def _nothing(_lane: Lane, _scenario: Scenario) -> Callable[[], None]:
    return lambda: None


def _conntrack(lane: Lane, _scenario: Scenario) -> Callable[[], None]:
    return lambda: _said(lane, ["nft", "-f", "-"], _CONNTRACK_TEXT)


def _ours(lane: Lane, scenario: Scenario) -> Callable[[], None]:
    kernel, change = kernel_of(lane), whole(compiled(scenario))
    return lambda: kernel.apply(change)


def _shape(lane: Lane, scenario: Scenario) -> Callable[[], None]:
    sets, rules = restored_sets(scenario), restored_rules(scenario)

    def put() -> None:
        _said(lane, ["ipset", "restore"], sets)
        _said(lane, ["iptables-legacy-restore"], rules)

    return put


def _said(lane: Lane, command: list[str], text: str) -> None:
    run(lane.node, command, text)


_LOADERS: dict[str, Callable[[Lane, Scenario], Callable[[], None]]] = {
    BARE: _nothing,
    CONNTRACK: _conntrack,
    OURS: _ours,
    SHAPE: _shape,
}


class Runs:
    """The runs of one lane."""

    def __init__(self, lane: Lane, scenario: Scenario, tools: Tools) -> None:
        self.lane = lane
        self._target = scenario.target.address
        self._port = str(scenario.port)
        self._tools = tools

    def check(self, *, denies: bool) -> None:
        """Raises Wrong unless every allowed packet arrives, and where the lane denies, no other one."""
        expected = {ALLOWED_CLIENT: _CHECKED, DENIED_CLIENT: 0 if denies else _CHECKED}
        for source, number in expected.items():
            before = self.lane.arrived()
            self._blast(_CHECKED, _CHECKED, source)
            arrived = self.lane.arrived() - before
            if arrived != number:
                raise Wrong(f"{self.lane.name}: {arrived} of {_CHECKED} packets from {source} arrived, not {number}")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """A server of connections, for as long as the lane is measured."""
        command = [*self._tools.connect, "serve", self._target, self._port, str(self._tools.cores[1])]
        with inside(self.lane.server):
            server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if server.stdout is None or server.stdout.readline() != "ready\n":
                raise Wrong(f"{self.lane.name}: no server")
            yield
        finally:
            server.kill()
            server.wait()

    def add_to(self, samples: Samples, *, connect: bool) -> None:
        """One round."""
        self.lane.forget_connections()
        samples.new.append(self._blast(_NEW, _NEW))
        self._establish()
        samples.established.append(self._blast(_ESTABLISHED, 1))
        if connect:
            self.lane.forget_connections()
            command = [*self._tools.connect, self._target, self._port, ALLOWED_CLIENT, str(_CONNECTIONS)]
            samples.connection.append(float(run(self.lane.client, [*command, str(self._tools.cores[0])])))

    def _blast(self, count: int, flows: int, source: str = ALLOWED_CLIENT) -> float:
        return self._sent(self.lane.client, (self._target, self._port, source, str(_SOURCE_PORT)), count, flows)

    def _establish(self) -> None:
        """One packet there and one back, which makes a flow of UDP an established one."""
        self.lane.forget_connections()
        self._blast(1, 1)
        self._sent(self.lane.server, (ALLOWED_CLIENT, str(_SOURCE_PORT), self._target, self._port), 1, 1)

    def _sent(self, namespace: str, ends: tuple[str, str, str, str], count: int, flows: int) -> float:
        command = [*self._tools.blast, *ends, str(count), str(flows), str(self._tools.cores[0])]
        return float(run(namespace, command))
