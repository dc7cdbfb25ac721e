"""The engine's verdicts are what the kernel does: random clusters of every kind, brought up and asked pair by pair."""

from __future__ import annotations

import pytest

from podwall.lab.spaces import enclosed
from tests.lab.conftest import possible
from tests.lab.truth import differences

CLUSTERS = 60


@pytest.fixture(scope="module", autouse=True)
def kernel() -> None:
    """Skips where namespaces are impossible."""
    if reason := possible(enclosed):
        pytest.skip(reason)


@pytest.mark.parametrize("seed", range(CLUSTERS))
def test_engine_is_kernel(seed: int) -> None:
    probes, _, found = differences(seed)
    assert probes > 0
    assert found == []
