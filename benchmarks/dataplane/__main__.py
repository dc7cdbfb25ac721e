"""How fast the kernel is under our rules, beside no rules, conntrack alone and the iptables shape that clusters know.

    make bench-dataplane
    python -m benchmarks.dataplane --only traffic --rounds 60 --json figures.json

Everything happens in network namespaces of its own; without root, in a user namespace. A packet takes the whole path
from a client through a node to a server inside the send of one pinned core, so nanoseconds for a packet are those of
the path. Rule sets are asked in turns, and the lowest of all rounds counts: what the path costs when nothing else
happens. What an established flow costs over conntrack is the median of each round's own ratio; times of updates are
medians, too. Compare within a run, never between two. A missed target is shown, not an error.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

if not __package__:  # started as a script: `benchmarks` lies beside its folder, not in it
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.dataplane.namespaces import OWN, CannotUnshare, enter_own_namespaces
from benchmarks.dataplane.report import PARTS, Report
from benchmarks.dataplane.table import figure_rows, lines
from benchmarks.dataplane.tools import Missing, find_tools
from benchmarks.machine import machine

_VERSIONS = ("nft", "iptables-legacy", "ipset")


def main() -> int:
    """Print the tables; 2 where this machine cannot run them, 0 otherwise, targets met or not."""
    arguments = _arguments()
    try:
        enter_own_namespaces()
        with tempfile.TemporaryDirectory(dir=OWN) as folder:
            _measure(arguments, Path(folder))
    except (CannotUnshare, Missing) as failed:
        print(f"cannot measure: {failed}", file=sys.stderr)
        return 2
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=PARTS, help="this part (repeatable); default: all")
    parser.add_argument("--rounds", type=int, default=30, help="how often each rule set is asked (default: 30)")
    parser.add_argument("--json", type=Path, dest="report", help="write every sample to this file too")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be positive")
    return arguments


def _measure(arguments: argparse.Namespace, folder: Path) -> None:
    tools = find_tools(folder)
    sender = "C" if tools.compiled else "Python, as there is no compiler"
    versions = {name: _version(name) for name in _VERSIONS}
    on = {**machine(), "kernel": platform.release(), **versions, "sender": sender, "rounds": arguments.rounds}
    print(f"{on['cpu']}, {on['cores']} cores, {on['memoryGB']} GB, Linux {on['kernel']}, Python {on['python']}")
    print(f"{', '.join(versions.values())}; packets are sent by {sender}; {arguments.rounds} rounds\n")
    report = Report(tools, arguments.rounds)
    for name, part in PARTS.items():
        if arguments.only is None or name in arguments.only:
            print(f"{name} …", file=sys.stderr, flush=True)
            part(report)
    print("\n".join(lines(figure_rows(report.figures))))
    if arguments.report:
        arguments.report.write_bytes(report.as_json(on))


def _version(program: str) -> str:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return f"{program}: missing"
    return said.partition("\n")[0].partition(", ")[0]


if __name__ == "__main__":
    sys.exit(main())
