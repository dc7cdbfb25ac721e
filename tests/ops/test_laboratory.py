"""What a lab's answer says of differences, on outcomes that are made up: no kernel of ours does otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import UNSET

from podwall.lab.enforcing import Denial
from podwall.lab.probe import Outcome, Probe, Seen
from podwall.lab.session import Ran
from podwall.ops.inputs import Inputs, open_cluster
from podwall.ops.laboratory import Prepared, Shown, Wanted, prepare, probes_of, shown
from podwall.report.lab import lab_text
from podwall.report.public_explanation import Explanation
from podwall.report.public_lab import Logged, Mismatch
from tests.cli.program import SHOP

Kernel = Callable[[Probe], Outcome]
WEB, CATALOG = "shop/web", "shop/catalog"


@pytest.fixture(scope="module")
def lab() -> Prepared:
    return prepare(open_cluster(Inputs(filenames=(str(SHOP / "good"),))), Wanted())


def obedient(probe: Probe) -> Outcome:
    target = probe.targets[0]
    return Outcome(Seen.ALLOW, (target.address, target.port)) if probe.allowed else Outcome(Seen.TIMEOUT)


def ran(lab: Prepared, kernel: Kernel) -> Shown:
    probes = [lab.asker.probe(question) for question in probes_of(lab, None)[0]]
    denials = [
        Denial("node-1", p.sender, p.targets[0].address, p.protocol, p.targets[0].port, "pw1|E|I|g|1 and so on")
        for p in probes
        if (p.source, p.destination) == (WEB, CATALOG)
    ]
    return shown(lab, probes, Ran([kernel(probe) for probe in probes], denials, 0.5, 2.25))


def text(found: Shown) -> list[str]:
    lines = "".join(lab_text(found.answer, found.scene, found.excerpts)).splitlines()
    assert [line for line in lines if len(line) > 80] == []
    return lines


def but(pair: tuple[str, str], port: int, outcome: Outcome) -> Kernel:
    def kernel(probe: Probe) -> Outcome:
        meant = (probe.source, probe.destination, probe.protocol, probe.port) == (*pair, "TCP", port)
        return outcome if meant else obedient(probe)

    return kernel


def only(found: Shown) -> Mismatch:
    (mismatch,) = found.answer.mismatches
    return mismatch


def test_all_as_predicted(lab: Prepared) -> None:
    found = ran(lab, obedient)
    answer = found.answer
    assert (answer.mismatches, answer.endpoints, answer.seconds, answer.sampledFrom) == ([], 13, 2.25, UNSET)
    assert answer.allowed + answer.denied == answer.probes == len(probes_of(lab, None)[0])
    lines = text(found)
    assert lines[-2:] == [
        f"{answer.probes:,} probes in 2.2 s, of which the network took 0.5 s",
        "The kernel does what the engine says.",
    ]
    cells = [[int(word.replace(",", "")) for word in line.split()[2:]] for line in lines[4:-3]]
    assert [sum(column) for column in zip(*cells, strict=True)] == [
        *[answer.allowed, answer.denied],
        *[answer.allowed, answer.denied],
        0,
    ]


def test_what_is_dropped_is_told_with_rule_and_log(lab: Prepared) -> None:
    found = ran(lab, but((WEB, CATALOG), 8080, Outcome(Seen.TIMEOUT)))
    mismatch = only(found)
    assert (mismatch.src, mismatch.dst, mismatch.port, mismatch.predicted, mismatch.seen) == (
        *[WEB, CATALOG],
        *[8080, "allow", "timeout"],
    )
    assert mismatch.log == [Logged("node-1", "pw1|E|I|g|1 and so on")]
    assert isinstance(mismatch.explanation, Explanation)
    assert mismatch.explanation.verdict == "allow"
    lines = text(found)
    start = lines.index("DIFFERENT shop/web -> shop/catalog")
    assert lines[start + 1 : start + 5] == [
        "  TCP 8080: predicted allow, seen: no answer",
        "    kernel of node-1: pw1|E|I|g|1 and so on",
        "The engine, about TCP 8080:",
        "EGRESS of shop/web: allowed by shop/web spec.egress[0].to[0]",
    ]
    assert any("shop-policies.yaml:" in line for line in lines[start:])
    assert lines[-1] == f"1 of {found.answer.probes:,} probes went ANOTHER WAY than predicted"


SEEN = [
    (Outcome(Seen.REFUSED), UNSET, UNSET, "refused"),
    (Outcome(Seen.ERROR, note="no route"), "no route", UNSET, "error, no route"),
    (Outcome(Seen.ALLOW, ("10.9.9.9", 1)), UNSET, "10.9.9.9", "answered by 10.9.9.9"),
]


@pytest.mark.parametrize(("outcome", "note", "by", "said"), SEEN)
def test_what_else_can_be_seen(lab: Prepared, outcome: Outcome, note: object, by: object, said: str) -> None:
    found = ran(lab, but((WEB, CATALOG), 8080, outcome))
    mismatch = only(found)
    assert (mismatch.note, mismatch.by) == (note, by)
    assert f"  TCP 8080: predicted allow, seen: {said}" in text(found)


def test_a_leak_is_told_with_what_should_have_stopped_it(lab: Prepared) -> None:
    leaked = next(p for p in (lab.asker.probe(q) for q in probes_of(lab, None)[0]) if p.source == WEB and not p.allowed)
    target = leaked.targets[0]

    def leaky(probe: Probe) -> Outcome:
        return Outcome(Seen.ALLOW, (target.address, target.port)) if probe == leaked else obedient(probe)

    found = ran(lab, leaky)
    mismatch = only(found)
    assert (mismatch.predicted, mismatch.seen, mismatch.by) == ("deny", "allow", UNSET)
    assert isinstance(mismatch.explanation, Explanation)
    assert mismatch.explanation.verdict == "deny"
    assert any("DENIED" in line for line in text(found))


def test_only_the_first_of_a_pair_and_of_the_first_pairs_is_explained(lab: Prepared) -> None:
    found = ran(lab, lambda probe: Outcome(Seen.ERROR, note="cable cut"))
    explained = [m for m in found.answer.mismatches if m.explanation is not UNSET]
    assert len(found.answer.mismatches) == found.answer.probes
    assert len(explained) == len({(m.src, m.dst) for m in explained}) == 20
    lines = text(found)
    assert len(lines) < 2000
    assert any(line.startswith("and ") and line.endswith("more pairs: -o json") for line in lines)


def test_the_same_outcomes_in_the_same_words(lab: Prepared) -> None:
    cut = but((WEB, CATALOG), 8080, Outcome(Seen.TIMEOUT))
    assert text(ran(lab, cut)) == text(
        ran(prepare(open_cluster(Inputs(filenames=(str(SHOP / "good"),))), Wanted()), cut)
    )
