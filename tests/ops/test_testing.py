"""Failures on random clusters: each is explained by a verdict that says the same, and counted as it is listed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from podwall.ops.covering import percent
from podwall.ops.inputs import Inputs, open_cluster
from podwall.ops.testing import Asked, assess
from podwall.report.public_explanation import Explanation
from podwall.report.testing import report_text
from tests.expect.reading import expectations
from tests.truth.compare import trial
from tests.truth.engine import as_json
from tests.truth.expectations import draw

BLOCK = 10
ASSERTIONS = 12


@pytest.mark.parametrize("first", range(0, 200, BLOCK))
def test_explanations_say_what_the_failures_say(first: int, tmp_path: Path) -> None:
    explained = 0
    for seed in range(first, first + BLOCK):
        one = trial(seed, (3, 4, 1, 0))
        rng = random.Random(f"failures {seed}")
        path = tmp_path / f"{seed}.json"
        path.write_bytes(as_json(one.objects))
        opened = open_cluster(Inputs(filenames=(str(path),), cni=one.cni))
        asked = expectations([draw(rng, one.objects, one.oracle).value() for _ in range(ASSERTIONS)])
        found = assess(opened, Asked(tuple(asked)))
        for expected in found.answer.expectations:
            wrong = expected.pairs - expected.open if expected.want == "allow" else expected.open
            assert (expected.got == expected.want) is expected.ok
            assert len(expected.failures) + expected.moreFailures == (0 if expected.ok else wrong), expected.text
            assert bool(expected.problem) is (expected.got == "none")
            if isinstance(expected.explanation, Explanation):
                explained += 1
                assert expected.explanation.verdict == expected.got, f"seed {seed}: {expected.text}"
                assert expected.explanation.family == expected.failures[0].family
        assert json.dumps("".join(report_text(found.answer, {})))
    assert explained > BLOCK


@pytest.mark.parametrize(
    ("noticed", "edits", "said"), [(0, 0, 100.0), (1, 3, 33.3), (2, 3, 66.6), (9_999, 10_000, 99.9), (7, 7, 100.0)]
)
def test_coverage_is_never_rounded_up(noticed: int, edits: int, said: float) -> None:
    assert percent(noticed, edits) == said
