"""Changes in parts, and tables that become others: in memory, where each step can be looked at."""

from __future__ import annotations

from functools import reduce

import msgspec
import pytest

from podwall.dataplane.change import Change, applied, difference
from podwall.dataplane.door import held
from podwall.dataplane.ruleset import Ruleset
from podwall.dataplane.takeover import parts, takeover, undoing
from podwall.engine.rules import PolicyRules
from tests.dataplane.differences import world_of
from tests.dataplane.door_cases import START, without
from tests.dataplane.world import NODES


def two_tables(seed: int) -> tuple[Ruleset, Ruleset]:
    """One node's table, and what it is when some policies are others' by now, and some pods are gone."""
    world, rng, _ = world_of(seed)
    compiler = world.compiler(rng.choice(NODES))
    old = compiler.ruleset()
    policies: list[PolicyRules] = list(world.model.index.policies.values())
    for policy in rng.sample(policies, len(policies) // 2):
        compiler.drop_policy(policy.policy)
        other = rng.choice(policies)
        if other.policy.namespace == policy.policy.namespace:
            compiler.put_policy(msgspec.structs.replace(other, policy=policy.policy))
    compiler.flush()
    return old, compiler.ruleset()


def plain(ruleset: Ruleset) -> object:
    """All but sets that packets fill, of which a kernel tells nothing."""
    return ruleset.chains, {name: one for name, one in ruleset.sets.items() if not one.flows}, ruleset.maps


@pytest.mark.parametrize("seed", range(30))
def test_a_table_that_is_held_becomes_another(seed: int) -> None:
    old, new = two_tables(seed)
    assert plain(applied(old, takeover(held(old), new))) == plain(new)


@pytest.mark.parametrize("seed", range(30))
def test_parts_come_to_the_same_and_nothing_leads_to_what_is_new_in_the_same_part(seed: int) -> None:
    old, new = two_tables(seed)
    for change in (difference(old, new), takeover(held(old), new)):
        new_part, elements, rest = parts(change, frozenset(old.chains))
        assert plain(reduce(applied, (new_part, elements, rest), old)) == plain(new)
        there = {*old.chains, *(chain.name for chain in new_part.chains)}
        assert {chain for routes in elements.routed.values() for chain in routes.values()} <= there
        assert not any(chain.hook for chain in new_part.chains)
        for done in ((new_part,), (new_part, elements)):
            there_by_now = reduce(applied, done, old)
            assert plain(reduce(applied, map(undoing, reversed(done)), there_by_now)) == plain(old)


def test_other_intervals_under_one_name_are_refused() -> None:
    other = msgspec.structs.replace(START.sets["r_b4"], intervals=((bytes(4), bytes(4)),))
    with pytest.raises(ValueError, match="r_b4 has other intervals"):
        takeover(held(START), msgspec.structs.replace(START, sets=START.sets | {other.name: other}))


def test_a_change_that_adds_nothing_to_be_led_to_is_one_part() -> None:
    change = Change(chains=(START.chains["d_a"],), gone_chains=("i_b",))
    assert parts(change, frozenset(START.chains)) == (Change(), Change(), change)
    assert plain(applied(START, takeover(held(START), without(START, "i_b")))) == plain(without(START, "i_b"))
