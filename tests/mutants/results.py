"""What came of asking the mutants, from worker processes that share them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORKERS = 2


@dataclass(frozen=True)
class Result:
    """One mutant: cases that catch it, each with the first fault; cases that it crashes in; why it could not be made."""

    mutant: str
    caught: dict[str, str] = field(default_factory=dict)
    crashed: dict[str, str] = field(default_factory=dict)
    stale: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def ask(*, every: bool = False) -> list[Result]:
    """The Podwall without a change, then every mutant in the order of the table."""
    command = [sys.executable, "-m", "tests.mutants.worker"]
    workers = [
        subprocess.Popen(
            [*command, str(share), str(WORKERS), *(["every"] if every else [])],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for share in range(WORKERS)
    ]
    shares = [_results(worker) for worker in workers]
    count = sum(map(len, shares))
    return [shares[n % WORKERS][n // WORKERS] for n in range(count)]


def _results(worker: subprocess.Popen[str]) -> list[Result]:
    out, err = worker.communicate()
    if worker.returncode:
        raise RuntimeError(f"a worker failed: {err}")
    return [Result(**json.loads(line)) for line in out.splitlines()]
