"""Functions as commands: what is typed, and what the function gets."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from click.testing import CliRunner, Result

from podwall.cli.command import Argument, Program, option

got: dict[str, Any] = {}


def weigh(
    *,
    what: Annotated[str, Argument(metavar="WHAT", help="A thing.")],
    where: Annotated[str | None, Argument(metavar="WHERE", help="A place.")] = None,
    unit: Annotated[str, option("--unit", metavar="UNIT", help="Its name.")] = "kg",
    times: Annotated[int | None, option("--times", metavar="N", help="How often.")] = None,
    filename: Annotated[tuple[str, ...], option("-f", "--file", help="Repeatable.")] = (),
    dry_run: Annotated[bool, option("-n", "--dry-run", help="Only say it.")] = False,
    secret: Annotated[bool, option("--secret", help="Not shown.", hidden=True)] = False,
) -> None:
    """Weighs WHAT."""
    got.update(locals())


def ship(*, to: Annotated[str, option("--to", help="Where.")]) -> None:
    """Ships."""
    got.update(locals())


def broken(*, ratio: Annotated[float, option("--ratio", help="No such flag is known.")] = 0.5) -> None:
    """Cannot be made."""


def program() -> Program:
    made = Program("scales", "Weighs things.")
    made.add("weigh", weigh, "Fin.")
    made.add("ship", ship)
    return made


def typed(*arguments: str, made: Program | None = None) -> Result:
    got.clear()
    return CliRunner().invoke(made or program(), arguments, prog_name="scales")


DEFAULTS = {
    "where": None,
    "unit": "kg",
    "times": None,
    "filename": (),
    "dry_run": False,
    "secret": False,
}


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["a"], {}),
        (["a", "there"], {"where": "there"}),
        (["a", "--unit", "g", "--times", "3"], {"unit": "g", "times": 3}),
        (["a", "-f", "x", "--file", "y"], {"filename": ("x", "y")}),
        (["-n", "--secret", "a"], {"dry_run": True, "secret": True}),
        (["--", "a", "-n"], {"where": "-n"}),
    ],
)
def test_the_function_gets_what_was_typed(arguments: list[str], given: dict[str, Any]) -> None:
    done = typed("weigh", *arguments)
    assert (done.exit_code, done.output) == (0, "")
    assert got == {"what": "a", **DEFAULTS, **given}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["weigh"], "Missing argument 'WHAT'."),
        (["ship"], "Missing option '--to'."),
        (["weigh", "a", "--times", "often"], "Invalid value for '--times': 'often' is not a valid integer."),
        (["weigh", "a", "--unit"], "Option '--unit' requires an argument."),
        (["weigh", "a", "b", "c"], "Got unexpected extra argument (c)"),
        (["weigh", "a", "--unot", "g"], "No such option '--unot'. Did you mean '--unit'?"),
        (["wiegh", "a"], "No such command 'wiegh'. Did you mean 'weigh'?"),
    ],
)
def test_usage_errors(arguments: list[str], said: str) -> None:
    done = typed(*arguments)
    assert (done.exit_code, done.stderr.splitlines()[-1], got) == (2, f"Error: {said}", {})


def test_help() -> None:
    shown = typed("weigh", "--help").output
    assert shown.splitlines()[:3] == ["Usage: scales weigh [OPTIONS] WHAT [WHERE]", "", "  Weighs WHAT."]
    listed = [line.split(maxsplit=2) for line in shown.splitlines() if line.startswith("  ")][1:]
    assert ["--unit", "UNIT", "Its name.  [default: kg]"] in listed
    assert ["--times", "N", "How often."] in listed
    assert ["WHAT", "A", "thing."] in listed
    assert ["-n,", "--dry-run", "Only say it."] in listed
    assert "--secret" not in shown
    assert shown.endswith("\n\n  Fin.\n")


def test_a_run_makes_the_command_that_it_needs() -> None:
    made = program()
    assert typed("weigh", "a", made=made).exit_code == 0
    assert list(made.commands) == ["weigh"]


def test_a_type_that_no_flag_gives_is_a_mistake_in_the_program() -> None:
    made = program()
    made.add("broken", broken)
    assert isinstance(typed("broken", made=made).exception, TypeError)
