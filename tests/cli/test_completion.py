"""Completion: the words that may stand next, the scripts of the shells, and kubectl's plugin."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from podwall.cli import main
from podwall.cli.shells import SCRIPTS
from tests.cli.program import ROOT, SHOP, podwall

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

# What is typed behind `podwall`, the words that may stand in place of the last one, and kubectl's number.
CASES: list[tuple[list[str], list[str], int]] = [
    ([""], COMMANDS, 4),
    (["ma"], ["map"], 4),
    (["--"], ["--help"], 4),
    (["nothing", ""], [], 4),
    (["map", "--cni", ""], ["cilium", "kubernetes"], 4),
    (["map", "--cni", "k"], ["kubernetes"], 4),
    (["map", "--cni", "x"], [], 4),
    (["map", "--cni=c"], ["--cni=cilium"], 4),
    (["map", "--nothing=c"], [], 4),
    (["map", "-o", ""], ["text", "wide", "json", "csv", "md", "dot", "mermaid", "svg"], 4),
    (["map", "-Ao", "j"], ["json"], 4),
    (["map", "-ojson", "--w"], ["--why"], 4),
    (["map", "-f", ""], [], 0),
    (["map", "-k", "a"], [], 16),
    (["map", "--pod-cidr", ""], [], 4),
    (["map", "--snapshot", "x"], [], 0),
    (["map", "--snapshot="], [], 0),
    (["map", "--summary", "--sum"], [], 4),  # given already
    (["map", "-f", "x", "--fi"], ["--filename"], 4),  # may come again
    (["map", "--debu"], [], 4),
    (["map", "-n", "-k", ""], [], 4),  # -k is the name of a namespace here
    (["lab", "--link", ""], ["routed", "bridged"], 4),
    (["lab", "--capture", ""], [], 16),
    (["lab", "--expect", ""], [], 0),
    (["explain", "a", "--fam"], ["--family"], 4),
    (["explain", "a"], [], 4),
    (["explain", "--", "--"], [], 4),
    (["completion", ""], ["bash", "zsh", "fish"], 4),
    (["completion", "bash", ""], [], 4),
]


def answer(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[list[str], int]:
    main.complete(words)
    *found, last = capsys.readouterr().out.splitlines()
    return [line.partition("\t")[0] for line in found], int(last.removeprefix(":"))


@pytest.mark.parametrize(("words", "expected", "beside"), CASES, ids=[" ".join(words) for words, _, _ in CASES])
def test_answers(words: list[str], expected: list[str], beside: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(words, capsys) == (expected, beside)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_of_the_help_is_offered(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = answer([command, "--"], capsys)
    lines = [line.split() for line in podwall(command, "--help").out.splitlines() if line.startswith("  -")]
    listed = {word.rstrip(",") for words in lines for word in words[:2] if word.startswith("--")}
    assert set(found) == listed


def test_no_word_at_all_is_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([], capsys) == (COMMANDS, 4)


def test_meanings_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    main.complete(["map", "--why"])
    assert capsys.readouterr().out == ("--why\tName the rules that allow each connection, and where they stand.\n:4\n")


def test_scripts() -> None:
    for shell, script in SCRIPTS.items():
        done = podwall("completion", shell)
        assert (done.code, done.out, done.err) == (0, script, "")
    assert podwall("completion", "tcsh").code == 2


# ------------------------------------------------------------------------------------------------------------- shells
@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """An environment with `podwall` and kubectl's plugins on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, function in (("podwall", "main"), ("kubectl-podwall", "main"), ("kubectl_complete-podwall", "complete")):
        start = f"import sys; sys.argv[0] = '/x/{name}'; from podwall.cli.main import {function}; {function}()"
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable} -c "{start}" "$@"\n')
        (folder / name).chmod(0o755 | stat.S_IEXEC)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}


def shell(program: str, script: str, environment: dict[str, str]) -> list[str]:
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    done = subprocess.run(
        [program, "-c", script],
        env=environment,
        cwd=SHOP.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


BASH = [
    (["ma"], "map"),
    (["map", "--cni", ""], "cilium kubernetes"),
    (["map", "--cni", "="], "cilium kubernetes"),  # bash takes words apart at = and :
    (["map", "--cni", "=", "k"], "kubernetes"),
    (["map", "-f", "sh"], "shop"),
    (["map", "-k", "shop/g"], "shop/good"),
    (["explain", "a", ":", "80", "--fam"], "--family"),
    (["explain", "a"], ""),
]


def test_bash(programs: dict[str, str]) -> None:
    asked = "\n".join(
        f"COMP_WORDS=(podwall {' '.join(repr(word) for word in words)}); COMP_CWORD={len(words)}; __podwall_complete; "
        'echo "${COMPREPLY[*]}"'
        for words, _ in BASH
    )
    script = f"source <(podwall completion bash); complete -p podwall\n{asked}"
    first, *found = shell("bash", script, programs)
    assert first == "complete -F __podwall_complete podwall"
    assert found == [expected for _, expected in BASH]


def test_zsh(programs: dict[str, str]) -> None:
    stubs = 'compdef() { :; }; _files() { echo "files $*"; }; _describe() { print -l -- "${(@P)3}"; }'
    asked = "words=(podwall map --cni=k); CURRENT=3; _podwall; words=(podwall map -k ''); CURRENT=4; _podwall"
    found = shell("zsh", f"{stubs}; source <(podwall completion zsh); {asked}", programs)
    assert found == ["--cni=kubernetes", "files -/"]


def test_fish(programs: dict[str, str]) -> None:
    found = shell("fish", "podwall completion fish | source; complete -C 'podwall map --cni '", programs)
    assert found == ["cilium", "kubernetes"]


# ------------------------------------------------------------------------------------------------------------ kubectl
def kubectl(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl")
    return subprocess.run(
        ["kubectl", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_kubectl_completes(programs: dict[str, str]) -> None:
    done = kubectl("__complete", "podwall", "map", "--cni", "", environment=programs)
    assert done.stdout.splitlines() == ["cilium", "kubernetes", ":4"]


def test_kubectl_podwall(programs: dict[str, str]) -> None:
    done = kubectl("podwall", "map", "-f", str(SHOP / "good"), "--summary", environment=programs)
    assert (done.returncode, done.stderr) == (0, "")
    done = kubectl("podwall", "map", "-o", "xml", environment=programs)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: kubectl podwall map [OPTIONS]\nTry 'kubectl podwall map --help' for help.\n")
    for command in COMMANDS:
        text = kubectl("podwall", command, "--help", environment=programs).stdout
        assert text.startswith(f"Usage: kubectl podwall {command} ")
        assert [line for line in text.splitlines() if line.startswith(("    podwall ", "  podwall "))] == []
        assert [line for line in text.splitlines() if len(line) > 80] == []
