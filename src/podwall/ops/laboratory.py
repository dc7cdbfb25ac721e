"""podwall lab: a cluster as namespaces on this machine, its policies in the kernel, and real packets between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec import UNSET, Struct, UnsetType

from podwall.engine.sets import AddrSet
from podwall.errors import InputError
from podwall.lab.asking import Asker, Question
from podwall.lab.plan import Link, Plan, SeatKind
from podwall.lab.planning import LabOptions, plan_of
from podwall.lab.ports import Ports, ports_of
from podwall.lab.probe import Outcome, Probe, Seen, Target
from podwall.lab.probes import Progress
from podwall.lab.sampling import every, number_of, sample
from podwall.lab.seated import Seated, seated
from podwall.lab.session import Extras, Lab, Ran, entered, probed, seat_named
from podwall.ops.evidence import Evidence, allow_or_deny
from podwall.ops.explaining import excerpts
from podwall.ops.inputs import Opened
from podwall.report import public_explanation
from podwall.report.explanation import Excerpts
from podwall.report.lab import Scene, Way
from podwall.report.public import API_VERSION
from podwall.report.public_lab import LabReport, Logged, Mismatch

__all__ = [
    "MOST_PROBES",
    "SEED",
    "Prepared",
    "Shown",
    "Started",
    "Wanted",
    "differing",
    "inside",
    "prepare",
    "probes_of",
    "shown",
    "tried",
]

MOST_PROBES = 100_000  # without --sample
SEED = 7  # of every sample: the same input is asked the same
_MOST_EXPLAINED = 20  # pairs; others are only named
_SORTS = {SeatKind.POD: "pods", SeatKind.HOST: "nodes", SeatKind.EXTERNAL: "outside"}

Started = Callable[[int], Progress]
"""Told how many probes there will be, makes what is told how many are over."""


class Wanted(Struct, frozen=True):
    """What the flags say; `sample` is the most probes that are sent, None where nothing is said."""

    nodes: int = 2
    replicas: int = 1
    link: str = Link.ROUTED.value
    dns: bool = False
    dns_cache: bool = False
    sample: int | None = None
    keep: bool = False
    capture: str | None = None


class Prepared(Struct, frozen=True):
    """A lab that could be brought up, and what could be asked in it."""

    opened: Opened
    lab: Lab
    asker: Asker
    ports: Ports

    @property
    def plan(self) -> Plan:
        """Who is in it."""
        return self.lab.plan

    @property
    def seated(self) -> Seated:
        """What the engine says of it."""
        return self.lab.seated


class Shown(Struct, frozen=True):
    """The public answer, and what text shows besides: of each explanation, by number of its mismatch, the lines.

    `asides` are told beside the answer: how to enter a lab that was left up.
    """

    answer: LabReport
    scene: Scene
    excerpts: Mapping[int, Excerpts]
    asides: tuple[str, ...] = ()


def prepare(opened: Opened, wanted: Wanted, outside: tuple[AddrSet, ...] = ()) -> Prepared:
    """The plan of a lab and the engine's view of it; each set `outside` has an address in it. Raises InputError."""
    if wanted.nodes < 1 or wanted.replicas < 1:
        raise InputError("a lab has at least one node, and of each workload one replica: --nodes, --replicas")
    link = Link(wanted.link)
    options = LabOptions(wanted.nodes, wanted.replicas, link, dns=wanted.dns, dns_cache=wanted.dns_cache)
    plan = plan_of(opened.model, options, outside)
    view = seated(opened.model, plan)
    served = ((t.protocol, port) for t in plan.translations for _, port in t.targets)
    endpoints = (seat.endpoint for seat in plan.seats)
    ports = ports_of(opened.model.cluster, opened.model.index.policies.values(), endpoints, served)
    return Prepared(opened, Lab(plan, view), Asker(plan, view), ports)


def probes_of(prepared: Prepared, most: int | None) -> tuple[list[Question], int | None]:
    """What is asked, and of how many questions it is a sample."""
    total = number_of(prepared.asker, prepared.ports)
    limit = MOST_PROBES if most is None else most
    if total <= limit:
        return list(every(prepared.asker, prepared.ports)), None
    return sample(prepared.asker, prepared.ports, limit, SEED), total


def tried(prepared: Prepared, wanted: Wanted, started: Started) -> Shown:
    """Everything, or a sample of it, asked with real packets. Raises LabUnavailable."""
    asked, total = probes_of(prepared, wanted.sample)
    probes = [prepared.asker.probe(question) for question in asked]
    ran = probed(prepared.lab, probes, Extras(wanted.keep, wanted.capture), started(len(probes)))
    return shown(prepared, probes, ran, total)


def inside(prepared: Prepared, name: str, namespace: str, command: Sequence[str]) -> int:
    """Runs a command in an endpoint, or a shell, and returns its exit code. Raises UnknownReference, LabUnavailable."""
    return entered(prepared.lab, seat_named(prepared.plan, name, namespace), command)


def shown(prepared: Prepared, probes: Sequence[Probe], ran: Ran, total: int | None = None) -> Shown:
    """The answer about probes that were sent; `total` is as `probes_of` says it."""
    found, lines = differing(prepared, probes, ran)
    allowed = sum(probe.allowed for probe in probes)
    seats = Counter(seat.endpoint.kind in ("Node", "External") for seat in prepared.plan.seats)
    answer = LabReport(
        apiVersion=API_VERSION,
        kind="LabReport",
        profile=prepared.opened.model.profile.name,
        endpoints=seats[False],
        probes=len(probes),
        allowed=allowed,
        denied=len(probes) - allowed,
        mismatches=found,
        seconds=round(ran.seconds, 3),
        sampledFrom=UNSET if total is None else total,
        incomplete=list(prepared.opened.incomplete),
    )
    return Shown(answer, _scene(prepared, probes, ran), lines, ran.asides)


# Mismatches


def differing(prepared: Prepared, probes: Sequence[Probe], ran: Ran) -> tuple[list[Mismatch], dict[int, Excerpts]]:
    """Every probe that went another way, in order, and the lines that their explanations show, by number."""
    wrong = [(p, o) for p, o in zip(probes, ran.outcomes, strict=True) if not o.agrees(p)]
    wrong.sort(key=lambda held: (held[0].source, held[0].destination, held[0].protocol, held[0].port, held[0].family))
    told = set(islice(_first_of_pairs(wrong), _MOST_EXPLAINED))
    evidence = Evidence(prepared.opened, prepared.seated.judge, prepared.seated.index)
    found: list[Mismatch] = []
    lines: dict[int, Excerpts] = {}
    for number, (probe, outcome) in enumerate(wrong):
        explanation: public_explanation.Explanation | UnsetType = UNSET
        if number in told:
            explanation = _explanation(prepared, evidence, probe, outcome)
            lines[number] = dict(excerpts(explanation, evidence))
        found.append(_mismatch(probe, outcome, _logged(ran, probe), explanation))
    return found, lines


def _first_of_pairs(wrong: Sequence[tuple[Probe, Outcome]]) -> Iterator[int]:
    seen: set[tuple[str, str]] = set()
    for number, (probe, _) in enumerate(wrong):
        if (probe.source, probe.destination) not in seen:
            seen.add((probe.source, probe.destination))
            yield number


def _mismatch(
    probe: Probe, outcome: Outcome, log: list[Logged], explanation: public_explanation.Explanation | UnsetType
) -> Mismatch:
    stranger = outcome.seen is Seen.ALLOW and (probe.allowed or len(probe.targets) > 1) and outcome.by[0]
    return Mismatch(
        probe.source,
        probe.destination,
        probe.protocol,
        probe.port,
        probe.family,
        allow_or_deny(probe.allowed),
        outcome.seen.value,
        note=outcome.note or UNSET,
        by=outcome.by[0] if stranger else UNSET,
        log=log or UNSET,
        explanation=explanation,
    )


def _logged(ran: Ran, probe: Probe) -> list[Logged]:
    ways = {(probe.sender, target.address, probe.protocol, target.port) for target in probe.targets}
    return [Logged(d.node, d.line) for d in ran.denials if (d.source, d.destination, d.protocol, d.port) in ways]


def _explanation(
    prepared: Prepared, evidence: Evidence, probe: Probe, outcome: Outcome
) -> public_explanation.Explanation:
    """Why the engine says what was not seen, of the target that it is wrong about."""
    connection = prepared.asker.connection(probe, _doubted(probe, outcome))
    explained = evidence.connection(connection)
    return public_explanation.Explanation(
        apiVersion=API_VERSION,
        kind="Explanation",
        src=explained.src,
        dst=explained.dst,
        protocol=explained.protocol,
        port=explained.port,
        family=probe.family,
        verdict=explained.verdict,
        profile=explained.profile,
        egress=explained.egress,
        ingress=explained.ingress,
    )


def _doubted(probe: Probe, outcome: Outcome) -> Target:
    answered = outcome.seen is Seen.ALLOW
    wrong = [target for target in probe.targets if target.allowed is not answered]
    by = [target for target in wrong if (target.address, target.port) == outcome.by]
    return (by or wrong or list(probe.targets))[0]


# The scene


def _scene(prepared: Prepared, probes: Sequence[Probe], ran: Ran) -> Scene:
    kinds = {seat.name: _SORTS[seat.kind] for seat in prepared.plan.seats}
    held: dict[tuple[str, str], list[int]] = {}
    for probe, outcome in zip(probes, ran.outcomes, strict=True):
        counts = held.setdefault((kinds[probe.source], kinds.get(probe.destination, "Services")), [0] * 5)
        answered = outcome.seen is Seen.ALLOW
        for place, one in enumerate(
            (probe.allowed, not probe.allowed, answered, not answered, not outcome.agrees(probe))
        ):
            counts[place] += one
    order = ("pods", "Services", "nodes", "outside")
    ways = [Way(*ends, *counts) for ends, counts in held.items()]
    seats = Counter(seat.kind for seat in prepared.plan.seats)
    return Scene(
        pods=seats[SeatKind.POD],
        nodes=len(prepared.plan.nodes),
        outside=seats[SeatKind.EXTERNAL],
        services=len({translation.service for translation in prepared.plan.translations}),
        ways=tuple(sorted(ways, key=lambda way: (order.index(way.source), order.index(way.destination)))),
        up=ran.up,
    )
