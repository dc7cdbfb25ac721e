"""Every test of this folder runs in a process with namespaces of its own; all skip where that cannot be."""

from __future__ import annotations

import inspect
import os

import pytest

from podwall.lab.spaces import enclosed
from tests.lab.conftest import possible


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    if reason := possible(enclosed):
        pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    given = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}

    def work() -> str:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # packets come in the order in which they were sent
        try:
            pyfuncitem.obj(**given)
        except pytest.skip.Exception as skipped:
            return str(skipped)
        return ""

    try:
        reason = enclosed(work)
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    if reason:
        pytest.skip(reason)
    return True
