"""Walking packets: what each kind of match and statement says, and what holds of every rule set."""

from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwall.dataplane.change import applied, difference
from podwall.dataplane.door import digest
from podwall.dataplane.ruleset import (
    AddressIs,
    Chain,
    Dispatch,
    Field,
    Hook,
    Key,
    Lookup,
    Match,
    PortIn,
    Ruleset,
    Statement,
    View,
)
from podwall.dataplane.walk import Walker, walk
from podwall.dataplane.wellformed import refused_ruleset
from tests.dataplane.random_rulesets import random_packet, random_ruleset
from tests.dataplane.walk_cases import (
    EVERY,
    MATCH_CASES,
    STATEMENT_CASES,
    MatchCase,
    StatementCase,
    of_match,
    of_statement,
)


@pytest.mark.parametrize("case", MATCH_CASES, ids=lambda case: str(case.matches[-1]))
def test_a_match_holds(case: MatchCase) -> None:
    fate = walk(of_match(case), Hook.FORWARD, case.packet)
    assert (fate.log, fate.accepted) == (("asked",), not case.holds)


@pytest.mark.parametrize("case", STATEMENT_CASES, ids=lambda case: str(case.rules[:1]))
def test_a_statement_does(case: StatementCase) -> None:
    fate = walk(of_statement(case), Hook.FORWARD, case.packet)
    assert fate.chains[0] == "c_case"
    assert fate.accepted is case.fate.accepted
    assert (fate.mark, fate.log, fate.chains[1:], fate.counted) == (
        case.fate.mark,
        case.fate.log,
        case.fate.chains,
        case.fate.counted,
    )


def kinds(match: Match) -> set[object]:
    """What a match is, for the tables to be complete in."""
    found: set[object] = {type(match)}
    if isinstance(match, Lookup):
        one = EVERY.sets[match.set]
        found |= {match.view, *match.fields, one.key, ("negated", match.negated), ("intervals", bool(one.intervals))}
    if isinstance(match, AddressIs | PortIn):
        found |= {(type(match), match.view)}
    if isinstance(match, AddressIs):
        found |= {(type(match), match.field)}
    return found


WANTED = {
    *get_args(Match),
    *View,
    *Field,
    *Key,
    *((name, value) for name in ("negated", "intervals") for value in (False, True)),
    *((kind, view) for kind in (AddressIs, PortIn) for view in View),
    *((AddressIs, field) for field in (Field.SOURCE, Field.DESTINATION)),
}


@pytest.mark.parametrize("holds", [True, False])
def test_every_kind_of_match_has_a_case(holds: bool) -> None:
    assert set().union(*(kinds(case.matches[-1]) for case in MATCH_CASES if case.holds is holds)) >= WANTED


def test_every_kind_of_statement_has_a_case() -> None:
    statements = [statement for case in STATEMENT_CASES for rule in case.rules for statement in rule.statements]
    assert {type(statement) for statement in statements} == set(get_args(Statement))
    assert {statement.view for statement in statements if isinstance(statement, Dispatch)} == set(View)


def test_the_table_of_every_kind_is_well_formed() -> None:
    assert list(refused_ruleset(EVERY)) == []


def test_a_hook_without_a_chain_accepts() -> None:
    case = MATCH_CASES[0]
    assert case.holds
    assert walk(of_match(case), Hook.INPUT, case.packet).accepted


def test_two_base_chains_at_one_hook_have_no_order() -> None:
    chains = {name: Chain(name, (), Hook.INPUT) for name in ("c_one", "c_two")}
    with pytest.raises(ValueError, match="no order"):
        Walker(Ruleset(chains, {}, {}, {}, 1 << 15))


seeds = st.integers(0, 1 << 32).map(Random)


@given(seeds)
def test_every_packet_has_a_fate(random: Random) -> None:
    ruleset = random_ruleset(random)
    assert list(refused_ruleset(ruleset)) == []
    walker = Walker(ruleset)
    for _ in range(10):
        packet = random_packet(random)
        fate = walker.walk(random.choice(list(Hook)), packet)
        before = packet.connection.mark if packet.connection else 0
        assert (fate.mark ^ before) & ~(ruleset.mask | ruleset.picked_up) == 0
        assert packet.connection or fate.mark == 0
        assert set(fate.chains) <= set(ruleset.chains)


@given(seeds)
def test_a_difference_makes_the_new_of_the_old(random: Random) -> None:
    old, new = random_ruleset(random), random_ruleset(random)
    assert applied(old, difference(old, new)) == new
    assert not difference(new, new)


@given(seeds)
def test_a_digest_names_the_rules_of_a_chain(random: Random) -> None:
    chains = [chain for _ in range(4) for chain in random_ruleset(random).chains.values()]
    for one in chains:
        for other in chains:
            assert (digest(one) == digest(other)) is ((one.hook, one.rules) == (other.hook, other.rules))
