"""Trials with one fresh seed after another, until stopped: what `make fresh` and `make fresh-needs` have in common."""

from __future__ import annotations

import argparse
import random
import signal
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import FrameType

EVERY = 30.0  # seconds between two lines of progress
SHOWN = 5  # differences of one trial


class Loop(ABC):
    """One run: counts, the seeds that failed, and whether it is time to stop."""

    def __init__(self, first: int, minutes: float | None, most: int | None) -> None:
        self.first = first
        self.most = most
        self.trials = 0
        self.failed: list[int] = []
        self.stopped = False
        self.started = time.monotonic()
        self.deadline = self.started + 60 * minutes if minutes is not None else None

    @abstractmethod
    def differences(self, seed: int) -> list[str]:
        """What is wrong with the trial of one seed, for people."""

    @abstractmethod
    def counted(self) -> str:
        """What has been compared so far."""

    def stop(self, number: int, frame: FrameType | None) -> None:
        """A signal: the trial at hand is the last one."""
        self.stopped = True

    def over(self) -> bool:
        """Whether there is nothing left to do."""
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return self.stopped or late or self.trials == self.most

    def run(self) -> int:
        """Trials from the first seed on; the exit code is 1 if some of them showed a difference."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        print(f"first seed {self.first}", flush=True)
        told = self.started
        while not self.over():
            self.one(self.first + self.trials)
            if time.monotonic() - told >= EVERY:
                told = time.monotonic()
                print(self.summary(), flush=True)
        print(self.summary())
        if self.failed:
            print("seeds that failed:", *self.failed)
        return 1 if self.failed else 0

    def one(self, seed: int) -> None:
        """The trial of one seed; a crash is a failure, too."""
        self.trials += 1
        try:
            found = self.differences(seed)
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding, and the next trial is another one
            found = [traceback.format_exc()]
        if found:
            self.failed.append(seed)
            shown = "\n  ".join(found[:SHOWN])
            print(f"seed {seed}: {len(found)} differences\n  {shown}", flush=True)

    def summary(self) -> str:
        """Counts so far."""
        return f"{time.monotonic() - self.started:.0f} s: {self.counted()}, {len(self.failed)} seeds failed"


def asked_for(arguments: Sequence[str], says: str, trials: str) -> tuple[int, float | None, int | None]:
    """The first seed, minutes and number of trials that a command line gives; `trials` is what these are called."""
    parser = argparse.ArgumentParser(description=says)
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--seed", type=int, help="the first seed; a fresh one unless given")
    parser.add_argument(f"--{trials}", dest="most", type=int, help=f"stop after so many {trials}")
    given = parser.parse_args(arguments)
    first = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 40)
    return first, given.minutes, given.most
