"""Namespaces for tests: as the user who runs them, and, where that is root, as nobody too."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from podwall.errors import LabUnavailable
from podwall.lab.spaces import Space, enclosed, program

T = TypeVar("T")
Enclosed = Callable[[Callable[[], T]], T]
NOBODY = 65534


def as_nobody(work: Callable[[], T]) -> T:
    """Runs a function in namespaces, without root's rights."""
    return without_rights(lambda: enclosed(work))


def without_rights(work: Callable[[], T]) -> T:
    """Runs a function in a child that is nobody: what is in memory already may be all that it can read."""
    receive, send = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, which the child does not need
        child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        answer: Any
        try:
            answer = (True, work())
        except BaseException as error:  # noqa: BLE001 raised by the parent
            answer = (False, error)
        with os.fdopen(send, "wb") as answering:
            pickle.dump(answer, answering)
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as stream:
        succeeded, value = pickle.loads(stream.read())  # noqa: S301 our own child wrote it
    os.waitpid(child, 0)
    if not succeeded:
        raise value
    return value  # type: ignore[no-any-return]


def possible(run: Enclosed[None]) -> str:
    """Why namespaces are impossible here; empty where they are possible."""
    try:
        program("ip")
        program("nft")
        run(lambda: Space().close())
    except LabUnavailable as error:
        return str(error)
    return ""


@pytest.fixture(scope="session", params=["as started", "as nobody"])
def namespaces(request: pytest.FixtureRequest) -> Enclosed[Any]:
    """Runs a function in namespaces of its own and returns what it returns; skips where that cannot be."""
    if request.param == "as nobody" and os.geteuid() != 0:
        pytest.skip("already run without root's rights")
    run = as_nobody if request.param == "as nobody" else enclosed
    if reason := possible(run):
        pytest.skip(reason)
    return run
