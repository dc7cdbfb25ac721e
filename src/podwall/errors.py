"""Every error that Podwall raises, in one tree. A class exists only if someone catches it by name.

Each message says where, what and what to do; none of them ever means "allow".
"""

from __future__ import annotations

from msgspec import Struct


class PodwallError(Exception):
    """A mistake of the user or of the surroundings: one clear message, exit code 2."""


class Problem(Struct, frozen=True):
    """One mistake in the input: `where` is `file:line` (or `file`), `path` the field (may be empty)."""

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        field = f"{self.path}: " if self.path else ""
        return f"{self.where}: {field}{self.message}"

    def order(self) -> tuple[str, int, str, str]:
        """Where it stands among others: by file, then by line as a number."""
        file, _, line = self.where.rpartition(":")
        place = (file, int(line)) if line.isdecimal() else (self.where, 0)
        return (*place, self.path, self.message)


class InputError(PodwallError):
    """The input cannot be read at all: a missing file, an unreadable directory, a value of a flag."""


class InvalidText(PodwallError):
    """Text that is not the YAML or JSON it should be. `line` counts from 1."""

    def __init__(self, source: str, line: int, message: str) -> None:
        self.line = line
        self.problem = Problem(f"{source}:{line}", "", message)
        super().__init__(str(self.problem))


class InvalidInput(PodwallError):
    """All the mistakes of one run, collected and sorted."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems), key=Problem.order)
        super().__init__("\n".join(str(p) for p in self.problems))


class UnknownReference(PodwallError):
    """A name in a question that stands for nothing, for several things, or for something that cannot answer."""


class CannotEdit(PodwallError):
    """A text that cannot be edited in place without touching more than what was asked for; it stays as it is."""


class CannotWrite(PodwallError):
    """A policy that cannot be written as asked for, or that was written and could not be proved."""


class KernelError(PodwallError):
    """What a kernel or `nft` refused, in their words; what was in force before is in force still.

    `errno` is the kernel's number for it, 0 where it gave none.
    """

    def __init__(self, message: str, errno: int = 0) -> None:
        self.errno = errno
        super().__init__(message)


class LabUnavailable(PodwallError):
    """A lab cannot be brought up here: what is missing, and what would help."""
