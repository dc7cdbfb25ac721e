"""Changes under fire: denied packets are sent without a pause while rules are replaced again and again.

The sender goes round flows, so that a flow that was let through once by mistake, and whose connection is known from
then on, is asked again.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import msgspec

from benchmarks.dataplane.namespaces import Lane, inside, opened_lane, run
from benchmarks.dataplane.ours import compiled, kernel_of, policy_rules, whole
from benchmarks.dataplane.scenario import ALLOWED_CLIENT, DENIED_CLIENT, Policy, Rule, Scenario
from benchmarks.dataplane.tools import Tools
from benchmarks.dataplane.traffic import Wrong
from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler
from podwall.dataplane.epochs import next_epoch
from podwall.dataplane.kernel import NftKernel

__all__ = ["Fire", "policy_changes", "under_fire", "whole_tables"]

_BURST, _FLOWS = 250_000, 30_000

# Makes one change each time that it is called.
Changes = Callable[[Compiler, NftKernel], Callable[[], None]]


class Fire(msgspec.Struct, frozen=True):
    """How often something was changed in how many seconds, denied packets sent meanwhile, and those that arrived."""

    name: str
    changes: int
    seconds: float
    sent: int
    leaked: int


def whole_tables(compiler: Compiler, kernel: NftKernel) -> Callable[[], None]:
    """The whole table in place of itself, and the next epoch, as after a restart."""
    table = compiler.ruleset()

    def reload() -> None:
        nonlocal table
        epoch = next_epoch(table.epoch, table.mask).number
        kernel.apply(Change(whole=table, epoch=epoch))
        table = msgspec.structs.replace(table, epoch=epoch)

    return reload


def policy_changes(compiler: Compiler, kernel: NftKernel) -> Callable[[], None]:
    """A policy that comes and goes, so that all pods of the app are led to other chains."""
    more = policy_rules(Policy("more", "app-000", (Rule(("10.200.0.1",), 7_000),)))
    there = False

    def change() -> None:
        nonlocal there
        if there:
            compiler.drop_policy(more.policy)
        else:
            compiler.put_policy(more)
        there = not there
        kernel.apply(compiler.flush())
        kernel.apply(compiler.bump())

    return change


def under_fire(scenario: Scenario, changes: Changes, tools: Tools, least: tuple[int, int]) -> Fire:
    """At least so many changes and packets, whichever takes longer."""
    with opened_lane("fire", [scenario.target.address]) as lane:
        compiler, kernel = compiled(scenario), kernel_of(lane)
        kernel.apply(whole(compiler))
        _check(lane, scenario, tools)
        change = changes(compiler, kernel)
        before, begin = lane.arrived(), time.perf_counter()
        done = sent = 0
        while done < least[0] or sent < least[1]:
            done += _burst(lane, _blast(scenario, tools, DENIED_CLIENT, _BURST), change)
            sent += _BURST
        seconds, leaked = time.perf_counter() - begin, lane.arrived() - before
        _check(lane, scenario, tools)
        kernel.close()
        return Fire(f"{changes.__name__.replace('_', ' ')}, {scenario.name}", done, seconds, sent, leaked)


def _burst(lane: Lane, command: list[str], change: Callable[[], None]) -> int:
    """Changes for as long as the sender sends; how many."""
    with inside(lane.client):
        sender = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    done = 0
    while sender.poll() is None:
        change()
        done += 1
    if sender.returncode:
        raise Wrong(f"the sender ended with {sender.returncode}")
    return done


def _check(lane: Lane, scenario: Scenario, tools: Tools) -> None:
    """What is allowed arrives, so that nothing else than the table keeps the rest away."""
    before = lane.arrived()
    run(lane.client, _blast(scenario, tools, ALLOWED_CLIENT, 1_000))
    if lane.arrived() - before != 1_000:
        raise Wrong("allowed packets do not arrive")


def _blast(scenario: Scenario, tools: Tools, source: str, count: int) -> list[str]:
    ends = [scenario.target.address, str(scenario.port), source, "1024"]
    return [*tools.blast, *ends, str(count), str(_FLOWS), str(tools.cores[0])]
