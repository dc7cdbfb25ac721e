"""What is staged or only audited: no packet's fate depends on it, no mark is written for it, and each line is right.

Truth is the engine, asked twice: under what is enforced, and under what would be.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.dataplane.compiler import Compiler
from podwall.dataplane.contents import addresses_of
from podwall.dataplane.frame import unmarked_set
from podwall.dataplane.packet import Fate
from podwall.dataplane.ruleset import Hook, PickUp, Ruleset, SetEpoch
from podwall.dataplane.walk import Walker
from podwall.engine.rules import Direction, Mode, PolicyRules
from podwall.engine.verdict import is_selectable
from tests.dataplane.differences import world_of
from tests.dataplane.world import Question, World, packet_of, questions

SEEDS = range(150)


class Rollout:
    """A world of which some policies are only staged, some are to be deleted, and some namespaces are audited."""

    def __init__(self, seed: int) -> None:
        self.enforced, self.rng, self.ports = world_of(seed)
        everything = self.enforced.policies
        shares = {p.policy: self.rng.choice(("kept", "kept", "new", "gone", "changed")) for p in everything}
        now = [p for p in everything if shares[p.policy] != "new"]
        self.staged: dict[object, PolicyRules | None] = {}
        for policy in everything:
            match shares[policy.policy]:
                case "new":
                    self.staged[policy.policy] = policy
                case "gone":
                    self.staged[policy.policy] = None
                case "changed":
                    self.staged[policy.policy] = _renamed(self.rng.choice(everything), policy)
        after = {p.policy: p for p in now} | self.staged
        model, options = self.enforced.model, self.enforced.options
        self.enforced = World(model, options, tuple(now))
        self.proposed = World(model, options, tuple(p for _, p in sorted(after.items()) if p is not None))
        names = sorted(model.cluster.namespaces)
        self.audited = {name for name in names if self.rng.random() < self.rng.choice((0, 0.5, 1))}

    def compiler(self, node: str) -> Compiler:
        """The node's compiler, told of all that."""
        compiler = self.enforced.compiler(node)
        for ref, policy in self.staged.items():
            compiler.stage(ref, policy)  # type: ignore[arg-type]
        for name in self.audited:
            compiler.set_mode(name, Mode.AUDIT)
        compiler.flush()
        return compiler

    def sides(self, asked: Question, node: str, hook: Hook) -> Iterator[tuple[Direction, Endpoint]]:
        """What a node judges: its own pods, and on input nothing but egress."""
        if asked.source.node == node and is_selectable(asked.source):
            yield Direction.EGRESS, asked.source
        if asked.destination.node == node and is_selectable(asked.destination) and hook is Hook.FORWARD:
            yield Direction.INGRESS, asked.destination

    def wanted(self, asked: Question, node: str, hook: Hook) -> tuple[bool, list[str]]:
        """Whether the packet is to pass, and the letters and directions of the lines that are to be told."""
        lines = []
        sides = list(self.sides(asked, node, hook))
        for direction, subject in sides:
            if not self.now(asked, direction, subject):
                later = allowed(self.proposed, asked, direction)
                told = [f"A|{direction.value[0].upper()}"] if later else []
                return False, [*told, f"E|{direction.value[0].upper()}"]
        for direction, _ in sides:
            if not allowed(self.proposed, asked, direction):
                lines.append(f"D|{direction.value[0].upper()}")
        return True, lines

    def now(self, asked: Question, direction: Direction, subject: Endpoint) -> bool:
        """What is enforced: nothing for the pods of an audited namespace."""
        return subject.namespace in self.audited or allowed(self.enforced, asked, direction)


def _renamed(policy: PolicyRules, like: PolicyRules) -> PolicyRules:
    """A policy under another one's name, if both are of one namespace; else it stays as it was."""
    if policy.policy.namespace != like.policy.namespace:
        return like
    return msgspec.structs.replace(policy, policy=like.policy)


def allowed(world: World, asked: Question, direction: Direction) -> bool:
    egress, ingress = world.wanted(asked)
    return egress if direction is Direction.EGRESS else ingress


def told(fate: Fate) -> list[str]:
    return [line.removeprefix("pw1|").rpartition("|")[0] for line in fate.log]


@pytest.mark.parametrize("seed", SEEDS)
def test_staged_policies_only_tell(seed: int) -> None:
    rollout = Rollout(seed)
    world = rollout.enforced
    nodes = sorted({e.node or "" for e in world.endpoints})
    walkers = {node: Walker(rollout.compiler(node).ruleset()) for node in nodes}
    for asked in questions(world, rollout.rng, rollout.ports, 3):
        for node, hook in world.hops(asked.source, asked.destination):
            for state in ("new", "untracked"):
                fate = walkers[node].walk(hook, packet_of(asked, state))
                assert (fate.accepted, told(fate)) == rollout.wanted(asked, node, hook), f"{asked} {state} on {node}"
            answer = walkers[node].walk(hook, msgspec.structs.replace(packet_of(asked), state="established"))
            assert answer.accepted is rollout.wanted(asked, node, hook)[0]
            assert [line for line in told(answer) if not line.startswith("E")] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_audit_writes_no_mark(seed: int) -> None:
    """Not for a connection of which only what is audited or staged speaks, and not at all where nothing is enforced."""
    rollout = Rollout(seed)
    world = rollout.enforced
    for node in sorted({e.node or "" for e in world.endpoints}):
        table = rollout.compiler(node).ruleset()
        if rollout.audited == set(world.model.cluster.namespaces):
            assert not writes(table)
        walker = Walker(table)
        for asked in questions(world, random.Random(seed), rollout.ports, 1):
            for here, hook in world.hops(asked.source, asked.destination):
                ends = [end for _, end in rollout.sides(asked, node, hook)]
                only_told = any(is_only_told(table, end) for end in ends)
                if here == node and only_told and all(end.namespace in rollout.audited for end in ends):
                    fate = walker.walk(hook, packet_of(asked))
                    assert (fate.accepted, fate.mark) == (True, 0)


def is_only_told(table: Ruleset, end: Endpoint) -> bool:
    """Whether the table has staged rules about a pod, and no others."""
    sets = [(family, table.sets.get(unmarked_set(family))) for family in (4, 6)]
    return any(key in held.elements for family, held in sets if held for key in addresses_of(end, family))


def writes(table: Ruleset) -> bool:
    """Whether some rule writes a mark."""
    statements = (one for c in table.chains.values() for rule in c.rules for one in rule.statements)
    return any(isinstance(one, SetEpoch | PickUp) for one in statements)
