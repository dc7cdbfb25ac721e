"""What the data plane that is imported gets wrong: the tests of tests/dataplane that run in memory.

Those about random clusters are run with few seeds, and last: a mutant is asked no more once it is caught.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain, product, zip_longest
from typing import Any

import pytest

from podwall.errors import KernelError
from tests.dataplane import (
    test_cases,
    test_compiler,
    test_endpoints,
    test_epochs,
    test_frame,
    test_merging,
    test_open_connections,
    test_peers,
    test_reload,
    test_script,
    test_staged,
)
from tests.dataplane.differences import differences
from tests.truth.cases import Case

MODULES = (
    test_epochs,
    test_frame,
    test_script,
    test_peers,
    test_endpoints,
    test_open_connections,
    test_reload,
    test_staged,
    test_compiler,
    test_merging,
)
SEEDS = 4  # of each test that has them

Check = Callable[[], str]
"""Says what is wrong; "" where nothing is."""


def checks(item: str) -> Iterator[tuple[str, Check]]:
    """Every check with its name: the cases that are about an item, single tests, the other cases; then those with
    seeds, in turns.
    """
    about = [case for case in test_cases.CASES if item in case.covers]
    yield from map(_case, about)
    tests = [test for module in MODULES for test in _tests(module)]
    yield from chain.from_iterable(_rows(test) for test in tests if not _is_random(test))
    yield from (_case(case) for case in test_cases.CASES if case not in about)
    seeded = [_rows(test) for test in tests if _is_random(test)]
    clusters: Iterator[tuple[str, Check]] = (
        (f"differences({seed})", partial(_differs, seed)) for seed in range(3 * SEEDS)
    )
    for turn in zip_longest(*seeded, clusters):
        yield from (check for check in turn if check)


def _case(case: Case) -> tuple[str, Check]:
    return case.file.stem, partial(_fails, partial(test_cases.test_cases, case))


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
    tables = [[dict(_named(mark.args[0], row)) for row in mark.args[1]] for mark in marks]
    for number, rows in enumerate(product(*tables)):
        if not _is_random(test) or number < SEEDS:
            arguments = {name: value for row in rows for name, value in row.items()}
            yield f"{test.__name__}[{number}]", partial(_fails, partial(test, **arguments))


def _named(names: str | tuple[str, ...], row: Any) -> Iterable[tuple[str, Any]]:
    """The arguments that a row of a table stands for."""
    return [(names, row)] if isinstance(names, str) else zip(names, row, strict=True)


def _fails(test: Callable[[], None]) -> str:
    """What a test says that fails; a table that cannot be loaded is wrong as well."""
    try:
        test()
    except (AssertionError, KernelError, pytest.fail.Exception) as error:
        return str(error).partition("\n")[0] or "an assertion failed"
    return ""
