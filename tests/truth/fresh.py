"""Engine against oracle on fresh random clusters until stopped: `make fresh`, or this file as a script.

Every cluster has a seed of its own; odd ones have cluster-wide policies. A failure prints the seed, and
`--seed S --clusters 1` repeats it.
"""

from __future__ import annotations

import sys

from tests.truth.compare import Tally, trial
from tests.truth.loop import Loop, asked_for

WEIGHTS = (3, 4, 3, 1)  # tiny, small, medium, large
QUERIES = 60


class Clusters(Loop):
    """Verdicts and the map of one cluster after another."""

    def __init__(self, first: int, minutes: float | None, most: int | None) -> None:
        super().__init__(first, minutes, most)
        self.tally = Tally()

    def differences(self, seed: int) -> list[str]:
        """The cluster of one seed."""
        self.tally.failures.clear()
        one = trial(seed, WEIGHTS)
        one.compare_verdicts(QUERIES, self.tally)
        one.compare_map(self.tally)
        return list(self.tally.failures)

    def counted(self) -> str:
        t = self.tally
        return (
            f"{self.trials} clusters, {t.queries} queries ({t.skipped} undecided), "
            f"{t.pairs} map pairs, {t.reasons} reasons"
        )


if __name__ == "__main__":
    says = "Compares engine and oracle on random clusters until stopped."
    sys.exit(Clusters(*asked_for(sys.argv[1:], says, "clusters")).run())
