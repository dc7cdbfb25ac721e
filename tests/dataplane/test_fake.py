"""The kernel in memory: the shared cases of the door, and what only it has."""

import pytest

from podwall.dataplane.change import Change
from podwall.dataplane.fake import FakeKernel
from podwall.dataplane.ruleset import Ruleset
from podwall.errors import KernelError
from tests.dataplane.door_cases import CASES, LATER, REFUSED, START, Case, play


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_change_does(case: Case) -> None:
    play(FakeKernel(), case)


@pytest.mark.parametrize("refused", [True, False])
@pytest.mark.parametrize("field", Change.__struct_fields__)
def test_every_field_of_a_change_has_a_case(field: str, refused: bool) -> None:
    cases = [case for case in CASES if (case.after is REFUSED) is refused]
    assert (field == "groups" and refused) or any(getattr(case.change, field) for case in cases)


def test_rules_and_epoch_change_one_after_the_other() -> None:
    tables: list[Ruleset] = []
    kernel = FakeKernel(tables.append)
    kernel.apply(Change(whole=START))
    kernel.apply(Change(gone_chains=("i_b",), epoch=LATER))
    assert [(len(table.chains), table.epoch) for table in tables] == [
        (len(START.chains), START.epoch),
        (len(START.chains) - 1, START.epoch),
        (len(START.chains) - 1, LATER),
    ]


def test_a_refusal_says_what_is_wrong() -> None:
    kernel = FakeKernel()
    kernel.apply(Change(whole=START))
    with pytest.raises(KernelError, match="chain i_a, rule 0: there is no set s_a4"):
        kernel.apply(Change(gone_sets=("s_a4",), epoch=LATER))
    assert kernel.ruleset == START
