"""The oracle against the table of cases, and the table against the numbers of semantics.md."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.truth.cases import BadCase, Case, Line, load_cases, parse_line
from tests.truth.oracle import Oracle, OracleError
from tests.truth.vocabulary import Object

CASES = load_cases()
ITEMS = [f"{letter}{n}" for letter, last in (("N", 23), ("V", 10), ("C", 15), ("D", 21)) for n in range(1, last + 1)]
ASKED = [case for case in CASES if case.expect]


def oracle_of(case: Case, objects: Sequence[Object] | None = None) -> Oracle:
    return Oracle(
        case.objects if objects is None else objects,
        profile=case.cni,
        namespace=case.namespace,
        pod_cidrs=case.pod_cidrs,
        resolutions=case.resolutions,
    )


def answer(oracle: Oracle, line: Line) -> str:
    if line.port is None:
        return "error"  # verdict() always has a port
    try:
        return str(oracle.verdict(line.src, line.dst, line.protocol, line.port, line.family)["verdict"])
    except OracleError:
        return "error"


@pytest.mark.parametrize("case", ASKED, ids=[c.file.stem for c in ASKED])
def test_oracle_answers_as_the_case_says(case: Case) -> None:
    oracle = oracle_of(case)
    got = [f"{line.text.rpartition(' ')[0]} {answer(oracle, line)}" for line in case.expect]
    assert got == [line.text for line in case.expect]


@pytest.mark.parametrize("case", ASKED, ids=[c.file.stem for c in ASKED])
def test_order_of_objects_does_not_matter(case: Case) -> None:
    oracle = oracle_of(case, case.objects[::-1])
    assert [answer(oracle, line) for line in case.expect] == [line.want for line in case.expect]


@pytest.mark.parametrize("case", ASKED, ids=[c.file.stem for c in ASKED])
def test_every_case_has_both_verdicts(case: Case) -> None:
    assert {"allow", "deny"} <= {line.want for line in case.expect}


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_has_a_case(item: str) -> None:
    assert [case.file.name for case in CASES if item in case.covers]


def test_cases_cover_only_items_that_exist() -> None:
    assert not {item for case in CASES for item in case.covers} - set(ITEMS)


def test_names_of_cases_are_unique() -> None:
    names = [case.name for case in CASES if "no-priority" not in case.file.stem]
    assert len(names) == len(set(names))


def test_different_duplicates_are_an_error() -> None:
    (case,) = [c for c in CASES if c.file.stem == "d16-different-duplicates"]
    with pytest.raises(OracleError):
        oracle_of(case)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("x/web -> x/db:8000 allow", ("x/web", "x/db", 8000, "TCP", None, "allow")),
        ("x/web -> x/db:8000/UDP deny", ("x/web", "x/db", 8000, "UDP", None, "deny")),
        ("x/web -> x/db:http allow", ("x/web", "x/db", "http", "TCP", None, "allow")),
        ("x/web -> 203.0.113.9:443 allow", ("x/web", "203.0.113.9", 443, "TCP", None, "allow")),
        ("x/web -> [2001:db8::1]:443 ipv6 deny", ("x/web", "2001:db8::1", 443, "TCP", 6, "deny")),
        ("2001:db8::1 -> x/web:443 ipv6 deny", ("2001:db8::1", "x/web", 443, "TCP", 6, "deny")),
        ("x/web -> x/service/db:80 allow", ("x/web", "x/service/db", 80, "TCP", None, "allow")),
        ("node/n1 -> x/web:80 ipv4 allow", ("node/n1", "x/web", 80, "TCP", 4, "allow")),
        ("x/web -> x/db error", ("x/web", "x/db", None, "TCP", None, "error")),
        ("x/web -> 2001:db8::1 error", ("x/web", "2001:db8::1", None, "TCP", None, "error")),
    ],
)
def test_lines_are_read(text: str, want: tuple[object, ...]) -> None:
    line = parse_line(text)
    assert (line.src, line.dst, line.port, line.protocol, line.family, line.want) == want


@pytest.mark.parametrize(
    "text", ["x/web x/db:80 allow", "x/web -> x/db:80 maybe", "x/web -> x/db allow", "a -> b:1:2 deny"]
)
def test_bad_lines_are_refused(text: str) -> None:
    with pytest.raises(BadCase):
        parse_line(text)
