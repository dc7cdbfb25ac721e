"""Engine against oracle on fresh random clusters until stopped: `make fresh`, or this file as a script.

Every cluster has a seed of its own; odd ones have cluster-wide policies. A failure prints the seed, and
`--seed S --clusters 1` repeats it.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from types import FrameType

from tests.truth.compare import Tally, trial

WEIGHTS = (3, 4, 3, 1)  # tiny, small, medium, large
QUERIES = 60
EVERY = 30.0  # seconds between two lines of progress
SHOWN = 5  # differences of one cluster


class Loop:
    """One run: counts, the seeds that failed, and whether it is time to stop."""

    def __init__(self, first: int, minutes: float | None, clusters: int | None) -> None:
        self.first = first
        self.most = clusters
        self.tally = Tally()
        self.failed: list[int] = []
        self.stopped = False
        self.started = time.monotonic()
        self.deadline = self.started + 60 * minutes if minutes is not None else None

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal: the cluster at hand is the last one."""
        self.stopped = True

    def over(self) -> bool:
        """Whether there is nothing left to do."""
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return self.stopped or late or self.tally.clusters == self.most

    def run(self) -> None:
        """Clusters from the first seed on."""
        told = self.started
        while not self.over():
            self.one(self.first + self.tally.clusters)
            if time.monotonic() - told >= EVERY:
                told = time.monotonic()
                print(self.summary(), flush=True)

    def one(self, seed: int) -> None:
        """The cluster of one seed; a crash of the engine is a failure, too."""
        self.tally.clusters += 1
        try:
            one = trial(seed, WEIGHTS)
            one.compare_verdicts(QUERIES, self.tally)
            one.compare_map(self.tally)
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding, and the next cluster is another one
            self.tally.failures.append(traceback.format_exc())
        if self.tally.failures:
            self.failed.append(seed)
            found = "\n  ".join(self.tally.failures[:SHOWN])
            print(f"seed {seed}: {len(self.tally.failures)} differences\n  {found}", flush=True)
            self.tally.failures.clear()

    def summary(self) -> str:
        """Counts so far."""
        t, seconds = self.tally, time.monotonic() - self.started
        return (
            f"{seconds:.0f} s: {t.clusters} clusters, {t.queries} queries ({t.skipped} undecided), "
            f"{t.pairs} map pairs, {t.reasons} reasons, {len(self.failed)} seeds failed"
        )


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 if some cluster showed a difference."""
    parser = argparse.ArgumentParser(description="Compares engine and oracle on random clusters until stopped.")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--seed", type=int, help="the first seed; a fresh one unless given")
    parser.add_argument("--clusters", type=int, help="stop after so many clusters")
    given = parser.parse_args(arguments)
    first = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 40)
    loop = Loop(first, given.minutes, given.clusters)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, loop.stop)
    print(f"first seed {first}", flush=True)
    loop.run()
    print(loop.summary())
    if loop.failed:
        print("seeds that failed:", *loop.failed)
    return 1 if loop.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
