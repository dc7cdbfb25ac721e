"""Reload under fire: denied packets are sent without a pause while the whole table is replaced again and again."""

from __future__ import annotations

import subprocess
import time

import msgspec

from benchmarks.dataplane.namespaces import Lane, inside, opened_lane, run
from benchmarks.dataplane.ours import compiled, kernel_of, whole
from benchmarks.dataplane.scenario import ALLOWED_CLIENT, DENIED_CLIENT, Scenario
from benchmarks.dataplane.tools import Tools
from benchmarks.dataplane.traffic import Wrong

__all__ = ["Fire", "under_fire"]

LARGE = Scenario(110, 10, apps=11, peers=228)  # 100,320 elements
_BURST = 250_000


class Fire(msgspec.Struct, frozen=True):
    """How often the table was replaced in how many seconds, denied packets sent meanwhile, and those that arrived."""

    reloads: int
    seconds: float
    sent: int
    leaked: int


def under_fire(tools: Tools, reloads: int, packets: int) -> Fire:
    """At least so many reloads and packets, whichever takes longer."""
    with opened_lane("fire", [LARGE.target.address]) as lane:
        kernel, table = kernel_of(lane), whole(compiled(LARGE))
        kernel.apply(table)
        _check(lane, tools)
        before = lane.arrived()
        done = sent = 0
        begin = time.perf_counter()
        while done < reloads or sent < packets:
            with inside(lane.client):
                burst = subprocess.Popen(_blast(tools, DENIED_CLIENT, _BURST), stdout=subprocess.DEVNULL)
            while burst.poll() is None:
                kernel.apply(table)
                done += 1
            if burst.returncode:
                raise Wrong(f"the sender ended with {burst.returncode}")
            sent += _BURST
        fire = Fire(done, time.perf_counter() - begin, sent, lane.arrived() - before)
        _check(lane, tools)
        return fire


def _check(lane: Lane, tools: Tools) -> None:
    """What is allowed arrives, so that nothing else than the table keeps the rest away."""
    before = lane.arrived()
    run(lane.client, _blast(tools, ALLOWED_CLIENT, 1_000))
    if lane.arrived() - before != 1_000:
        raise Wrong("allowed packets do not arrive")


def _blast(tools: Tools, source: str, count: int) -> list[str]:
    ends = [LARGE.target.address, str(LARGE.port), source, "1024"]
    return [*tools.blast, *ends, str(count), "30000", str(tools.cores[0])]
