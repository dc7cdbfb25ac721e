"""Every case of tests/cases through the product's own reader and the engine, as JSON and as YAML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from podwall.check.facts import Facts, Options
from podwall.cluster.profile import PROFILES
from podwall.engine.model import Model
from podwall.errors import UnknownReference
from tests.truth.cases import Case, Line, Said, load_cases
from tests.truth.engine import Read, as_json, as_stream, ask, known, read_text

KINDS = {"NetworkPolicy", "ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"}
CASES = load_cases()
ASKED = [case for case in CASES if case.expect]
WRONG = [case for case in CASES if case.problems]
WARNED = [case for case in CASES if case.warnings]
FORMS = ("list", "stream", "yaml")


def read(case: Case, form: str) -> Read:
    """The objects of a case, as a List, as a stream of JSON, or as they stand in the file."""
    if form == "yaml":
        _, _, objects = case.file.read_bytes().partition(b"\n---\n")
        data, name = objects, case.file.name
    else:
        data, name = as_json(case.objects) if form == "list" else as_stream(case.objects), "input.json"
    channel = case.channel or PROFILES[case.cni].channel
    return read_text(data, name, case.namespace, channel=channel, admitted=case.admitted)


def answer(model: Model, line: Line) -> str:
    """The verdict on one line of a case; a port as a user writes it, `80/udp`, has its protocol in any letter case."""
    if line.port is None:
        return "error"  # a question always has a port
    query = {"src": line.src, "dst": line.dst, "protocol": line.protocol.upper(), "port": line.port}
    try:
        return str(ask(model, query if line.family is None else {**query, "family": line.family})["verdict"])
    except UnknownReference:
        return "error"


def stems(cases: Sequence[Case]) -> list[str]:
    return [case.file.stem for case in cases]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", ASKED, ids=stems(ASKED))
def test_verdicts(case: Case, form: str) -> None:
    assert set(case.needs) <= KINDS
    given = read(case, form)
    assert (given.unreadable, given.problems) == ((), ())
    model = Model(given.assembled.cluster, PROFILES[case.cni], case.pod_cidrs, case.namespace, known(case.resolutions))
    got = [f"{line.text.rpartition(' ')[0]} {answer(model, line)}" for line in case.expect]
    assert got == [line.text for line in case.expect]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", WRONG, ids=stems(WRONG))
def test_problems_are_exactly_these(case: Case, form: str) -> None:
    assert set(case.needs) <= KINDS
    given = read(case, form)
    assert given.unreadable == ()
    unmatched = [f for f in given.problems if not any(fits(said, f) for said in case.problems)]
    assert unmatched == []
    assert one_to_one(case.problems, given.problems), given.problems


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", WARNED, ids=stems(WARNED))
def test_warnings_are_given(case: Case, form: str) -> None:
    given = read(case, form)
    missing = [said for said in case.warnings if not any(fits(said, f) for f in given.warnings)]
    assert missing == [], given.warnings


@pytest.mark.parametrize("case", [c for c in CASES if c.complete], ids=lambda c: c.file.stem)
def test_complete_namespaces(case: Case) -> None:
    """Which namespaces the checks take to be given as a whole (D18)."""
    cluster = read(case, "yaml").assembled.cluster
    facts = Facts(Model(cluster, PROFILES[case.cni]), Options(dt.date(2026, 11, 21)))
    assert {name: facts.is_given(name) for name in case.complete} == case.complete


def fits(said: Said, found: tuple[str, str]) -> bool:
    """Whether a mistake is one that the case speaks of; empty means any."""
    path, message = found
    return said.path in ("", path) and said.says in message


def one_to_one(said: Sequence[Said], found: Sequence[tuple[str, str]]) -> bool:
    """Whether every expected mistake has one of its own, and none is left."""
    if not said:
        return not found
    first, *others = said
    return any(fits(first, f) and one_to_one(others, [*found[:i], *found[i + 1 :]]) for i, f in enumerate(found))
