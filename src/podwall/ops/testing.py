"""podwall test: assertions judged on one cluster, explained where they fail, and held against edits of its policies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import UNSET, Struct

from podwall.cluster.wellknown import Definition
from podwall.engine.sets import AddrSet, PortSet
from podwall.errors import InputError, InvalidInput, Problem
from podwall.expect.ends import Ends
from podwall.expect.expectation import Expectation
from podwall.expect.judge import Breach, Outcome, judge, prepared
from podwall.expect.parse import KIND, Given, Parsed, parse
from podwall.expect.schema import schema
from podwall.expect.sides import Unit
from podwall.expect.world import World
from podwall.ops.covering import Judged, covered
from podwall.ops.explaining import Asking, Explained, explain
from podwall.ops.inputs import Opened
from podwall.report import json
from podwall.report import public_testing as public
from podwall.report.public import API_VERSION, Port
from podwall.sources import files

__all__ = ["Asked", "Tested", "read_expectations", "schema_text", "tested"]

MOST_EXPLAINED = 20  # failures; others are only named


class Asked(Struct, frozen=True):
    """What is to be done: the assertions, whether to look for what they miss, and how much must be noticed."""

    expectations: tuple[Expectation, ...]
    coverage: bool = False
    minimum: float | None = None


class Tested(Struct, frozen=True):
    """The public answer, and for each explanation in it what text shows of the rules."""

    answer: public.Report
    explained: Mapping[int, Explained]

    @property
    def ok(self) -> bool:
        """Whether everything holds, and enough would be noticed."""
        return all(one.ok for one in self.answer.expectations) and not self.uncovered

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


def tested(opened: Opened, asked: Asked) -> Tested:
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
    failed = [(n, outcome) for n, outcome in enumerate(outcomes) if outcome.breaches]
    for number, outcome in failed[:MOST_EXPLAINED]:
        yield number, explain(opened, _asking(world, outcome.breaches[0], allow=outcome.expectation.allow))


def _asking(world: World, breach: Breach, *, allow: bool) -> Asking:
    source, destination = _representatives(world, breach)
    own = world.endpoints[destination].ports if destination >= 0 else ()
    declared = ((port.protocol, port.number) for port in own)
    first = next((protocol, number) for protocol, number, _ in breach.ports.ranges())
    protocol, port = next((port for port in declared if port in breach.ports), first)
    near = source >= 0 and destination >= 0 and world.own_node(source, destination)
    return Asking(
        _reference(world, breach.source, source, breach.family, near=near),
        _reference(world, breach.destination, destination, breach.family, near=near),
        port,
        protocol,
        breach.family,
        change=not allow,
    )


def _representatives(world: World, breach: Breach) -> tuple[int, int]:
    """An endpoint of each unit: where one is on the node of the other, those two; -1 outside of the cluster."""
    for source in breach.source.numbers[:1]:
        for destination in breach.destination.numbers:
            if world.own_node(source, destination):
                return source, destination
    first = (numbers[0] if numbers else -1 for numbers in (breach.source.numbers, breach.destination.numbers))
    return next(first), next(first)


def _reference(world: World, unit: Unit, number: int, family: int, *, near: bool) -> str:
    """What `explain` knows an end by; pods by their own names where it counts on which node they are."""
    if number < 0:
        return _address(unit, family)
    endpoint = world.endpoints[number]
    if endpoint.kind == "Node":
        return next(a for a in endpoint.addresses if (":" in a) == (family == 6))
    return f"{endpoint.namespace}/{endpoint.kind}/{endpoint.name}" if near else world.name(number)


def _address(unit: Unit, family: int) -> str:
    """One of the addresses, not the first of a block, which is not a host's."""
    first, last = unit.addresses.family(family).spans[0]
    return AddrSet(((min(first + 1, last),) * 2,)).cidrs()[0].partition("/")[0]
