"""Tests marked `namespace` run in a child with a network namespace of its own; they skip where there can be none."""

from __future__ import annotations

import pytest

from tests.dataplane.namespaces import impossible, inside


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "namespace(user): run in a network namespace; with `user`, as root of a user namespace only"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    marker = pyfuncitem.get_closest_marker("namespace")
    if marker is None:
        return None
    if impossible():
        pytest.skip(impossible())
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}  # noqa: SLF001
    inside(lambda: pyfuncitem.obj(**arguments), user="user" in marker.args)
    return True
