"""The twin against the kernel of this machine, by packets that are sent through it."""

from random import Random

import pytest

from podwall.dataplane.change import Change
from podwall.dataplane.kernel import NftKernel
from podwall.dataplane.ruleset import Accept, Chain, Count, Hook, Rule, Ruleset, State
from tests.dataplane.door_cases import CASES, Case, play
from tests.dataplane.played import Both, played
from tests.dataplane.scenarios import FIRST, random_scenario
from tests.dataplane.wires import Wires, counts, forget, lacking

wired = pytest.mark.skipif(bool(lacking()), reason=f"wires need what is not here: {lacking()}")
STATES = ("new", "established", "related", "invalid", "untracked")


@pytest.mark.namespace
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change_does_in_the_kernel_what_it_does_in_the_twin(case: Case) -> None:
    play(NftKernel(), case)


@wired
@pytest.mark.namespace
@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_rules_do_to_packets_what_the_twin_says(first: int) -> None:
    wires, real = Wires(), NftKernel()
    found = []
    for seed in range(first, first + 20):
        forget()
        found += [f"seed {seed}: {one}" for one in played(Both(wires, real), random_scenario(Random(seed)))]
    assert found == []


@wired
@pytest.mark.namespace("user")
def test_and_so_without_being_root() -> None:
    assert list(played(Both(Wires(), NftKernel()), random_scenario(Random(1)))) == []


@wired
@pytest.mark.namespace
def test_conntrack_says_of_a_first_packet_what_the_twin_says() -> None:
    """One counted rule for each state."""
    rules = tuple(Rule((State(state),), (Count(), Accept())) for state in STATES)
    NftKernel().apply(
        Change(whole=Ruleset({"c_forward": Chain("c_forward", rules, Hook.FORWARD)}, {}, {}, {}, 1 << 15))
    )
    wires, before = Wires(), [0] * len(STATES)
    for packet, state in FIRST:
        forget()
        assert wires.arrives(packet, "c")
        after = counts()["c_forward"]
        assert [STATES[at] for at, count in enumerate(after) if count > before[at]] == [state], packet
        before = after
