"""Coverage on random clusters: what the increments say is what judging everything once more says."""

from __future__ import annotations

import random
import sys

import pytest

from benchmarks.clusters import Shape, shape
from podwall.engine.model import Model
from podwall.engine.policies.excepts import without_excepts
from podwall.engine.rules import PolicyRef
from podwall.expect.coverage import Coverage
from podwall.expect.ends import Ends
from podwall.expect.expectation import Expectation
from podwall.expect.judge import Outcome, judge, prepared
from podwall.expect.mutants import Edit, Mutant, mutants
from podwall.expect.world import World
from tests.expect.reading import expectations
from tests.truth.compare import trial
from tests.truth.engine import model_of, open_ports
from tests.truth.expectations import Naive, draw

BLOCK = 20
SEEDS = range(900, 1100, BLOCK)  # some of them have rules that differ by nothing but their action
ASSERTIONS = 25


def world_of(model: Model, asked: list[Expectation]) -> tuple[World, list[Outcome]]:
    ends = Ends(model)
    found = [prepared(ends, expectation) for expectation in asked]
    world = World(model, (node for one in found for node in one.nodes))
    return world, [judge(world, one) for one in found]


def all_mutants(model: Model) -> list[Mutant]:
    found: list[Mutant] = []
    for bucket in model.cluster.namespaces.values():
        for located in bucket.policies:
            ref = PolicyRef("NetworkPolicy", bucket.name, located.object.metadata.name or "")
            found += mutants(model.index.policies[ref], without_excepts(located.object))
    for ref, policy in sorted(model.index.policies.items()):
        if not ref.namespace:
            found += mutants(policy)
    return found


@pytest.mark.parametrize("first", SEEDS)
def test_edits_are_noticed_where_an_assertion_would_fail(first: int) -> None:
    failures = []
    seen: set[Edit] = set()
    noticed = 0
    for seed in range(first, first + BLOCK):
        one = trial(seed, (6, 3, 0, 0))
        rng = random.Random(f"coverage {seed}")
        if Naive(one.objects, one.oracle).is_open_question:
            continue
        asked = expectations([draw(rng, one.objects, one.oracle).value() for _ in range(ASSERTIONS)])
        world, outcomes = world_of(one.model, asked)
        coverage = Coverage(world, outcomes)
        before = open_ports(one.model)
        every = all_mutants(one.model)
        for mutant in rng.sample(every, min(8, len(every))):
            checked = coverage.check(mutant)
            model = model_of(one.objects, cni=one.cni)
            model.index.put_policy(mutant.rules)
            _, after = world_of(model, asked)
            want = any(a.holds and not b.holds for a, b in zip(outcomes, after, strict=True))
            what = f"seed {seed}: {mutant.edit.value} {mutant.rules.policy} {mutant.path}"
            if checked.noticed is not want:
                turned = [a.expectation.text for a, b in zip(outcomes, after, strict=True) if a.holds and not b.holds]
                failures.append(f"{what} is {'' if want else 'not '}noticed: {turned}")
            if not checked.changes and open_ports(model) != before:
                failures.append(f"{what} changes what is open")
            seen.add(mutant.edit)
            noticed += want
    assert failures == []
    assert noticed
    assert len(seen) >= 3


def test_work_grows_with_the_edits_and_not_with_edits_times_assertions() -> None:
    """Counted in calls: a cluster of three times the pods has three times the policies, and of assertions."""
    small, large = (calls_of(pods) for pods in (60, 180))
    assert large < 4.5 * small  # nine times where every edit is held against every assertion


def calls_of(pods: int) -> int:
    """How many calls it takes to hold every edit of a cluster against some assertions about each pod."""
    objects = [dict(found) for found in shape(Shape(pods=pods))]
    model = model_of(objects)
    names = sorted(f"{e.namespace}/{e.name}" for e in model.endpoints)
    asked = [f"{one} -> {other}:9 deny" for far in range(1, 20) for one, other in zip(names, names[far:], strict=False)]
    world, outcomes = world_of(model, expectations(asked))
    coverage = Coverage(world, outcomes)
    every = all_mutants(model)
    coverage.check(every[0])  # whatever is made once
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        for mutant in every:
            coverage.check(mutant)
    finally:
        sys.setprofile(None)
    return calls
