"""`lab` as text for 80 columns: predicted against seen by sorts of ends, each difference with what explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import UNSET, Struct

from podwall.report.explanation import Excerpts, deciding_text
from podwall.report.public_explanation import Explanation
from podwall.report.public_lab import LabReport, Mismatch
from podwall.report.wording import counted, wrapped

__all__ = ["Scene", "Way", "differences_text", "lab_text", "sent_text"]

_MOST_PAIRS = 40
_MOST_OF_PAIR = 20  # probes
_MOST_LINES = 3  # of the kernel
_SEEN = {"allow": "answered", "timeout": "no answer", "refused": "refused", "error": "error"}


class Way(Struct, frozen=True, order=True):
    """The probes from one sort of ends to another: what is predicted of them, and what was seen."""

    source: str
    destination: str
    allowed: int
    denied: int
    answered: int
    silent: int
    differ: int


class Scene(Struct, frozen=True):
    """What text tells beside the public answer. `up` are the seconds until the lab stood."""

    pods: int
    nodes: int
    outside: int
    services: int
    ways: tuple[Way, ...]
    up: float


def lab_text(report: LabReport, scene: Scene, excerpts: Mapping[int, Excerpts]) -> Iterator[str]:
    """The whole answer, line by line; `excerpts` are those of each explanation, by number of the mismatch."""
    for line in _lines(report, scene, excerpts):
        yield f"{line.rstrip()}\n"


def _lines(report: LabReport, scene: Scene, excerpts: Mapping[int, Excerpts]) -> Iterator[str]:
    outside = f", {counted(scene.outside, 'address', 'es')} outside" if scene.outside else ""
    services = f", {counted(scene.services, 'Service')}" if scene.services else ""
    there = f"{counted(scene.pods, 'pod')} on {counted(scene.nodes, 'node')}{outside}{services}"
    yield from wrapped(f"{there}; profile {report.profile}", "  ")
    yield ""
    yield from _table(scene.ways)
    yield ""
    yield from differences_text(report.mismatches, excerpts)
    total = report.sampledFrom if report.sampledFrom is not UNSET else None
    yield from wrapped(sent_text(report.probes, report.seconds, scene.up, total), "  ")
    yield from wrapped(_outcome(report), "  ")


def sent_text(probes: int, seconds: float, up: float, total: int | None) -> str:
    """How many probes were sent, of how many, and how long it took."""
    of = f", a sample of {total:,}," if total is not None else ""
    return f"{counted(probes, 'probe')}{of} in {seconds:.1f} s, of which the network took {up:.1f} s"


def _outcome(report: LabReport) -> str:
    if not report.mismatches:
        return "The kernel does what the engine says."
    return f"{len(report.mismatches):,} of {counted(report.probes, 'probe')} went ANOTHER WAY than predicted"


def _table(ways: Sequence[Way]) -> Iterator[str]:
    yield f"{'':<18}{'PREDICTED':>19}{'SEEN':>19}"
    yield f"{'FROM':<9}{'TO':<9}{'allow':>10}{'deny':>9}{'answered':>11}{'silent':>9}{'differ':>9}"
    for way in ways:
        ends = f"{way.source:<9}{way.destination:<9}"
        seen = f"{way.answered:>11,}{way.silent:>9,}{way.differ:>9,}"
        yield f"{ends}{way.allowed:>10,}{way.denied:>9,}{seen}"


def differences_text(mismatches: Sequence[Mismatch], excerpts: Mapping[int, Excerpts]) -> Iterator[str]:
    """The mismatches pair by pair, the first of each with its explanation."""
    pairs = [
        (names, list(found)) for names, found in groupby(enumerate(mismatches), lambda held: (held[1].src, held[1].dst))
    ]
    for (source, destination), found in pairs[:_MOST_PAIRS]:
        yield from wrapped(f"DIFFERENT {source} -> {destination}", "  ")
        for _, mismatch in found[:_MOST_OF_PAIR]:
            yield from _mismatch(mismatch)
        if len(found) > _MOST_OF_PAIR:
            yield f"  and {len(found) - _MOST_OF_PAIR:,} more: -o json"
        for number, mismatch in found:
            if isinstance(mismatch.explanation, Explanation):
                yield f"The engine, about {mismatch.protocol} {mismatch.port}:"
                yield from deciding_text(mismatch.explanation, excerpts.get(number, {}))
        yield ""
    if len(pairs) > _MOST_PAIRS:
        yield f"and {len(pairs) - _MOST_PAIRS:,} more pairs: -o json"
        yield ""


def _mismatch(mismatch: Mismatch) -> Iterator[str]:
    family = "" if mismatch.family == 4 else " (IPv6)"
    seen = _SEEN[mismatch.seen]
    if isinstance(mismatch.by, str):
        seen += f" by {mismatch.by}"
    if isinstance(mismatch.note, str):
        seen += f", {mismatch.note}"
    where = f"{mismatch.protocol} {mismatch.port}{family}"
    yield from wrapped(f"  {where}: predicted {mismatch.predicted}, seen: {seen}", "    ")
    logged = mismatch.log if isinstance(mismatch.log, list) else []
    for one in logged[:_MOST_LINES]:
        yield from wrapped(f"    kernel of {one.node}: {one.line}", "      ")
