"""What the data plane that is imported gets wrong: the tests of tests/dataplane that run in memory, with few seeds each.

A parametrized test is run with its first few rows; the cheap ones come first, as a mutant is asked no more once it is
caught.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from types import ModuleType

from tests.dataplane import test_compiler, test_epochs, test_staged
from tests.dataplane.differences import differences

MODULES: tuple[ModuleType, ...] = (test_epochs, test_staged, test_compiler)
ROWS = 12  # of a parametrized test
CLUSTERS = 40  # random ones

Check = Callable[[], str]
"""Says what is wrong; "" where nothing is."""


def checks() -> Iterator[tuple[str, Check]]:
    """Every check with its name: rows of all tests in turn, and clusters between."""
    turns = [list(_rows(test)) for module in MODULES for test in _tests(module)]
    turns.append([(f"differences({seed})", partial(_differs, seed)) for seed in range(CLUSTERS)])
    for turn in range(max(map(len, turns))):
        yield from (rows[turn] for rows in turns if turn < len(rows))


def _differs(seed: int) -> str:
    return next(iter(differences(seed).failures), "")


def _tests(module: ModuleType) -> Iterator[Callable[..., None]]:
    """The tests of a module, in order; those that need fixtures are no tests in memory."""
    for name, test in vars(module).items():
        if name.startswith("test_") and inspect.isfunction(test):
            yield test


def _rows(test: Callable[..., None]) -> Iterator[tuple[str, Check]]:
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield test.__name__, partial(_fails, test)
        return
    (mark,) = marks
    several = not isinstance(mark.args[0], str)
    for row in islice(mark.args[1], ROWS):
        yield f"{test.__name__}[{row}]", partial(_fails, partial(test, *row) if several else partial(test, row))


def _fails(test: Callable[[], None]) -> str:
    try:
        test()
    except AssertionError as error:
        return str(error).partition("\n")[0] or "an assertion failed"
    return ""
