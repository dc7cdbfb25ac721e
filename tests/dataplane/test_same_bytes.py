"""The same objects make the same bytes for nft, in whatever order they come and Python iterates over sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_neither_the_order_of_events_nor_of_hashes_shows() -> None:
    said = {_printed(order, hashes) for order, hashes in ((0, 1), (1, 2), (2, 3))}
    assert len(said) == 1
    assert said != {""}


def _printed(order: int, hashes: int) -> str:
    command = [sys.executable, "-m", "tests.dataplane.tables", str(order)]
    environment = {**os.environ, "PYTHONHASHSEED": str(hashes), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
