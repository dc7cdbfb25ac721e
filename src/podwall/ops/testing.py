"""podwall test: assertions judged on one cluster, explained where they fail, and held against edits of its policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec import UNSET, Struct

from podwall.cluster.wellknown import Definition
from podwall.engine.sets import PortSet
from podwall.errors import InputError, InvalidInput, Problem
from podwall.expect.ends import Ends
from podwall.expect.expectation import Expectation
from podwall.expect.judge import Breach, Outcome, judge, prepared
from podwall.expect.parse import KIND, Given, Parsed, parse
from podwall.expect.schema import schema
from podwall.expect.world import World
from podwall.ops.covering import Judged, covered
from podwall.ops.explaining import Explained, explain
from podwall.ops.failing import question
from podwall.ops.inputs import Opened
from podwall.report import json
from podwall.report import public_testing as public
from podwall.report.explanation import Excerpts
from podwall.report.public import API_VERSION, Port
from podwall.sources import files

__all__ = ["Asked", "Tested", "assess", "read_expectations", "schema_text"]

MOST_EXPLAINED = 20  # failures; others are only named


class Asked(Struct, frozen=True):
    """What is to be done: the assertions, whether to look for what they miss, and how much must be noticed."""

    expectations: tuple[Expectation, ...]
    coverage: bool = False
    minimum: float | None = None


class Tested(Struct, frozen=True):
    """The public answer, and for each explanation in it what text shows of the rules.

    `differences` are those of mismatches, by number; the static run has none.
    """

    answer: public.Report
    explained: Mapping[int, Explained]
    differences: Mapping[int, Excerpts] = {}

    @property
    def ok(self) -> bool:
        """Whether everything holds, packets go where they should, and enough would be noticed."""
        held = all(one.ok for one in self.answer.expectations)
        return held and not self.answer.mismatches and not self.uncovered

    @property
    def uncovered(self) -> bool:
        """Whether less would be noticed than is asked for."""
        found = self.answer.coverage
        return isinstance(found, public.Coverage) and found.minimum is not None and found.percent < found.minimum


# Reading


def read_expectations(
    filenames: Sequence[str], namespace: str = "default", sets: Mapping[str, Definition] | None = None
) -> tuple[Expectation, ...]:
    """The assertions of files and directories, in order of place; `sets` are those of the project.

    Raises InputError for what cannot be read or holds none, InvalidInput with every mistake of all files.
    """
    given = Given(namespace, sets or {})
    found: list[Expectation] = []
    problems: list[Problem] = []
    for text in _texts(filenames):
        parsed = parse(text.data, text.name, given)
        problems += parsed.problems
        found += parsed.expectations
        if parsed.others and not text.walked:
            problems.append(_other(text.name, parsed))
    if problems:
        raise InvalidInput(problems)
    if not found:
        raise InputError(f"no assertions in {', '.join(filenames)}: podwall test --write drafts some")
    return tuple(sorted(found, key=lambda e: (e.file, e.line)))


def _texts(filenames: Sequence[str]) -> Iterator[files.Text]:
    """Each text once, whatever leads to it."""
    seen: set[str] = set()
    for filename in filenames:
        for found in files.read(filename):
            if found.text is not None and found.text.name not in seen:
                seen.add(found.text.name)
                yield found.text


def _other(name: str, parsed: Parsed) -> Problem:
    kinds = ", ".join(sorted(set(parsed.others)))
    return Problem(name, "", f"holds {kinds} and not {KIND}: manifests are given with -f")


def schema_text() -> str:
    """The JSON Schema of assertions files."""
    return json.document(schema())


# Judging


def assess(opened: Opened, asked: Asked) -> Tested:
    """Everything that came of it."""
    model = opened.model
    ends = Ends(model)
    found = [prepared(ends, expectation) for expectation in asked.expectations]
    world = World(model, (node for one in found for node in one.nodes))
    outcomes = [judge(world, one) for one in found]
    explained = dict(_explained(opened, world, outcomes))
    answer = public.Report(
        apiVersion=API_VERSION,
        kind="TestReport",
        profile=model.profile.name,
        endpoints=len(model.groups(model.reach)),
        probes=sum(outcome.pairs for outcome in outcomes),
        allowed=sum(outcome.open for outcome in outcomes),
        denied=sum(outcome.pairs - outcome.open for outcome in outcomes),
        mismatches=[],
        seconds=0.0,
        expectations=[_expected(outcome, explained.get(n)) for n, outcome in enumerate(outcomes)],
        coverage=covered(opened, Judged(world, ends, outcomes), asked.minimum) if asked.coverage else UNSET,
        incomplete=list(opened.incomplete),
    )
    return Tested(answer, explained)


def _expected(outcome: Outcome, explained: Explained | None) -> public.Expected:
    expectation = outcome.expectation
    want, other = ("allow", "deny") if expectation.allow else ("deny", "allow")
    wrong = 0 if outcome.holds else outcome.pairs - outcome.open if expectation.allow else outcome.open
    return public.Expected(
        text=expectation.text,
        want=want,
        got=want if outcome.holds else other if outcome.pairs else "none",
        ok=outcome.holds,
        file=expectation.file,
        line=expectation.line,
        because=expectation.because or None,
        pairs=outcome.pairs,
        open=outcome.open,
        problem=outcome.problem or None,
        failures=[_breach(breach) for breach in outcome.breaches],
        moreFailures=wrong - len(outcome.breaches),
        explanation=explained.answer if explained else UNSET,
    )


def _breach(breach: Breach) -> public.Breach:
    return public.Breach(breach.source.name, breach.destination.name, breach.family, _ports(breach.ports))


def _ports(ports: PortSet) -> list[Port]:
    return [Port(*span) for span in ports.ranges()]


# Explaining


def _explained(opened: Opened, world: World, outcomes: Iterable[Outcome]) -> Iterator[tuple[int, Explained]]:
    """The first failures, each by the first of its pairs."""
    asked = ((n, question(world, outcome)) for n, outcome in enumerate(outcomes) if outcome.breaches)
    found = ((number, asking) for number, asking in asked if asking is not None)
    for number, asking in islice(found, MOST_EXPLAINED):
        yield number, explain(opened, asking)
