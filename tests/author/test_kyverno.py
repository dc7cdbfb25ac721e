"""What is written for Kyverno, against the models that others made from its custom resource definitions."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml

from tests.author.test_recipes import WORLD
from tests.cli.program import podwall
from tests.cli.schemas import HAS_KYVERNO, kyverno_slips

pytestmark = pytest.mark.skipif(not HAS_KYVERNO, reason="cloudcoil-models-kyverno is not installed")

CASES = [
    "gate --engine kyverno",
    "gate --engine kyverno --audit --except dev",
    "baseline --cluster --engine kyverno",
    f"baseline --cluster --engine kyverno --except dev --node-local 169.254.20.10 -f {WORLD}",
]


def written(case: str) -> list[dict[str, Any]]:
    done = podwall("new", *case.split())
    assert done.code == 0, done.err
    found = [item for item in yaml.safe_load_all(done.out) if item["apiVersion"].startswith("kyverno.io/")]
    assert found
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rsplit("/", maxsplit=1)[-1])
def test_kyverno_has_every_field_that_is_written(case: str) -> None:
    for item in written(case):
        assert kyverno_slips(item) == []


def test_a_slip_would_be_seen() -> None:
    (mistakes, _) = written("gate --engine kyverno")
    edits: list[dict[str, Any]] = [
        {"failureAction": "Deny"},
        {"cels": {}},
        {"cel": {"expressions": [{"message": "no expression"}]}},
    ]
    for edit in edits:
        wrong = deepcopy(mistakes)
        wrong["spec"]["rules"][0]["validate"] |= edit
        assert kyverno_slips(wrong), edit
