"""How a command runs: warnings to stderr, results to stdout, and every way to end as an exit code (interface.md)."""

from __future__ import annotations

import gc
import io
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import click

from podwall.errors import PodwallError

__all__ = ["BUG", "FINDINGS", "INCOMPLETE", "OK", "USAGE", "Streams", "run"]

OK, FINDINGS, USAGE, INCOMPLETE, BUG = range(5)
_INTERRUPTED = 130  # what a shell makes of SIGINT


class Streams:
    """Where a command writes, and how much it says."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet = quiet
        self._verbose = verbose

    def result(self, parts: Iterable[str]) -> None:
        """Writes the answer, or a part of it."""
        with _writing() as stdout:
            stdout.writelines(parts)

    def binary(self, data: bytes) -> None:
        """Writes an answer that is no text."""
        with _writing() as stdout:
            stdout.buffer.write(data)

    def aside(self, lines: Iterable[str], *, always: bool = False) -> None:
        """What is told beside the answer, line by line with their ends; with -q only what must be known."""
        if always or not self._quiet:
            _say(line.removesuffix("\n") for line in lines)

    def warn(self, *lines: str) -> None:
        """What must be said beside the answer."""
        if not self._quiet:
            _say(f"warning: {line}" for line in lines)

    def note(self, *lines: str) -> None:
        """What only -v says."""
        if self._verbose:
            _say(lines)

    def progress(self, total: int) -> Callable[[int], None]:
        """A bar for work of so many steps, told how many are done; only on a terminal, and only if it takes long."""
        shown = sys.stderr is not None and sys.stderr.isatty() and not self._quiet
        return _Bar(total).show if shown else lambda _: None

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A step of the work, which -v gives the time of."""
        start = time.perf_counter()  # noqa: TID251 - an edge
        yield
        self.note(f"{name}: {time.perf_counter() - start:.3f} s")  # noqa: TID251 - an edge


class _Bar:
    """One line of a terminal, drawn again and again, and wiped when all is done."""

    _WIDTH = 40
    _AFTER = 1.0  # seconds until it is worth looking at
    _PAUSE = 0.1

    def __init__(self, total: int) -> None:
        self._total = total
        self._next = time.perf_counter() + self._AFTER  # noqa: TID251 - an edge
        self._drawn = False

    def show(self, done: int) -> None:
        now = time.perf_counter()  # noqa: TID251 - an edge
        if done >= self._total:
            self._draw("\r\x1b[K" if self._drawn else "")
        elif now >= self._next:
            self._next = now + self._PAUSE
            self._drawn = True
            filled = self._WIDTH * done // self._total
            self._draw(f"\r[{'#' * filled}{'.' * (self._WIDTH - filled)}] {done:,} of {self._total:,}\x1b[K")

    @staticmethod
    def _draw(text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()


@contextmanager
def _writing() -> Iterator[TextIO]:
    if sys.stdout is None:
        raise _CannotWriteError("the answer cannot be written: standard output is closed")
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the answer has enough; the exit code is what it is
        _close_stdout()
    except OSError as error:
        raise _CannotWriteError(f"the answer cannot be written: {error.strerror}") from None


def _say(lines: Iterable[str]) -> None:
    if sys.stderr is not None:
        with suppress(OSError):  # nobody listens
            sys.stderr.writelines(f"{line}\n" for line in lines)


class _CannotWriteError(PodwallError):
    """A full disk and the like; what was written so far cannot be relied on."""


def run(command: Callable[[Streams], int], *, quiet: bool = False, verbose: bool = False, debug: bool = False) -> None:
    """Runs a command and ends the process's work with its exit code."""
    # One run makes objects until it ends and next to no cycles: looking for garbage would cost a third of the time.
    gc.disable()
    if isinstance(sys.stdout, io.TextIOWrapper):  # JSON is UTF-8, whatever the locale says
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = command(Streams(quiet=quiet, verbose=verbose))
    except PodwallError as error:
        _say(line if line.startswith("  ") else f"error: {line}" for line in str(error).splitlines())
        code = USAGE
        if isinstance(error, _CannotWriteError):
            _close_stdout()
    except BrokenPipeError:  # whoever read the answer has enough
        _close_stdout()
        code = OK
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except MemoryError:
        _say(["error: there is not enough memory for this input"])
        code = USAGE
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user without --debug
        code = _bug(error, debug=debug)
    raise click.exceptions.Exit(code)


def _bug(error: Exception, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    what = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    advice = "" if debug else ", with what the same command prints with --debug"
    _say([f"bug in podwall: {what}; please report it{advice}"])
    return BUG


def _close_stdout() -> None:
    """Python would complain when it flushes at exit."""
    with suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
