"""What came of assertions, as text, TAP and JUnit: counts, escapes, edits in words."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec
import pytest

from podwall.report.junit import junit_text
from podwall.report.public import Port, Ref
from podwall.report.public_testing import Breach, Coverage, Edit, Expected, Pair, Report, Unnoticed
from podwall.report.tap import tap_text
from podwall.report.testing import edit_text, report_text, why

POLICY = Ref("NetworkPolicy", "shop", "web", None, "a.yaml", 3)
SQL = [Port("TCP", 5432, 5432)]
GOOD = Expected("a -> b allow", "allow", "allow", True, "e.yaml", 4, None, 1, 1, None, [])
ODD = 'x "#1" \\ <&> \x01 -> y deny'


def failing(pairs: int, wrong: int, *, want: str = "deny") -> Expected:
    pair = Breach("shop/web", "data/db", 6, SQL)
    got = "allow" if want == "deny" else "deny"
    open_ = wrong if want == "deny" else pairs - wrong
    return Expected("t", want, got, False, "e.yaml", 5, "so", pairs, open_, None, [pair], wrong - 1)


def report(*expected: Expected, coverage: Coverage | None = None) -> Report:
    made = Report("podwall.io/v1", "TestReport", "kubernetes", 2, 3, 1, 2, [], 0.0, list(expected))
    return made if coverage is None else msgspec.structs.replace(made, coverage=coverage)


@pytest.mark.parametrize(
    ("expected", "first"),
    [
        (failing(1, 1), "open for 1 pair"),
        (failing(4, 4), "open for all 4 pairs"),
        (failing(12_000, 3), "open for 3 of 12,000 pairs"),
        (failing(4, 2, want="allow"), "denied for 2 of 4 pairs"),
    ],
)
def test_how_many_pairs_are_not_as_asserted(expected: Expected, first: str) -> None:
    lines = list(why(expected))
    assert lines[:2] == [first, "  shop/web -> data/db  TCP 5432 (IPv6)"]
    more = expected.moreFailures
    assert lines[2:] == ([f"  and {more} more"] if more else [])


def test_text_of_what_holds_is_one_line() -> None:
    assert "".join(report_text(report(GOOD), {})) == "1 assertion: all hold (3 pairs judged, profile kubernetes)\n"


def test_text_of_what_fails() -> None:
    assert "".join(report_text(report(GOOD, failing(2, 1)), {})) == (
        "FAILED t\n"
        "  e.yaml:5\n"
        "  because: so\n"
        "  open for 1 of 2 pairs\n"
        "    shop/web -> data/db  TCP 5432 (IPv6)\n"
        "\n"
        "2 assertions: 1 FAILED (3 pairs judged, profile kubernetes)\n"
    )


EDITS = [
    (Edit(POLICY, "spec", 3, "policy removed", None, None), "without the policy"),
    (Edit(POLICY, "spec", 3, "subject widened", "podSelector", "app=web"), "podSelector without app=web"),
    (Edit(POLICY, "spec.ingress[0]", 9, "rule removed", None, None), "without the rule"),
    (
        Edit(POLICY, "spec.ingress[0]", 9, "selector term dropped", "from[1].podSelector", "a=b"),
        "from[1].podSelector without a=b",
    ),
    (Edit(POLICY, "spec.ingress[0]", 9, "ports opened", None, None), "with all ports"),
    (
        Edit(POLICY, "spec.egress[0]", 9, "except dropped", "to[0].ipBlock", "10.0.0.0/8"),
        "to[0].ipBlock without except 10.0.0.0/8",
    ),
]


@pytest.mark.parametrize(("edit", "words"), EDITS)
def test_edits_in_words(edit: Edit, words: str) -> None:
    assert edit_text(edit) == words


def test_what_nobody_watches_stands_by_rule() -> None:
    pair = Pair("shop/web", "data/db", SQL)
    found = [
        Unnoticed(EDITS[2][0], None, pair, "shop/web -> data/db:5432 allow"),
        Unnoticed(EDITS[4][0], pair, None, None),
    ]
    coverage = Coverage(50.0, 4, 2, found, [EDITS[0][0]], 80)
    assert "".join(report_text(report(GOOD, coverage=coverage), {})) == (
        "COVERAGE 50%: 2 of 4 edits of policies noticed, at least 80% asked for\n"
        "\n"
        "unnoticed: shop/web spec.ingress[0]\n"
        "  a.yaml:9\n"
        "  without the rule, closes shop/web -> data/db TCP 5432\n"
        "  with all ports, opens shop/web -> data/db all other ports\n"
        "  watch it: shop/web -> data/db:5432 allow\n"
        "\n"
        "1 more edit would change nothing in this cluster: -o json\n"
        "\n"
        "1 assertion: all hold (3 pairs judged, profile kubernetes)\n"
    )


def test_what_nobody_watches_is_not_listed_without_end() -> None:
    edit = EDITS[2][0]
    found = [
        Unnoticed(msgspec.structs.replace(edit, rule=f"spec.ingress[{n // 2}]"), None, Pair("a/b", "c/d", SQL), None)
        for n in range(300)
    ]
    text = "".join(report_text(report(GOOD, coverage=Coverage(0.0, 300, 0, found, [], None)), {}))
    assert text.count("\nunnoticed: ") == 40
    assert "\n220 more edits of 110 more policies and rules go unnoticed: -o json\n" in text


def test_tap_escapes_what_means_something_there() -> None:
    text = "".join(tap_text(report(msgspec.structs.replace(GOOD, text=ODD))))
    assert text.splitlines()[2] == 'ok 1 - x "\\#1" \\\\ <&> \x01 -> y deny'


def test_junit_can_be_read_whatever_the_texts_are() -> None:
    odd = msgspec.structs.replace(failing(1, 1), text=ODD, file='a"<b>.yaml', because="\x02]]>")
    root = ET.fromstring("".join(junit_text(report(GOOD, odd))))  # noqa: S314 - our own
    assert [suite.get("name") for suite in root] == ["e.yaml", 'a"<b>.yaml']
    (case,) = root[1]
    assert case.get("name") == ODD.replace("\x01", "�")
    assert str(case.findtext("failure")).splitlines()[1] == "because: �]]>"
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
