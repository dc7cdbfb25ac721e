"""How a command runs: warnings to stderr, results to stdout, and every way to end as an exit code (interface.md)."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable

import typer

from podwall.errors import PodwallError

__all__ = ["BUG", "FINDINGS", "INCOMPLETE", "OK", "USAGE", "Streams", "run"]

OK, FINDINGS, USAGE, INCOMPLETE, BUG = range(5)
_INTERRUPTED = 130  # what a shell makes of SIGINT


class Streams:
    """Where a command writes. `code` is what it ends with unless something worse happens."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def result(self, text: str) -> None:
        """A part of the answer."""
        sys.stdout.write(text)

    def warn(self, *lines: str) -> None:
        """What must be said beside the answer."""
        if not self._quiet:
            for line in lines:
                sys.stderr.write(f"{line}\n")


def run(command: Callable[[Streams], int], *, quiet: bool = False, debug: bool = False) -> None:
    """Runs a command and ends the process's work with its exit code."""
    # One run makes objects until it ends and next to no cycles: looking for garbage would cost a third of the time.
    gc.disable()
    streams = Streams(quiet=quiet)
    try:
        code = command(streams)
        sys.stdout.flush()
    except PodwallError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"error: {line}\n" if not line.startswith("  ") else f"{line}\n")
        code = USAGE
    except BrokenPipeError:
        # Whoever read the answer has enough. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = OK
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user without --debug
        if debug:
            traceback.print_exc()
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        sys.stderr.write(f"bug in podwall: {what}; please report it with the output of the same command and --debug\n")
        code = BUG
    raise typer.Exit(code)
