"""Every mutant of the data plane is caught by a test that runs in memory, and the data plane as it is by none."""

from __future__ import annotations

import pytest

from tests.mutants.dataplane_worker import TABLE
from tests.mutants.results import ask
from tests.mutants.table import Mutant, load_mutants

MUTANTS = load_mutants(TABLE)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m.name for m in MUTANTS])
def test_its_edits_fit_the_source(mutant: Mutant) -> None:
    for path, text in mutant.sources().items():
        compile(text, str(path), "exec")


def test_names_are_unique() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_every_mutant_is_caught_and_nothing_else() -> None:
    unchanged, *results = ask("tests.mutants.dataplane_worker")
    assert unchanged.caught | unchanged.crashed == {}
    assert [r.mutant for r in results if not r.caught and not r.crashed] == []
    crashing = {mutant.name for mutant in MUTANTS if mutant.crashes}
    assert {r.mutant: r.crashed for r in results if r.crashed and r.mutant not in crashing} == {}
