"""diff for readers: rows put together, risks in words, 80 columns, and comments that are not too long."""

from __future__ import annotations

import re

import pytest
from msgspec import UNSET

from podwall.report.diff_markdown import diff_markdown
from podwall.report.diff_rows import Words, cause_words, grouped, risk_rows
from podwall.report.diff_text import diff_text
from podwall.report.public import API_VERSION, External, Port
from podwall.report.public_diff import RISKS, Cause, Changed, Counts, Diff, EditedField, Endpoints, RiskFound

HTTP = [Port("TCP", 80, 80)]
WHOLE = [External("0.0.0.0/0", ["0.0.0.0/0"])]


def a_cause(name: str = "p", *fields: EditedField, owner: str | None = "a", file: str = "a/p.yaml") -> Cause:
    edit = "changed" if fields else "added"
    return Cause("NetworkPolicy", "ns", name, owner, file, 3, edit, list(fields))


def a_diff(opened: list[Changed] | None = None, risks: list[RiskFound] | None = None, **more: object) -> Diff:
    found = opened or []
    fields: dict[str, object] = {
        "apiVersion": API_VERSION,
        "kind": "Diff",
        "profile": "kubernetes",
        "old": "old",
        "new": "new",
        "counts": Counts(1, len(found), 0, 0, 0),
        "risks": risks or [],
        "opened": found,
        "closed": [],
        "endpoints": Endpoints([], [], [], []),
        "external": WHOLE,
        "edits": [],
        "incomplete": [],
    }
    return Diff(**{**fields, **more})  # type: ignore[arg-type]


def changed(src: str, dst: str, cause: list[Cause], ports: list[Port] = HTTP) -> Changed:
    return Changed(src, dst, ports, cause)


def test_pairs_come_in_as_few_rows_as_it_takes() -> None:
    cause = [a_cause()]
    to_one = [changed(f"ns/{n}", "ns/x", cause) for n in range(5)]
    (group,) = grouped(to_one)
    assert [(len(row.sources), row.destinations) for row in group.rows] == [(5, ("ns/x",))]
    all_to_all = [changed(f"ns/{a}", f"ns/{b}", cause) for a in range(5) for b in range(5)]
    (group,) = grouped(all_to_all)
    assert [row.pairs for row in group.rows] == [25]
    from_one = [changed("ns/x", f"ns/{n}", cause, [Port("TCP", n % 2 + 1, n % 2 + 1)]) for n in range(6)]
    (group,) = grouped(from_one)
    assert sorted(row.pairs for row in group.rows) == [3, 3]


def test_groups_by_cause() -> None:
    one, other = [a_cause("one")], [a_cause("other")]
    pairs = [changed("ns/a", "ns/b", other), changed("ns/a", "ns/c", one), changed("ns/a", "ns/d", other)]
    assert [(group.causes[0].name, group.pairs) for group in grouped(pairs)] == [("one", 1), ("other", 2)]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["ns/a"], "ns/a"),
        (["ns/a", "ns/b", "ns/c"], "ns/a, ns/b and ns/c"),
        (["ns/a", "ns/b", "ns/c", "other/x"], "ns (3 endpoints) and other (1 endpoint)"),
        ([f"n{n}/x" for n in range(5)], "5 endpoints of 5 namespaces"),
        (["0.0.0.0/0"], "0.0.0.0/0"),
        (["ns/a", "0.0.0.0/0"], "ns/a and 0.0.0.0/0"),
    ],
)
def test_ends(names: list[str], text: str) -> None:
    assert Words(a_diff()).ends(names) == text


def test_all_external_addresses() -> None:
    external = [External("10.0.0.0/8", ["10.0.0.0/8"]), External("0.0.0.0/5", ["0.0.0.0/5"])]
    words = Words(a_diff(external=external))
    assert words.ends(["10.0.0.0/8", "0.0.0.0/5"]) == "any external address"
    assert list(words.legend()) == []


FIELD = EditedField("spec.ingress[0].from[1]", "added", "a/p.yaml", 9)
GONE = EditedField("spec.ingress[2]", "removed", "main:b/p.yaml", 12)


@pytest.mark.parametrize(
    ("cause", "what", "where"),
    [
        (a_cause(), "NetworkPolicy ns/p added", "a/p.yaml:3"),
        (a_cause(owner="me"), "NetworkPolicy ns/p added", "a/p.yaml:3 (owner me)"),
        (a_cause("p", FIELD), "NetworkPolicy ns/p: spec.ingress[0].from[1] added", "a/p.yaml:9"),
        (a_cause("p", GONE), "NetworkPolicy ns/p: spec.ingress[2] removed", "main:b/p.yaml:12"),
        (
            Cause(
                "Namespace",
                "",
                "x",
                None,
                None,
                None,
                "changed",
                [EditedField("metadata.labels", "changed", None, None, "env")],
            ),
            "Namespace x: metadata.labels env changed",
            "place unknown",
        ),
    ],
)
def test_causes(cause: Cause, what: str, where: str) -> None:
    assert cause_words(cause) == (what, where)


def a_risk(risk: str, endpoint: str = "ns/web", *, added: bool = False, cause: list[Cause] | None = None) -> RiskFound:
    return RiskFound(risk, endpoint, ["0.0.0.0/0"], HTTP, cause if cause is not None else [a_cause()], added)


@pytest.mark.parametrize("risk", RISKS)
def test_every_risk_has_words(risk: str) -> None:
    (row,) = risk_rows([a_risk(risk)])
    text = Words(a_diff()).risk(row)
    assert "ns/web" in text
    assert {r: Words(a_diff()).risk(risk_rows([a_risk(r)])[0]) for r in RISKS}[risk] == text
    assert len({Words(a_diff()).risk(risk_rows([a_risk(r)])[0]) for r in RISKS}) == len(RISKS)


def test_endpoints_with_the_same_risk_share_a_row() -> None:
    cause = [a_cause()]
    found = [a_risk("dns-lost", f"ns/{n}", cause=cause) for n in range(5)]
    (row,) = risk_rows(found)
    assert Words(a_diff()).risk(row).startswith("ns (5 endpoints) can no longer")


def test_text_fits_80_columns() -> None:
    long = "a-rather-long-namespace-name/a-rather-long-endpoint-name"
    cause = [a_cause("p" * 60, FIELD, GONE, owner="@some/team")]
    pairs = [changed(f"{long}-{n}", f"{long}-x{n % 3}", cause, [Port("UDP", n + 1, n + 5)]) for n in range(60)]
    result = a_diff(pairs, [a_risk("from-internet", long, cause=cause)], counts=Counts(3, 60, 0, 0, 0))
    lines = "".join(diff_text(result)).splitlines()
    assert [line for line in lines if len(line) > 80 and " " in line.strip()] == []
    assert any(line.startswith("  … and 40 more connections") for line in lines)


def large() -> list[Changed]:
    """Ten namespaces of five endpoints that reach all others and the outside, each pair by an edit of its own."""
    names = [f"n{at}/{n}" for at in range(10) for n in range(5)]
    ports = [[Port("TCP", 1, 80)], [Port("TCP", 70, 443)]]
    pairs = [(a, b) for a in names for b in names if a.partition("/")[0] != b.partition("/")[0]]
    found = [changed(a, b, [a_cause(f"{a}-{n}") for n in range(5)], ports[at % 2]) for at, (a, b) in enumerate(pairs)]
    return [*found, *(changed(a, "0.0.0.0/0", [a_cause("out")]) for a in names)]


def test_what_is_too_much_to_be_listed_is_put_together() -> None:
    text = "".join(diff_text(a_diff(large(), closed=large()[:3])))
    opened, closed = text.split("\nOPENED: ")[1].split("\nCLOSED: ")
    assert opened.startswith("2,300 connections\nToo many to list here: -n NS, or -o json. By namespace:\n")
    assert "\n  10 namespaces -> 10 namespaces: 2,250 connections, TCP 1-443\n" in opened
    assert "\n  10 namespaces -> external addresses: 50 connections, TCP 80\n" in opened
    assert "\n  45 by NetworkPolicy ns/n0/0-0 added\n    a/p.yaml:3\n" in opened
    assert closed.startswith("3 connections\n  n0/0 -> n1/0: TCP 1-80\n")  # few are listed as ever
    assert "      and 2 more edits: -o json\n" in closed
    assert len(text.splitlines()) < 100


def test_a_comment_about_much_says_it_by_namespace() -> None:
    text = diff_markdown(a_diff(large()))
    assert "| 10 namespaces | 10 namespaces | 2,250 connections | TCP 1-443 |" in text
    assert "<details><summary>251 edits</summary>" in text
    assert len(text) < 10_000


def test_that_the_input_is_incomplete_is_never_cut() -> None:
    long = "a-namespace/" + "x" * 240
    pairs = [changed(f"{long}{n}", f"{long}y{n}", [a_cause("p" * 200 + str(n))]) for n in range(60)]
    text = diff_markdown(a_diff(pairs, closed=pairs, incomplete=["something is missing"]))
    assert "Cut here" in text
    assert "- something is missing\n" in text


def test_what_came_and_went_stands_apart() -> None:
    ends = Endpoints(["ns/new"], ["ns/gone"], [Changed("ns/new", "ns/x", HTTP, UNSET)], [])
    text = "".join(diff_text(a_diff(endpoints=ends)))
    assert "ADDED: 1 endpoint\n  ns/new\n  opens 1 connection:\n  ns/new -> ns/x: TCP 80\n" in text
    assert text.endswith("REMOVED: 1 endpoint\n  ns/gone\n")


# Markdown


def test_a_comment_is_never_too_long() -> None:
    long = "a-namespace/" + "x" * 240
    pairs = [changed(f"{long}{n}", f"{long}y{n}", [a_cause("p" * 200 + str(n))]) for n in range(60)]
    text = diff_markdown(a_diff(pairs, closed=pairs))
    assert len(text) <= 65_536
    assert len(text) > 60_000
    assert text.rstrip().endswith("`podwall diff … -o json`._")
    assert text.count("<details>") == text.count("</details>")


def test_what_fits_is_not_cut() -> None:
    text = diff_markdown(a_diff([changed("ns/a", "ns/b", [a_cause()])], [a_risk("from-internet")]))
    assert "Cut here" not in text
    assert ":warning: 1 risk" in text
    assert "| :warning: the internet (0.0.0.0/0) reaches ns/web: TCP 80 |" in text


def test_names_are_text_and_nothing_else() -> None:
    cause = [a_cause("p", owner="@org/team")]
    odd = RiskFound("from-internet", "ns/<b>|*x*_y_", ["0.0.0.0/0"], HTTP, cause, added=False)
    text = diff_markdown(a_diff([changed("ns/<img src=x>", "ns/a|b", cause)], [odd]))
    assert "<b>" not in text
    assert "<img" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ns/") or "reaches" in line]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [3, 4]
    outside = re.sub(r"<code>.*?</code>|<summary>.*?</summary>", "", text)
    assert "@org" not in outside
