"""podwall check --flows: observed traffic as a fact of PW180 and PW181."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import SHOP, Done, podwall

FIRST, LAST = "2026-09-01T08:00:00Z", "2026-11-20T17:30:00.123456789Z"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edge(src: str, dst: str, port: int | None, protocol: str = "TCP", **more: Any) -> dict[str, Any]:
    return {
        "src": src,
        "dst": dst,
        "protocol": protocol,
        "port": port,
        "count": 12,
        "first": FIRST,
        "last": LAST,
        "days": 9,
        "verdicts": {"allow": 12},
        "sources": ["hubble"],
        **more,
    }


def document(*edges: object, kind: str = "Edges") -> str:
    return json.dumps({"apiVersion": "podwall.io/v1", "kind": kind, "edges": list(edges)}, indent=1)


def check(text: str, *arguments: str | Path, folder: str = "good") -> Done:
    Path("edges.json").write_text(text, encoding="utf-8")
    return podwall("check", "-f", SHOP / folder, "--flows", "edges.json", *arguments)


def found(done: Done, rule: str) -> list[dict[str, Any]]:
    return [finding for finding in done.json["findings"] if finding["id"] == rule]


OBSERVED = edge("shop/web", "shop/catalog", 8080)
STRANGER = edge("shop/web", "payments/ledger-db", 5432)


def test_traffic_that_the_policies_deny_is_an_error_with_its_connection() -> None:
    done = check(document(OBSERVED, STRANGER), "-o", "json", "--select", "PW181")
    assert done.code == 1
    said = found(done, "PW181")
    assert {f["severity"] for f in said} == {"error"}
    assert [(f["object"]["name"], f["path"]) for f in said] == [("ledger-db", "spec.ingress"), ("web", "spec.egress")]
    witness = {"src": "shop/web", "dst": "payments/ledger-db", "protocol": "TCP", "port": 5432}
    assert [f["witness"] for f in said] == [witness, witness]
    for one in said:
        asked = podwall("explain", "-f", SHOP / "good", one["witness"]["src"], one["witness"]["dst"], "5432")
        assert asked.code == 1


def test_the_slip_of_the_broken_shop_cuts_off_what_is_in_use() -> None:
    done = check(document(OBSERVED), "-o", "json", "--select", "PW181", folder="broken")
    assert [(f["object"]["name"], f["line"] is not None) for f in found(done, "PW181")] == [("catalog", True)]


def test_what_nobody_uses_is_said_once_enough_was_seen() -> None:
    done = check(document(OBSERVED), "-o", "json", "--select", "PW180")
    assert done.code == 0
    said = found(done, "PW180")
    assert {f["severity"] for f in said} == {"info"}
    assert ("shop", "web", "spec.egress[0]") not in {_place(f) for f in said}
    assert {f["object"]["namespace"] for f in said} == {"shop"}  # no other was watched
    for one in said:
        port = f"{one['witness']['port']}/{one['witness']['protocol']}"
        asked = podwall("explain", "-f", SHOP / "good", one["witness"]["src"], one["witness"]["dst"], port)
        assert asked.code == 0
    assert found(check(document(OBSERVED), "-o", "json", "--unused-days", "81"), "PW180") == []


def _place(finding: dict[str, Any]) -> tuple[str, str, str]:
    return finding["object"]["namespace"], finding["object"]["name"], finding["path"]


def test_without_the_file_both_are_silent_and_say_so() -> None:
    done = podwall("check", "-f", SHOP / "good", "-o", "json")
    assert done.json["findings"] == []
    fact = {"about": "every rule", "lacks": "observed traffic", "flag": "--flows"}
    assert done.json["skipped"] == [{"id": "PW180", **fact}, {"id": "PW181", **fact}]
    assert "not asked" not in podwall("check", "-f", SHOP / "good").out  # it is nothing that a run lacks
    told = podwall("check", "-f", SHOP / "good", "--explain-skipped").out
    assert "PW181 every rule: needs observed traffic (--flows)" in told


def test_edges_that_cannot_be_judged_are_named_not_guessed() -> None:
    edges = [edge("shop/gone", "shop/web", 80), edge("shop/web", "shop/catalog", 45000), edge("a/b", "shop/web", None)]
    done = check(document(*edges, edge("shop/web", "shop/catalog", 1, verdicts={})), "-o", "json", "--select", "PW181")
    assert done.json["findings"] == []
    assert [(one["about"], one["lacks"]) for one in done.json["skipped"]] == [
        ("shop/gone -> shop/web TCP 80", "both ends"),
        ("shop/web -> shop/catalog TCP 1", "whether it went through"),
        ("shop/web -> shop/catalog TCP 45000", "who listens on a port of clients"),
    ]


def test_several_files_packed_ones_and_standard_input() -> None:
    Path("one.json.gz").write_bytes(gzip.compress(document(OBSERVED).encode()))
    done = podwall(
        *("check", "-f", SHOP / "good", "--flows", "one.json.gz", "--flows", "-", "-o", "json"),
        stdin=document(STRANGER),
    )
    assert len(found(done, "PW181")) == 2


def test_the_number_of_days_is_that_of_the_project_where_no_flag_says_another(here: Path) -> None:
    (here / ".podwall.yaml").write_text("check: {unusedDays: 81}\n", encoding="utf-8")
    assert found(check(document(OBSERVED), "-o", "json"), "PW180") == []
    assert found(check(document(OBSERVED), "-o", "json", "--unused-days", "30"), "PW180") != []


WRONG = {
    "{": "edges.json:1: ",
    "[]": "edges.json:1: Expected `object`, got `array`",
    document(kind="Findings"): "edges.json:3: kind: is podwall.io/v1 Findings, not podwall.io/v1 Edges",
    document(edge("a/b", "a/c", 70000)): "edges.json:9: edges[0].port: port 70000 is not between 1 and 65535",
    document(OBSERVED, {**OBSERVED, "port": "http"}): "edges[1].port: Expected `int | null`, got `str`",
    document(edge("a/b", "a/c", 80, last="yesterday")): "edges[0].last: 'yesterday' is no time",
    document(OBSERVED) * 2: "one document",
    "": "one document",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: WRONG[text])
def test_what_is_no_such_document_is_an_input_error_with_its_place(text: str) -> None:
    done = check(text)
    assert (done.code, done.out) == (2, "")
    assert WRONG[text] in done.err


@pytest.mark.parametrize(
    "arguments", [("--flows", "."), ("--flows", "missing.json"), ("--unused-days", "0"), ("--unused-days", "many")]
)
def test_flags_that_cannot_be(arguments: tuple[str, ...]) -> None:
    done = podwall("check", "-f", SHOP / "good", *arguments)
    assert (done.code, done.out) == (2, "")


def test_standard_input_is_not_read_twice() -> None:
    done = podwall("check", "-f", "-", "--flows", "-", stdin=document(OBSERVED))
    assert done.code == 2
    assert "standard input is read already" in done.err


def test_fixes_are_proved_with_the_same_facts() -> None:
    Path("deny.yaml").write_text(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny}\nspec: {podSelector: {}}\n"
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\n",
        encoding="utf-8",
    )
    done = podwall("check", "-f", "deny.yaml", "--flows", "-", "--fix", stdin=document(OBSERVED))
    assert done.code in (0, 1), done.err
