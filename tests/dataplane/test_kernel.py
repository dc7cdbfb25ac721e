from __future__ import annotations

from random import Random

import msgspec
import pytest

from podwall.dataplane.change import Change, applied, difference
from podwall.dataplane.door import held
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.ruleset import Chain, Drop, Goto, Jump, Key, Lookup, Rule, Ruleset, Set, SetEpoch, View, Field
from podwall.dataplane.sample import RULESET
from podwall.errors import KernelError
from tests.dataplane.rulesets import another, elements, some


@pytest.mark.namespace
def test_no_table_is_no_rule_set():
    assert NftKernel().dump() is None


@pytest.mark.namespace
@pytest.mark.parametrize("times", [1, 2])
def test_a_whole_rule_set_is_read_back_as_it_was_written(times: int):
    kernel = NftKernel()
    for _ in range(times):
        kernel.apply(Change(whole=RULESET))
    assert kernel.dump() == held(RULESET)


@pytest.mark.namespace("user")
def test_the_root_of_a_user_namespace_has_the_same_kernel():
    kernel = NftKernel()
    kernel.preflight()
    kernel.apply(Change(whole=RULESET))
    assert kernel.dump() == held(RULESET)


@pytest.mark.namespace
@pytest.mark.parametrize("seed", range(40))
def test_what_is_there_after_each_of_many_changes_is_what_was_asked_for(seed: int):
    random = Random(seed)
    kernel, there = NftKernel(), some(random)
    kernel.apply(Change(whole=there))
    assert kernel.dump() == held(there)
    for step in range(12):
        wanted = another(random, there)
        change = Change(whole=wanted) if step % 6 == 5 else difference(there, wanted)
        kernel.apply(change)
        there = applied(there, change)
        assert held(there) == held(wanted)
        assert kernel.dump() == held(there)
