"""Every mutant is caught by a case that covers its item, and Podwall as it is by none."""

from __future__ import annotations

import pytest

from tests.mutants.results import ask
from tests.mutants.table import Mutant, load_mutants
from tests.truth.cases import load_cases

MUTANTS = load_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_its_edits_fit_the_source(mutant: Mutant) -> None:
    for path, text in mutant.sources().items():
        compile(text, str(path), "exec")


def test_names_are_unique() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_items_have_cases() -> None:
    assert {mutant.item for mutant in MUTANTS} <= {item for case in load_cases() for item in case.covers}


def test_cases_catch_every_mutant_and_nothing_else() -> None:
    unchanged, *results = ask()
    assert unchanged.caught | unchanged.crashed == {}
    assert [r.mutant for r in results if not r.caught] == []
    crashing = {mutant.name for mutant in MUTANTS if mutant.crashes}
    assert {r.mutant: r.crashed for r in results if r.crashed and r.mutant not in crashing} == {}
