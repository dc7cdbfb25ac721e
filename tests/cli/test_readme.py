"""Every command of the README, run as it stands there; `…` on a line of its own stands for lines that were left out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from podwall.text.yaml import documents
from tests.cli.program import ROOT, SHOP

README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def transcripts() -> list[tuple[str, list[str]]]:
    """Each command with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for block in _BLOCK.findall(README):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> ") and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
            else:
                found[-1][1].append(line)
    return found


def mentioned() -> list[str]:
    """Commands in indented blocks that podwall has a part in."""
    lines = re.findall(r"^    (.*\bpodwall \S.*)$", _BLOCK.sub("", README), re.MULTILINE)
    return [line.partition("  #")[0].rstrip() for line in lines]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`podwall` as it is here, and a kubectl whose cluster is the example shop."""
    folder = tmp_path_factory.mktemp("bin")
    objects = [d.value for path in sorted((SHOP / "good").iterdir()) for d in documents(path.read_bytes(), path.name)]
    (folder / "dump.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    start = "import sys; sys.argv[0] = 'podwall'; from podwall.cli.main import main; main()"
    for name, line in {
        "podwall": f'exec "{sys.executable}" -c "{start}" "$@"',
        "kubectl": f'test "$1" = get && exec cat "{folder}/dump.json"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


def run(command: str, programs: Path) -> tuple[int, list[str]]:
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "COLUMNS": "80",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines()


def matches(printed: Sequence[str], said: Sequence[str]) -> bool:
    """Whether the lines are those that are said, with any lines where `…` stands."""
    pattern = "".join("(?:.*\n)*?" if line == "…" else f"{re.escape(line)}\n" for line in said)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


@pytest.mark.parametrize(("command", "said"), transcripts(), ids=[command for command, _ in transcripts()])
def test_transcripts(command: str, said: list[str], programs: Path) -> None:
    _, printed = run(command, programs)
    assert said
    assert matches(printed, said), "\n".join(printed)


@pytest.mark.parametrize("command", mentioned())
def test_commands_that_are_mentioned_run(command: str, programs: Path) -> None:
    code, printed = run(command, programs)
    assert (code, bool(printed)) == (0, True)


def test_there_is_something_to_run() -> None:
    commands = " ".join([*(command for command, _ in transcripts()), *mentioned()])
    for word in (
        "podwall map -f examples/shop/good",
        "podwall explain",
        "podwall verdict",
        "kubectl get",
        "podwall map -f -",
    ):
        assert word in commands


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["a", "b", "c"], True),
        (["a", "…", "c"], True),
        (["a", "…"], True),
        (["…", "c"], True),
        (["a", "b", "…", "c"], True),
        (["a", "c"], False),
        (["a", "…", "b"], False),
        (["…", "d", "…"], False),
        (["…"], True),
    ],
)
def test_how_transcripts_are_compared(said: list[str], expected: bool) -> None:
    assert matches(["a", "b", "c"], said) == expected


def test_the_table_of_exit_codes_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| (\d) \| ", README, re.MULTILINE)
    assert rows == ["0", "1", "2", "3", "4"]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#][^)]*)\)", README):
        assert "://" in target or (ROOT / target).exists(), target
    anchors = {
        re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
        for head in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for target in re.findall(r"\]\(#([^)]*)\)", README):
        assert target in anchors, target
