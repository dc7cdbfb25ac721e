"""One run of a lab, in a process of its own: the network comes up, the policies go in, probes are sent."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path

from msgspec import Struct

from podwall.errors import UnknownReference
from podwall.lab.capture import Capture
from podwall.lab.enforcing import Denial, enforced
from podwall.lab.nameserver import Nameserver
from podwall.lab.network import Network
from podwall.lab.plan import Plan
from podwall.lab.probe import Outcome, Probe
from podwall.lab.probes import Prober, Progress, Setting
from podwall.lab.seated import Seated
from podwall.lab.shell import shell
from podwall.lab.spaces import enclosed, outer_pid
from podwall.lab.wiring import space_of

__all__ = ["Extras", "Lab", "Ran", "entered", "probed", "seat_named"]

_MOST_LISTED = 20  # names
_MOST_DENIALS = 10_000  # that are kept of those that contradict a prediction


class Lab(Struct, frozen=True):
    """What is brought up: the plan, and the policies over its seats."""

    plan: Plan
    seated: Seated


class Ran(Struct, frozen=True):
    """What came of each probe, what the kernel said of those that did not come out as predicted, and how long it took.

    `up` is the part of the seconds until the first probe; `asides` say how to enter a lab that was left up.
    """

    outcomes: list[Outcome]
    denials: list[Denial]
    up: float
    seconds: float
    asides: tuple[str, ...] = ()


class Extras(Struct, frozen=True):
    """What else is to be done: leave the lab up, and write a file of each endpoint's packets into a folder."""

    keep: bool = False
    capture: str | None = None


def probed(lab: Lab, probes: Sequence[Probe], extras: Extras, progress: Progress) -> Ran:
    """Brings a lab up, sends probes, and takes it down. Raises LabUnavailable.

    `progress` is called in the process of the lab, whose standard error is that of the program.
    """
    start = _now()
    ran = enclosed(lambda: _probed(lab, probes, extras, (progress, start)))
    return Ran(ran.outcomes, ran.denials, ran.up, _now() - start, ran.asides)


def entered(lab: Lab, seat: str, command: Sequence[str]) -> int:
    """Brings a lab up, runs a command in one of its seats, a shell if there is none, and returns its exit code.

    Raises LabUnavailable, and InputError where there is no such program.
    """
    return enclosed(lambda: _entered(lab, seat, tuple(command) or (os.environ.get("SHELL", "sh"),)))


def _entered(lab: Lab, seat: str, command: Sequence[str]) -> int:
    with Network(lab.plan) as network, enforced(network, lab.plan, lab.seated), Nameserver(network):
        return shell(network, seat, command)


def _probed(lab: Lab, probes: Sequence[Probe], extras: Extras, told: tuple[Progress, float]) -> Ran:
    progress, start = told
    with ExitStack() as stack:
        network = stack.enter_context(Network(lab.plan))
        rules = stack.enter_context(enforced(network, lab.plan, lab.seated))
        stack.enter_context(Nameserver(network))
        if extras.capture is not None:
            stack.enter_context(Capture(network, Path(extras.capture)))
        up = _now() - start
        setting = Setting(network, _addresses(lab.plan), rules.watched)
        outcomes = Prober(setting, progress).run(probes)
        denials = _about(rules.denials(), probes, outcomes)
        if extras.keep:
            network.keep()
        return Ran(outcomes, denials, up, 0.0, tuple(_ways_in(network)) if extras.keep else ())


def _ways_in(network: Network) -> Iterator[str]:
    """How to enter a lab that is left up, and how to end it."""
    yield "The lab stays up. A shell inside of an endpoint, and the end of it all:"
    for seat, command in network.ways_in().items():
        yield f"  {seat}: {command}"
    yield f"  kill {outer_pid()}"


def _addresses(plan: Plan) -> dict[str, tuple[str, ...]]:
    """All addresses of the namespace that each seat is in."""
    nodes = {node.name: node.addresses for node in plan.nodes}
    held: dict[str, dict[str, None]] = {}
    for seat in plan.seats:
        own = (*seat.endpoint.addresses, *(nodes.get(seat.node, ()) if space_of(seat) != seat.name else ()))
        held.setdefault(space_of(seat), {}).update(dict.fromkeys(own))
    return {seat.name: tuple(held[space_of(seat)]) for seat in plan.seats}


def _about(denials: Iterable[Denial], probes: Sequence[Probe], outcomes: Sequence[Outcome]) -> list[Denial]:
    """The denials of probes that did not come out as predicted."""
    wanted = {
        (probe.sender, target.address, probe.protocol, target.port)
        for probe, outcome in zip(probes, outcomes, strict=True)
        if not outcome.agrees(probe)
        for target in probe.targets
    }
    found = (d for d in denials if (d.source, d.destination, d.protocol, d.port) in wanted)
    return list(dict.fromkeys(found))[:_MOST_DENIALS]


def seat_named(plan: Plan, name: str, namespace: str) -> str:
    """The seat that a user means, or the first of those that stand for it. Raises UnknownReference."""
    wanted = name if "/" in name or ":" in name or name.replace(".", "").isdigit() else f"{namespace}/{name}"
    for seat in plan.seats:
        if seat.name == wanted:
            return seat.name
    for seat in plan.seats:
        if seat.stands_for == wanted:
            return seat.name
    names = sorted({seat.name for seat in plan.seats})
    there = get_close_matches(wanted, names, n=3) or names[:_MOST_LISTED]
    raise UnknownReference(f"there is no {wanted} in the lab; there is {', '.join(there)}")


def _now() -> float:
    return time.monotonic()  # noqa: TID251 - an edge
