"""What the data plane that is imported gets wrong: the tests of tests/dataplane that run in memory.

Those about random clusters are run with few seeds, and last: a mutant is asked no more once it is caught.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, zip_longest

from podwall.errors import KernelError
from tests.dataplane import (
    test_cases,
    test_compiler,
    test_epochs,
    test_frame,
    test_open_connections,
    test_staged,
)
from tests.dataplane.differences import differences

MODULES = (test_epochs, test_frame, test_open_connections, test_staged, test_compiler, test_cases)
SEEDS = 8  # of each test that has them

Check = Callable[[], str]
"""Says what is wrong; "" where nothing is."""


def checks() -> Iterator[tuple[str, Check]]:
    """Every check with its name: single ones, then those with seeds, in turns."""
    tests = [test for module in MODULES for test in _tests(module)]
    yield from chain.from_iterable(_rows(test) for test in tests if not _is_random(test))
    seeded = [_rows(test) for test in tests if _is_random(test)]
    clusters: Iterator[tuple[str, Check]] = (
        (f"differences({seed})", partial(_differs, seed)) for seed in range(3 * SEEDS)
    )
    turns: Iterator[tuple[tuple[str, Check] | None, ...]] = zip_longest(*seeded, clusters)
    for turn in turns:
        yield from (check for check in turn if check is not None)


def _differs(seed: int) -> str:
    return next(iter(differences(seed).failures), "")


def _tests(module: object) -> Iterator[Callable[..., None]]:
    """The tests of a module, in order."""
    for name, test in vars(module).items():
        if name.startswith("test_") and inspect.isfunction(test):
            yield test


def _is_random(test: Callable[..., None]) -> bool:
    return next(iter(inspect.signature(test).parameters), "") == "seed"


def _rows(test: Callable[..., None]) -> Iterator[tuple[str, Check]]:
    """A test with each row of its table, where it has one."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield test.__name__, partial(_fails, test)
    for mark in marks:
        names, rows = mark.args
        for number, row in enumerate(rows if not _is_random(test) else range(SEEDS)):
            arguments = (row,) if isinstance(names, str) else row
            yield f"{test.__name__}[{number}]", partial(_fails, partial(test, *arguments))


def _fails(test: Callable[[], None]) -> str:
    """What a test says that fails; a table that cannot be loaded is wrong as well."""
    try:
        test()
    except (AssertionError, KernelError) as error:
        return str(error).partition("\n")[0] or "an assertion failed"
    return ""
