"""How fast the kernel is under our rules, beside no rules, conntrack alone and the iptables shape that clusters know.

    make bench-dataplane
    python -m benchmarks.dataplane --only traffic --rounds 60 --json figures.json

Everything happens in network namespaces of its own; without root, in a user namespace. A packet takes the whole path
from a client through a node to a server inside the send of one pinned core, so nanoseconds for a packet are those of
the path. Rule sets are asked in turns, and the lowest of all rounds counts: what the path costs when nothing else
happens. Compare within a run, never between two. A missed target is shown, not an error.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

if not __package__:  # started as a script: `benchmarks` lies beside its folder, not in it
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.dataplane.compiling import compiled_apart
from benchmarks.dataplane.fire import Fire, policy_changes, under_fire, whole_tables
from benchmarks.dataplane.namespaces import CannotUnshare, enter_own_namespaces
from benchmarks.dataplane.scenario import Scenario
from benchmarks.dataplane.table import Figure, Timed, as_json, figure_rows, lines
from benchmarks.dataplane.tools import Missing, Tools, find_tools
from benchmarks.dataplane.traffic import BARE, CONNTRACK, OURS, SHAPE, Samples, measured
from benchmarks.dataplane.updates import FILLED, ours_updated, shape_updated
from benchmarks.machine import machine

SMALL, LARGE = Scenario(110, 10), Scenario(250, 50)
POLICIES = (10, 100, 1_000, 10_000)
FIRES = (
    (FILLED, whole_tables, (40, 1_000_000)),
    (Scenario(10, 10), whole_tables, (1_000, 1_000_000)),
    (Scenario(10, 10), policy_changes, (1_000, 1_000_000)),
)
UPDATES, COMPILE_TARGET = 30, 3.0
UPDATE_TARGETS = {"full load": 500.0, "one pod of a known group": 2.0, "one peer address": 0.1}  # ms
ESTABLISHED_TARGET, NEW_TARGET = 5.0, 0.05


class Report:
    """What was found so far; samples are kept for the JSON."""

    def __init__(self, tools: Tools, rounds: int) -> None:
        self.tools = tools
        self.rounds = rounds
        self.figures: list[Figure] = []
        self.fires: list[Fire] = []
        self.timed: list[Timed] = []
        self.samples: dict[str, dict[str, Samples]] = {}

    def traffic(self) -> None:
        """The four columns at both sizes."""
        shape = not self.tools.absent
        names = [BARE, CONNTRACK, OURS, *([SHAPE] if shape else [])]
        for scenario in (SMALL, LARGE):
            found = measured(scenario, names, self.tools, self.rounds)
            self.samples[scenario.name] = found
            print("\n".join(lines(_rows(scenario, found))) + "\n")
            self.figures.append(_established(scenario, found))
            self.figures.append(_new(scenario, found, target=scenario is LARGE) if shape else self._no_shape(scenario))

    def _no_shape(self, scenario: Scenario) -> Figure:
        missing = ", ".join(sorted(set(self.tools.absent)))
        return Figure(f"new flow, policy part, {scenario.name}", skipped=f"skipped: install {missing}")

    def flat(self) -> None:
        """Ours alone, as policies grow a thousandfold."""
        grown = {}
        for policies in POLICIES:
            scenario = Scenario(10, policies)
            found = measured(scenario, [CONNTRACK, OURS], self.tools, self.rounds, connect=False)
            self.samples[scenario.name] = found
            grown[policies] = found[OURS].best("new") / found[CONNTRACK].best("new")
            self.figures.append(_established(scenario, found))
            part = found[OURS].best("new") - found[CONNTRACK].best("new")
            self.figures.append(Figure(f"new flow, policy part, {scenario.name}", part, "ns"))

    def updates(self) -> None:
        """One change at a time among many elements."""
        self.timed = [*ours_updated(UPDATES), *([] if self.tools.absent else shape_updated(5))]
        for timed in self.timed:
            found = statistics.median(timed.kernel)
            self.figures.append(Figure(f"{timed.name}, to the kernel", found, "ms", UPDATE_TARGETS.get(timed.name)))
            if timed.compiler:
                self.figures.append(Figure(f"{timed.name}, compiled", statistics.median(timed.compiler), "ms"))

    def compile(self) -> None:
        """One node's rules of a big cluster."""
        found = compiled_apart(self.tools.folder)
        name = f"compile {found.endpoints:,} pods, {found.policies:,} policies for a node of {found.local}"
        self.figures.append(Figure(name, found.seconds, "s", COMPILE_TARGET))

    def fire(self) -> None:
        """Packets that leak while rules are replaced."""
        for scenario, changes, least in FIRES:
            fire = under_fire(scenario, changes, self.tools, least)
            self.fires.append(fire)
            name = f"leaked of {fire.sent:,} denied packets in {fire.changes:,} changes: {fire.name}"
            self.figures.append(Figure(name, fire.leaked, "", 0))


def _rows(scenario: Scenario, found: dict[str, Samples]) -> list[tuple[str, ...]]:
    base = found[CONNTRACK]
    rows = [(f"{scenario.name} policies", "new ns", "over conntrack", "established ns", "over conntrack", "connection µs")]
    for name, samples in found.items():
        cells = [name]
        for kind in ("new", "established"):
            over = samples.best(kind) - base.best(kind)
            cells += [f"{samples.best(kind):,.0f}", "" if name in (BARE, CONNTRACK) else f"{over:+,.0f}"]
        rows.append((*cells, f"{samples.best('connection') / 1_000:.1f}"))
    return rows


def _established(scenario: Scenario, found: dict[str, Samples]) -> Figure:
    ratio = found[OURS].best("established") / found[CONNTRACK].best("established")
    name = f"established flow, over conntrack only, {scenario.name}"
    return Figure(name, (ratio - 1) * 100, "%", ESTABLISHED_TARGET)


def _new(scenario: Scenario, found: dict[str, Samples], *, target: bool) -> Figure:
    base = found[CONNTRACK].best("new")
    ratio = (found[OURS].best("new") - base) / (found[SHAPE].best("new") - base)
    name = f"new flow, policy part, of the iptables shape's, {scenario.name}"
    return Figure(name, ratio, "", NEW_TARGET if target else None)


PARTS: dict[str, Callable[[Report], None]] = {
    "traffic": Report.traffic,
    "flat": Report.flat,
    "updates": Report.updates,
    "compile": Report.compile,
    "fire": Report.fire,
}


def _machine(tools: Tools) -> dict[str, Any]:
    versions = {name: _said([name, "--version"]) for name in ("nft", "iptables-legacy", "ipset")}
    sender = "C" if tools.compiled else "Python: no compiler; packets cost far more to send than to judge"
    return {**machine(), "kernel": platform.release(), **versions, "sender": sender}


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError):
        return "missing"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part (repeatable); default: all")
    parser.add_argument("--rounds", type=int, default=30, help="how often each rule set is asked (default: 30)")
    parser.add_argument("--json", type=Path, dest="report", help="write every sample to this file too")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be positive")
    return arguments


def main() -> int:
    """Print the tables; 2 where this machine cannot run them, 0 otherwise, targets met or not."""
    arguments = _arguments()
    try:
        enter_own_namespaces()
        with tempfile.TemporaryDirectory(prefix="podwall-dataplane-") as folder:
            _report(arguments, find_tools(Path(folder)))
    except (CannotUnshare, Missing) as failed:
        print(f"cannot measure: {failed}", file=sys.stderr)
        return 2
    return 0


def _report(arguments: argparse.Namespace, tools: Tools) -> None:
    on = _machine(tools)
    print(", ".join(f"{key} {value}" for key, value in on.items()) + f", {arguments.rounds} rounds\n")
    report = Report(tools, arguments.rounds)
    for name, part in PARTS.items():
        if arguments.only is None or name in arguments.only:
            print(f"{name} …", file=sys.stderr, flush=True)
            part(report)
    print("\n".join(lines(figure_rows(report.figures))))
    if arguments.report:
        parts = {"rounds": arguments.rounds, "figures": report.figures, "nanoseconds": report.samples, "milliseconds": report.timed, "fire": report.fires}
        arguments.report.write_bytes(as_json(on, parts))


if __name__ == "__main__":
    sys.exit(main())
