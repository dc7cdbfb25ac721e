"""The parts of the benchmark, and the figures that they come to beside their targets."""

from __future__ import annotations

import errno
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from benchmarks.dataplane.compiling import compiled_apart
from benchmarks.dataplane.fire import Changes, Fire, policy_changes, under_fire, whole_tables
from benchmarks.dataplane.kuberouter import refusal
from benchmarks.dataplane.scenario import Scenario
from benchmarks.dataplane.table import Figure, Timed, lines
from benchmarks.dataplane.tools import Tools
from benchmarks.dataplane.traffic import BARE, CONNTRACK, OURS, SHAPE, Samples, measured
from benchmarks.dataplane.updates import FILLED, ours_updated, shape_updated
from podwall.errors import KernelError

__all__ = ["PARTS", "Report"]

SMALL, LARGE = Scenario(110, 10), Scenario(250, 50)
POLICIES = (10, 100, 1_000, 10_000)
WIDE = Scenario(10, 10, peers=1_000)
UPDATES = 30
FIRES: tuple[tuple[Scenario, Changes, tuple[int, int]], ...] = (
    (FILLED, whole_tables, (40, 1_000_000)),
    (Scenario(10, 10), whole_tables, (1_000, 1_000_000)),
    (Scenario(10, 10), policy_changes, (1_000, 1_000_000)),
)

# The most that is good; percent, a ratio, a ratio, milliseconds, seconds.
ESTABLISHED_TARGET, NEW_TARGET, FLAT_TARGET = 5.0, 0.05, 1.25
UPDATE_TARGETS = {"full load": 500.0, "one pod of a known group": 2.0, "one peer address": 0.1}
COMPILE_TARGET = 3.0


class Report:
    """What was found so far. Samples are nanoseconds, by scenario and rule set."""

    def __init__(self, tools: Tools, rounds: int) -> None:
        self.tools = tools
        self.rounds = rounds
        self.no_shape = f"skipped: install {', '.join(tools.absent)}" if tools.absent else refusal()
        self.figures: list[Figure] = []
        self.samples: dict[str, dict[str, Samples]] = {}
        self.timed: list[Timed] = []
        self.fires: list[Fire] = []

    def traffic(self) -> None:
        """The four rule sets at both sizes."""
        names = [BARE, CONNTRACK, OURS, *([] if self.no_shape else [SHAPE])]
        for scenario in (SMALL, LARGE):
            found = measured(scenario, names, self.tools, self.rounds)
            self.samples[scenario.name] = found
            print("\n".join(lines(_rows(scenario, found))) + "\n")
            self.figures.append(_established(scenario.name, found))
            self.figures.append(self._new(scenario, found))

    def _new(self, scenario: Scenario, found: dict[str, Samples]) -> Figure:
        name = f"new flow, policy part, ours to the iptables shape's, {scenario.name}"
        if self.no_shape:
            return Figure(name, skipped=self.no_shape)
        target = NEW_TARGET if scenario is LARGE else None
        return Figure(name, _policy_part(found, OURS) / _policy_part(found, SHAPE), "", target)

    def flat(self) -> None:
        """Ours alone, as policies grow a thousandfold; and where each rule means a thousand peers."""
        parts = {}
        for scenario in (*(Scenario(10, policies) for policies in POLICIES), WIDE):
            found = measured(scenario, [CONNTRACK, OURS], self.tools, self.rounds, connect=False)
            name = f"{scenario.name}, {scenario.peers:,} peers a rule"
            self.samples[name] = found
            parts[scenario] = _policy_part(found, OURS)
            self.figures.append(_established(name, found))
            self.figures.append(Figure(f"new flow, policy part, {name}", parts[scenario], "ns"))
        few, many = Scenario(10, POLICIES[0]), Scenario(10, POLICIES[-1])
        name = f"new flow, policy part, {POLICIES[-1]:,} policies to {POLICIES[0]}"
        self.figures.append(Figure(name, parts[many] / parts[few], "", FLAT_TARGET))

    def updates(self) -> None:
        """One change at a time among many elements."""
        with self._bounded("changes of the structure, and full load in place of a table"):
            self.timed.extend(ours_updated(UPDATES))
        if not self.no_shape:
            self.timed.extend(shape_updated(UPDATES))
        for timed in self.timed:
            found = statistics.median(timed.kernel)
            self.figures.append(Figure(f"{timed.name}, to the kernel", found, "ms", UPDATE_TARGETS.get(timed.name)))
            if timed.compiler:
                self.figures.append(Figure(f"{timed.name}, compiled", statistics.median(timed.compiler), "ms"))

    def compile(self) -> None:
        """One node's rules of a big cluster."""
        found = compiled_apart(self.tools.folder)
        name = f"compile {found.endpoints:,} pods, {found.policies:,} policies for a node of {found.local} pods"
        self.figures.append(Figure(name, found.seconds, "s", COMPILE_TARGET))

    def fire(self) -> None:
        """Packets that leak while rules are replaced."""
        for scenario, changes, least in FIRES:
            with self._bounded("changes under fire"):
                fire = under_fire(scenario, changes, self.tools, least)
                self.fires.append(fire)
                name = f"leaked of {fire.sent:,} denied packets in {fire.changes:,} changes: {fire.name}"
                self.figures.append(Figure(name, fire.leaked, "", 0))

    @contextmanager
    def _bounded(self, name: str) -> Iterator[None]:
        """What without root may be more than the kernel takes at once."""
        try:
            yield
        except KernelError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            self.figures.append(Figure(name, skipped="skipped: takes root, or a larger net.core.wmem_max"))

    def as_json(self, machine: dict[str, Any]) -> bytes:
        """Everything, with every single sample."""
        parts = {"figures": self.figures, "nanoseconds": self.samples, "milliseconds": self.timed, "fire": self.fires}
        return msgspec.json.format(msgspec.json.encode({"machine": machine, **parts}), indent=2) + b"\n"


PARTS: dict[str, Callable[[Report], None]] = {
    "traffic": Report.traffic,
    "flat": Report.flat,
    "updates": Report.updates,
    "compile": Report.compile,
    "fire": Report.fire,
}


def _policy_part(found: dict[str, Samples], name: str) -> float:
    """Nanoseconds that rules add to a packet that opens a connection."""
    return found[name].best("new") - found[CONNTRACK].best("new")


def _established(name: str, found: dict[str, Samples]) -> Figure:
    """A few percent are less than two runs differ by, so those of one round are compared, and the median is told."""
    pairs = zip(found[OURS].established, found[CONNTRACK].established, strict=True)
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    return Figure(f"established flow, over conntrack only, {name}", (ratio - 1) * 100, "%", ESTABLISHED_TARGET)


def _rows(scenario: Scenario, found: dict[str, Samples]) -> list[tuple[str, ...]]:
    base = found[CONNTRACK]
    header = "new ns", "over conntrack", "established ns", "over conntrack", "connection µs"
    rows: list[tuple[str, ...]] = [(f"{scenario.name} policies", *header)]
    for name, samples in found.items():
        cells = [name]
        for kind in ("new", "established"):
            over = samples.best(kind) - base.best(kind)
            cells += [f"{samples.best(kind):,.0f}", "" if name in (BARE, CONNTRACK) else f"{over:+,.0f}"]
        rows.append((*cells, f"{samples.best('connection') / 1_000:.1f}"))
    return rows
