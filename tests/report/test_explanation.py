"""The text of `explain`: what it says of the shop's three slips and of two connections that work, to the letter."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from podwall.engine.labels import Term
from podwall.engine.nearmiss import (
    FailedTerm,
    NamespaceLabel,
    NodeLabel,
    OtherNamespace,
    OtherNumber,
    OtherPort,
    OutsideBlock,
    PodLabel,
    Role,
)
from podwall.engine.rules import NamedPort, PortRange
from podwall.engine.sets import AddrSet
from podwall.ops.explaining import asking, explain
from podwall.ops.inputs import Inputs, open_cluster
from podwall.report.explanation import explanation_text
from podwall.report.terms import missed_term
from podwall.report.wording import listed, wrapped

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((Path(__file__).parent / "explanations").glob("*.txt"))


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_golden(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command, _, want = path.read_text(encoding="utf-8").partition("\n")
    got = text_of(shlex.split(command))
    assert got == want
    too_wide = [line for line in got.splitlines() if len(line) > 80]
    assert all("kubectl patch" in line for line in too_wide)  # to be copied


def text_of(words: list[str]) -> str:
    """What `$ podwall explain SRC DST [PORT] [--change] -f DIR` prints."""
    asked = [word for word in words[3 : words.index("-f")] if word != "--change"]
    src, dst, port = (*asked, None)[:3]
    opened = open_cluster(Inputs((words[words.index("-f") + 1],)))
    assert src is not None
    assert dst is not None
    found = explain(opened, asking(src, dst, port, change="--change" in words))
    return "".join(explanation_text(found.answer, found.excerpts))


WEB = frozenset({"web"})
TERMS: list[tuple[FailedTerm, str]] = [
    (PodLabel(Role.PEER, "db/pg", Term("app", WEB), "pg"), "label app=web on pod db/pg, which has app=pg"),
    (PodLabel(Role.PEER, "db/pg", Term("app", WEB), None), "label app=web on pod db/pg, which has no label app"),
    (
        PodLabel(Role.SUBJECT, "db/pg", Term("app", frozenset({"a", "b"})), "c"),
        "label app in (a,b) on pod db/pg, which has app=c",
    ),
    (
        PodLabel(Role.PEER, "db/pg", Term("app", WEB, complement=True), "web"),
        "label app!=web on pod db/pg, which has app=web",
    ),
    (
        PodLabel(Role.PEER, "db/pg", Term("app", frozenset({None}), complement=True), None),
        "label app on pod db/pg, which has no label app",
    ),
    (PodLabel(Role.PEER, "db/pg", Term("app", frozenset({None})), "x"), "label !app on pod db/pg, which has app=x"),
    (
        NamespaceLabel(Role.PEER, "b", Term("team", frozenset({"blue"})), None),
        "label team=blue on namespace b, which has no label team",
    ),
    (NodeLabel("n1", Term("zone", frozenset({"z"})), "y"), "label zone=z on node n1, which has zone=y"),
    (
        OtherNamespace("shop", "payments"),
        "namespace payments: without a namespaceSelector the peer means pods of shop only",
    ),
    (
        OutsideBlock("10.0.0.1", AddrSet.of("192.0.2.0/24")),
        "address 10.0.0.1, which is not in 192.0.2.0/24",
    ),
    (OtherPort("TCP", 8081, PortRange("TCP", 8000, 8080)), "port 8081, which is not in 8000-8080"),
    (OtherPort("TCP", 81, PortRange("TCP", 80, 80)), "port 81, which is not 80"),
    (OtherPort("UDP", 53, PortRange("TCP", 53, 53)), "protocol UDP: the rule says TCP 53"),
    (OtherPort("UDP", 53, PortRange("TCP", 1, 65535)), "protocol UDP: the rule says TCP all"),
    (
        OtherNumber("TCP", 8080, NamedPort("TCP", "http"), "db/pg", (80,)),
        "named port http, which is 80 on db/pg, not 8080",
    ),
    (
        OtherNumber("TCP", 8080, NamedPort("", "http"), "db/pg", ()),
        "named port http, which db/pg does not have",
    ),
    (
        OtherNumber("UDP", 8080, NamedPort("TCP", "http"), "db/pg", (8080,)),
        "protocol UDP: the rule says TCP http",
    ),
]


@pytest.mark.parametrize(("term", "want"), TERMS)
def test_terms(term: FailedTerm, want: str) -> None:
    assert missed_term(term).text == want


def test_lists() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


def test_long_names_are_never_broken() -> None:
    name = "n" * 90
    assert list(wrapped(f"  from {name}", "    ")) == ["  from", f"    {name}"]
