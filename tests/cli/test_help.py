"""What --help says: every flag, examples that can be copied, and 80 columns."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from podwall.cli.main import main
from tests.cli.program import SHOP, podwall

COMMANDS = [
    *(
        "map",
        "explain",
        "verdict",
        "diff",
        "test",
        "check",
        "new",
        "lockdown",
        "lab",
        "snapshot",
        "project",
        "completion",
        "version",
    ),
]
LISTED_FLAGS = {
    "map": ["-A", "-o", "--from", "--to", "--about", "--port", "--summary", "--why", "--exposure"],
    "explain": ["-o", "--family", "--change"],
    "diff": ["-A", "-o", "--fail-on"],
    "test": ["-o", "--coverage", "--min", "--write", "-d", "--schema", "--lab"],
    "lab": [
        *("--nodes", "--replicas", "--link", "--dns-cache", "--sample", "--expect", "--shell", "--keep"),
        *("--capture", "-o"),
    ],
    "verdict": ["--queries", "--trace"],
    "check": [
        *("-A", "-o", "--select", "--ignore", "--fail-on", "--fix", "--diff", "--unsafe-fixes"),
        *("--baseline", "--write-baseline", "--explain-skipped", "--flows", "--unused-days", "--explain"),
    ],
    "snapshot": ["-o", "--force", "--with-topology", "--used-labels", "--label", "--taken"],
}
INPUT = [
    *("-f", "-k", "--snapshot", "-n", "--cni", "--pod-cidr", "--channel", "--resolutions"),
    *("--skip-invalid", "--strict", "--ignore-kinds", "--project", "--no-project", "-q", "-v"),
]


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), *((c, "--help") for c in COMMANDS)], ids=str)
def test_help_fits_80_columns(arguments: tuple[str, ...]) -> None:
    done = podwall(*arguments)
    assert (done.code, done.err) == (0, "")
    assert [line for line in done.out.splitlines() if len(line) > 80] == []
    assert "\b" not in done.out


def test_help_lists_the_commands() -> None:
    listed = podwall("--help").out.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.strip()] == COMMANDS


def test_no_command_is_a_usage_error_that_helps() -> None:
    done = podwall()
    assert (done.code, "Usage: podwall" in done.out + done.err) == (2, True)


@pytest.mark.parametrize("command", LISTED_FLAGS)
def test_every_flag_is_explained(command: str) -> None:
    help_text = podwall(command, "--help").out
    listed = [line.split() for line in help_text.splitlines() if line.startswith("  -")]
    assert {words[0].rstrip(",") for words in listed} == {*INPUT, *LISTED_FLAGS[command], "-h"}
    assert "--debug" not in help_text  # for those who are asked for it


def examples(command: str) -> list[str]:
    """The lines under "Examples:", joined where one goes on."""
    block = podwall(command, "--help").out.partition("Examples:\n")[2].partition("\n\n")[0]
    return block.replace("|\n", "| ").strip().split("\n")


@pytest.mark.parametrize("command", LISTED_FLAGS)
def test_examples_stand_as_they_are_typed(command: str) -> None:
    found = examples(command)
    assert len(found) > 1
    for line in found:
        assert "podwall " in line
        call = shlex.split(line.rpartition("| ")[2])
        assert call[0] == "podwall"
        assert call[1] in COMMANDS
        done = podwall(call[1], "--help", *call[2:])  # every flag of it exists
        assert done.code == 0


def test_the_example_with_a_question_works() -> None:
    (line,) = [line for line in examples("verdict") if "echo" in line]
    asked, _, call = line.strip().partition(" | ")
    question = shlex.split(asked)[1]
    arguments = shlex.split(call)[1:]
    arguments[arguments.index("shop/")] = str(SHOP / "good")
    done = podwall(*arguments, stdin=question.replace("shop/db", "shop/cart").replace("5432", "7070"))
    assert (done.code, json.loads(done.out)["verdict"]) == (0, "allow")


@pytest.mark.parametrize(
    ("started", "called"),
    [("/bin/podwall", "podwall"), ("/bin/kubectl-podwall", "kubectl podwall"), ("kubectl-podwall", "kubectl podwall")],
)
def test_help_calls_the_program_as_it_was_called(
    started: str, called: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "map", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"Usage: {called} map [OPTIONS]\n")


@pytest.mark.parametrize("command", ["map", "verdict"])
def test_exit_codes_are_explained(command: str) -> None:
    text = podwall(command, "--help").out
    assert "Exit codes:\n    0  answered               3  incomplete input" in text


def test_explain_tells_a_denial_from_an_allow() -> None:
    text = podwall("explain", "--help").out
    assert "Exit codes:\n    0  allowed                2  usage or input error" in text
    assert "\n    1  denied                 3  incomplete input" in text
