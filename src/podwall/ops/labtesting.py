"""podwall test --lab: assertions judged by real packets; what fails is explained as without a lab."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random

import msgspec
from msgspec import UNSET, Struct

from podwall.engine.sets import AddrSet
from podwall.expect.ends import Ends
from podwall.expect.expectation import Expectation
from podwall.expect.judge import Prepared as Ready
from podwall.expect.judge import prepared as ready
from podwall.lab.asking import Question
from podwall.lab.assertions import Judged, Seats, judged, questions, some_of
from podwall.lab.session import Extras, Ran, probed
from podwall.ops.inputs import Opened
from podwall.ops.laboratory import MOST_PROBES, SEED, Prepared, Started, Wanted, differing, prepare
from podwall.ops.testing import Asked, Tested, assess
from podwall.report import public_testing as public
from podwall.report.public import Port
from podwall.report.wording import counted

__all__ = ["TestedInLab", "assess_in_lab"]

_MOST_NAMED = 5


class TestedInLab(Struct, frozen=True):
    """What came of the assertions, and what is told beside that."""

    tested: Tested
    asides: tuple[str, ...]


class _Asking(Struct, frozen=True):
    """The questions of each assertion, all of them once, and how many there would have been without a limit."""

    parts: list[list[Question]]
    all: list[Question]
    total: int


def assess_in_lab(opened: Opened, asked: Asked, wanted: Wanted, started: Started) -> TestedInLab:
    """Everything that came of it. Raises LabUnavailable."""
    expectations = asked.expectations
    ends = Ends(opened.model)
    asserted = [ready(ends, expectation) for expectation in expectations]
    lab = prepare(opened, wanted, tuple(_outside(asserted)))
    asking = _asking(lab, asserted, wanted.sample or MOST_PROBES)
    probes = [lab.asker.probe(question) for question in asking.all]
    ran = probed(lab.lab, probes, Extras(wanted.keep, wanted.capture), started(len(probes)))
    outcomes = dict(zip(asking.all, ran.outcomes, strict=True))
    found = [judged(lab.asker, *pair, outcomes) for pair in zip(expectations, asking.parts, strict=True)]
    mismatches, lines = differing(lab, probes, ran)
    static = assess(opened, asked)
    answer = _answer(static, expectations, found, (sum(p.allowed for p in probes), len(probes)), ran)
    tested = Tested(
        msgspec.structs.replace(answer, mismatches=mismatches),
        {n: held for n, held in static.explained.items() if answer.expectations[n].explanation is not UNSET},
        lines,
    )
    return TestedInLab(tested, (*_said(asking, answer, found), *ran.asides))


def _outside(asserted: Iterable[Ready]) -> Iterator[AddrSet]:
    """The addresses outside that assertions name: each is to have somebody who stands for it."""
    for one in asserted:
        for found in (one.source, one.destination):
            if found is not None:
                yield from (outside.addresses for outside in found.outside)


def _asking(lab: Prepared, asserted: Sequence[Ready], most: int) -> _Asking:
    seats = Seats(lab.asker, lab.ports)
    parts = [questions(seats, lab.asker, one) for one in asserted]
    total = len({question for part in parts for question in part})
    if total > most:
        random = Random(SEED)  # noqa: S311 - a sample is no secret
        parts = [some_of(part, max(most // len(parts), 1), random) for part in parts]
    unique = {question for part in parts for question in part}
    ordered = sorted(unique, key=lambda q: (q.source, q.destination, q.protocol, q.port, q.family))
    return _Asking(parts, ordered, total)


def _answer(
    static: Tested, expectations: Iterable[Expectation], found: Iterable[Judged], sent: tuple[int, int], ran: Ran
) -> public.Report:
    allowed, probes = sent
    held = zip(static.answer.expectations, expectations, found, strict=True)
    return msgspec.structs.replace(
        static.answer,
        probes=probes,
        allowed=allowed,
        denied=probes - allowed,
        seconds=round(ran.seconds, 3),
        expectations=[_expected(*one) for one in held],
    )


def _expected(static: public.Expected, asserted: Expectation, seen: Judged) -> public.Expected:
    """An assertion as packets show it; one that is about no two endpoints of the lab stays as the engine judges it."""
    if not seen.pairs:
        return static
    holds = seen.holds(asserted)
    other = "deny" if asserted.allow else "allow"
    wrong = () if holds else seen.wrong
    return msgspec.structs.replace(
        static,
        got=static.want if holds else other,
        ok=holds,
        pairs=seen.pairs,
        open=seen.open,
        failures=[
            public.Breach(w.source, w.destination, w.family, [Port(*span) for span in w.ports.ranges()])
            for w in wrong[:_MOST_NAMED]
        ],
        moreFailures=max(len(wrong) - _MOST_NAMED, 0),
        explanation=UNSET if holds else static.explanation,
    )


def _said(asking: _Asking, answer: public.Report, found: Sequence[Judged]) -> Iterator[str]:
    if len(asking.all) < asking.total:
        yield f"a sample of {len(asking.all):,} of {asking.total:,} probes: --sample N for another size"
    unseen = sum(not seen.pairs and not one.problem for seen, one in zip(found, answer.expectations, strict=True))
    if unseen:
        about = "is about no two endpoints" if unseen == 1 else "are about no two endpoints"
        yield f"{counted(unseen, 'assertion')} {about} of the lab, and judged without packets (see --replicas)"
