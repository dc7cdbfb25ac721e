"""Engine, tables in memory and real kernel on fresh random clusters until stopped: `make fresh-kernel`, or as a script.

Every cluster has a seed of its own, which a failure prints; `--seed S --clusters 1` repeats it.
"""

from __future__ import annotations

import sys

from tests.dataplane import differences as twin
from tests.lab import truth as kernel
from tests.truth.loop import Loop, asked_for

TWINS = 10  # clusters that are only walked in memory, for each one in the kernel


class Clusters(Loop):
    """One cluster after another: in memory, and each tenth in the kernel too."""

    def __init__(self, first: int, minutes: float | None, most: int | None) -> None:
        super().__init__(first, minutes, most)
        self.walked = self.denied = self.kernels = self.sent = self.refused = 0

    def differences(self, seed: int) -> list[str]:
        """The cluster of one seed."""
        tally = twin.differences(seed)
        self.walked += tally.packets
        self.denied += tally.denied
        found = list(tally.failures)
        if seed % TWINS == 0 or self.most == 1:
            sent, refused, more = kernel.differences(seed)
            self.kernels += 1
            self.sent += sent
            self.refused += refused
            found += more
        return found

    def counted(self) -> str:
        return (
            f"{self.trials} clusters, {self.walked} packets in memory ({self.denied} to be denied); "
            f"{self.kernels} of them in the kernel, {self.sent} probes ({self.refused} to be denied)"
        )


if __name__ == "__main__":
    says = "Compares the engine with compiled tables in memory and in the kernel on random clusters until stopped."
    sys.exit(Clusters(*asked_for(sys.argv[1:], says, "clusters")).run())
