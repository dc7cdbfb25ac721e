"""Every wrong reading is caught by every case that wrong.yaml names for it."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from tests.truth.cases import Case, Line, load_cases
from tests.truth.wrong import Edits, Wrong, load_wrong

PARTS = ("picture", "policy", "tiers", "targets", "oracle")
OWN_IMPORT = re.compile(r"^from tests\.truth\.\w+ import (\([^)]*\)|[^\n]*)\n", re.MULTILINE)
READINGS = load_wrong()
VERDICTS = [w for w in READINGS if w.edits]
OTHERS = [w for w in READINGS if not w.edits]
CASES = {case.file.stem: case for case in load_cases()}


def mutant(edits: Edits) -> types.ModuleType:
    """All of the oracle as one module, with some of its text replaced."""
    parts = [(Path(__file__).parent / f"{part}.py").read_text("utf-8") for part in PARTS]
    future = "from __future__ import annotations\n"
    source = future + OWN_IMPORT.sub("", "\n".join(parts).replace(future, ""))
    for old, new in edits:
        assert source.count(old) == 1, f"stands {source.count(old)} times in the oracle: {old!r}"
        source = source.replace(old, new)
    module = types.ModuleType("wrong_oracle")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(compile(source, "<wrong oracle>", "exec"), module.__dict__)  # noqa: S102 - our own source
    return module


def answers(module: types.ModuleType, case: Case) -> list[str]:
    """What a module's oracle says to the lines of a case; an exception is an answer too."""
    try:
        oracle = module.Oracle(
            case.objects,
            profile=case.cni,
            namespace=case.namespace,
            pod_cidrs=case.pod_cidrs,
            resolutions=case.resolutions,
        )
    except Exception as error:  # noqa: BLE001 - a mutant may break in any way
        return [repr(error)] * len(case.expect)
    return [answer(module, oracle, line) for line in case.expect]


def answer(module: types.ModuleType, oracle: object, line: Line) -> str:
    """One line's answer."""
    if line.port is None:
        return "error"
    ask = oracle.verdict  # type: ignore[attr-defined]
    try:
        return str(ask(line.src, line.dst, line.protocol, line.port, line.family)["verdict"])
    except module.OracleError:
        return "error"
    except Exception as error:  # noqa: BLE001 - a mutant may break in any way
        return repr(error)


def test_the_unchanged_oracle_is_right() -> None:
    module = mutant(())
    for case in CASES.values():
        assert answers(module, case) == [line.want for line in case.expect]


@pytest.mark.parametrize("reading", VERDICTS, ids=[w.name for w in VERDICTS])
def test_each_case_catches_the_reading(reading: Wrong) -> None:
    module = mutant(reading.edits)
    blind = [n for n in reading.cases if answers(module, CASES[n]) == [line.want for line in CASES[n].expect]]
    assert blind == []


@pytest.mark.parametrize("reading", OTHERS, ids=[w.name for w in OTHERS])
def test_other_readings_name_cases_of_their_item(reading: Wrong) -> None:
    assert [CASES[name] for name in reading.cases if reading.item in CASES[name].covers]


def test_names_are_unique() -> None:
    assert len({w.name for w in READINGS}) == len(READINGS)
