"""`make fresh`: it counts what it compared, says so, and stops when it is told to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(Path(__file__).parent / "fresh.py"), "--seed", "1"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
SUMMARY = re.compile(
    r"\d+ s: (\d+) clusters, (\d+) queries \(\d+ undecided\), (\d+) map pairs, \d+ reasons, 0 seeds failed"
)


def test_so_many_clusters() -> None:
    done = subprocess.run(
        [*COMMAND, "--clusters", "3"], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, last = done.stdout.splitlines()
    assert first == "first seed 1"
    found = SUMMARY.fullmatch(last)
    assert found is not None
    assert found[1] == "3"
    assert min(int(found[2]), int(found[3])) > 0


def test_a_signal_ends_it_with_the_summary() -> None:
    with subprocess.Popen(COMMAND, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "first seed 1\n"
        running.send_signal(signal.SIGTERM)
        rest = running.stdout.read()
    assert running.returncode == 0, rest
    assert SUMMARY.fullmatch(rest.strip())
