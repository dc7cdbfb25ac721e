"""Need finding on fresh random applications until stopped: `make fresh-needs`, or this file as a script.

A failure prints the seed, and `--seed S --applications 1` repeats it.
"""

from __future__ import annotations

import sys

from benchmarks.applications.generate import random_application
from tests.needs.applications import differences
from tests.truth.loop import Loop, asked_for


class Applications(Loop):
    """What is found in one application after another."""

    statements = 0

    def differences(self, seed: int) -> list[str]:
        """The application of one seed."""
        application = random_application(seed)
        self.statements += len(application.statements)
        return differences(application)

    def counted(self) -> str:
        return f"{self.trials} applications, {self.statements} statements"


if __name__ == "__main__":
    says = "Compares needs that are found with those that random applications declare until stopped."
    sys.exit(Applications(*asked_for(sys.argv[1:], says, "applications")).run())
