"""The annotation that suppresses findings."""

from __future__ import annotations

import datetime as dt

import pytest

from podwall.check.suppress import IGNORE, Suppression, suppressions

DAY = dt.date(2027, 1, 31)

LINES = {
    "PW150: partner publishes no ranges": Suppression("PW150", "partner publishes no ranges"),
    "PW150: partner publishes no ranges (until 2027-01-31)": Suppression("PW150", "partner publishes no ranges", DAY),
    "PW150:no space": Suppression("PW150", "no space"),
    "PW150: as agreed (see wiki)": Suppression("PW150", "as agreed (see wiki)"),
}
WRONG = ("PW150", "PW150:", "everything: because", "PW150: soon (until tomorrow)")


@pytest.mark.parametrize("line", LINES)
def test_a_line_names_a_rule_and_a_reason(line: str) -> None:
    assert list(suppressions({IGNORE: line})) == [LINES[line]]


@pytest.mark.parametrize("line", WRONG)
def test_a_line_that_cannot_be_read_suppresses_nothing(line: str) -> None:
    (found,) = suppressions({IGNORE: line})
    assert found.wrong
    assert not found.holds(DAY)


def test_several_lines() -> None:
    found = suppressions({IGNORE: "PW150: a\nPW151: b; PW152: c\n"})
    assert [(one.rule, one.reason) for one in found] == [("PW150", "a"), ("PW151", "b"), ("PW152", "c")]


def test_the_last_day_still_counts() -> None:
    found = Suppression("PW150", "x", DAY)
    assert found.holds(DAY)
    assert not found.holds(DAY + dt.timedelta(days=1))


def test_without_the_annotation_nothing_is_suppressed() -> None:
    assert list(suppressions(None)) == []
    assert list(suppressions({"other": "PW150: x"})) == []
