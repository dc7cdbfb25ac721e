"""One random cluster, engine against tables in memory: with fixed seeds in `make test`, with fresh ones in fresh.py.

Asked of every pair: some ports as a new connection, and the same as packets that conntrack does not track; ICMP; and a
connection that was picked up in the middle, from either end.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from podwall.dataplane.compiler import Options
from tests.dataplane.world import Question, World, answer_to, packet_of, questions
from tests.truth.compare import trial

PORTS = 5  # of each pair


@dataclass
class Tally:
    """How much was asked, how much of it was denied, and every difference."""

    packets: int = 0
    denied: int = 0
    failures: list[str] = field(default_factory=list)

    def hold(self, asked: Question, how: str, *, wanted: bool, got: bool) -> None:
        """Counts one packet."""
        self.packets += 1
        self.denied += not wanted
        if wanted is not got:
            verdicts = {True: "allow", False: "deny"}
            self.failures.append(f"{asked} ({how}) is {verdicts[wanted]} to the engine, {verdicts[got]} to the table")


def world_of(seed: int) -> tuple[World, random.Random, list[tuple[str, int]]]:
    """The world of a seed, what is random in it, and the ports where some answer changes."""
    tried = trial(seed)
    rng = random.Random(f"tables of {seed}")
    return World(tried.model, Options(wide=rng.choice((0, 1, 256)))), rng, tried.starts


def differences(seed: int) -> Tally:
    """Everything about one cluster."""
    world, rng, ports = world_of(seed)
    tally = Tally()
    for asked in questions(world, rng, ports, PORTS):
        wanted = all(world.wanted(asked))
        for state in ("new", "untracked"):
            tally.hold(asked, state, wanted=wanted, got=passes(world, asked, state))
        if asked.protocol == "TCP":
            _pick_up(world, asked, tally)
        if wanted:
            tally.hold(asked, "answer", wanted=True, got=_answers(world, asked))
    for source, destination, family in world.pairs():
        protocol = "ICMP" if family == 4 else "ICMPv6"
        wanted = all(world.without_ports.wanted(Question(source, destination, "TCP", 1, family)))
        echo = Question(source, destination, protocol, 0, family)
        tally.hold(echo, "echo", wanted=wanted, got=passes(world, echo, "new"))
    return tally


def passes(world: World, asked: Question, state: str) -> bool:
    """Whether every hook on the way accepts the packet."""
    return all(fate.accepted for fate in world.fates(asked, state))


def _answers(world: World, asked: Question) -> bool:
    """Whether the answer to an allowed connection comes back, whatever its mark says (N15)."""
    packet = answer_to(asked)
    hops = world.hops(asked.destination, asked.source)
    return all(world.walkers[node].walk(hook, packet).accepted for node, hook in hops)


def _pick_up(world: World, asked: Question, tally: Tally) -> None:
    """An answer that conntrack takes for a beginning passes where the real beginning may, or one of its own kind."""
    back = Question(asked.destination, asked.source, "TCP", 40000, asked.family)
    packet = packet_of(back, source_port=asked.port, syn=False)
    for node, hook in world.hops(back.source, back.destination):
        wanted = world.allowed_on(node, asked) or world.allowed_on(node, back)
        tally.hold(back, f"picked up on {node}", wanted=wanted, got=world.walkers[node].walk(hook, packet).accepted)
