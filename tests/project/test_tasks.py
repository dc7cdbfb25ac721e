"""The Makefile and the scripts behind it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, flags=re.MULTILINE)
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir() if path.is_file())

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@needs_make
def test_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  make ([a-z-]+) +\S", shown, flags=re.MULTILINE)
    assert listed == TARGETS
    assert set(listed) >= {"demo", "test", "lint", "lock", "fresh", "bench", "clean", "help"}


def test_every_target_is_phony() -> None:
    assert re.findall(r"^\.PHONY: (.+)$", MAKEFILE, flags=re.MULTILINE) == TARGETS


@pytest.mark.parametrize("words", ["make demo", "make test", "apt-get install", "git", "make", "python3-venv"])
def test_the_readme_says_how_to_set_up(words: str) -> None:
    assert words in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_bash_that_stops_at_the_first_failure(script: Path) -> None:
    text = script.read_text()
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("name", ["Makefile", ".pre-commit-config.yaml"])
def test_what_tasks_name_is_there(name: str) -> None:
    text = (ROOT / name).read_text()
    named = set(re.findall(r"(?<![\w/])(?:\.ci|tests|benchmarks|requirements)/[\w./-]+\w", text))
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_a_python_that_does_not_run_is_refused_by_name(tmp_path: Path) -> None:
    """As pyenv's shims do where their version is not active: exit 127."""
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    copy = tmp_path / "project"
    shutil.copytree(ROOT / ".ci", copy / ".ci")
    shutil.copytree(ROOT / "requirements", copy / "requirements")
    done = subprocess.run(
        [copy / ".ci" / "environment"],
        env={**os.environ, "PYTHON": str(shim)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"podwall: PYTHON={shim} is not a Python 3.11")
    assert not (copy / ".venv").exists()
