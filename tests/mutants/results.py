"""What came of asking the mutants, from worker processes that share them."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORKERS = 2


@dataclass
class Result:
    """One mutant by cases: those that catch it with the first fault, those that it crashes in, those not asked.

    `stale` says why it could not be made.
    """

    mutant: str
    caught: dict[str, str] = field(default_factory=dict)
    crashed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    stale: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def ask(worker: str = "tests.mutants.worker", *, every: bool = False) -> list[Result]:
    """The Podwall without a change, then every mutant in the order of the worker's table."""
    with ThreadPoolExecutor(WORKERS) as pool:
        shares = list(pool.map(lambda share: _share(worker, share, every=every), range(WORKERS)))
    count = sum(map(len, shares))
    return [shares[n % WORKERS][n // WORKERS] for n in range(count)]


def _share(worker: str, share: int, *, every: bool) -> list[Result]:
    command = [sys.executable, "-m", worker, str(share), str(WORKERS), *(["every"] if every else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a worker failed: {done.stderr}")
    return [Result(**json.loads(line)) for line in done.stdout.splitlines()]
