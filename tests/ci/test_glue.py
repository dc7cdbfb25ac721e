"""The hooks, the GitHub Action and the GitLab template: what they run is run, with the variables they would have."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.program import ROOT, SHOP
from tests.cli.schemas import sarif_slips

_START = "import sys; sys.argv[0] = 'podwall'; from podwall.cli.main import main; main()"
_INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with the broken shop in it."""
    shutil.copytree(SHOP / "broken", tmp_path / "project" / "deploy")
    return tmp_path / "project"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for the PATH: podwall from this tree, and a pip that says what it is to install."""
    folder = tmp_path / "bin"
    folder.mkdir()
    source = shlex.quote(str(ROOT / "src"))
    program(folder / "podwall", f'PYTHONPATH={source} exec {shlex.quote(sys.executable)} -c {shlex.quote(_START)} "$@"')
    program(folder / "pip", 'printf "%s\\n" "$@"')
    return folder


def program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


def bash(script: str, folder: Path, programs: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script as both services start it: it ends with the first command that fails."""
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), **variables}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100, check=False
    )


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


# GitHub


def step(number: int, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The script of a step and its variables, for some inputs."""
    action = read("action.yml")
    inputs = {name: str(field["default"]) for name, field in action["inputs"].items()}
    inputs.update(given)
    found = action["runs"]["steps"][number]
    assert "${{" not in found["run"]  # an input in a script could bring commands of its own
    return found["run"], {key: _INPUT.sub(lambda m: inputs[m[1]], text) for key, text in found["env"].items()}


def test_the_action_checks_and_reports(project: Path, programs: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    script, variables = step(1, {"path": "deploy", "sarif": "podwall.sarif"})
    done = bash(script, project, programs, GITHUB_STEP_SUMMARY=str(summary), **variables)
    assert done.returncode == 1, done.stderr
    assert "::error file=deploy/payments-policies.yaml,line=" in done.stdout
    assert "PW110" in summary.read_text(encoding="utf-8")
    report = (project / "podwall.sarif").read_text(encoding="utf-8")
    assert json.loads(report)["version"] == "2.1.0"
    assert sarif_slips(report) == []


@pytest.mark.parametrize(("fail_on", "code"), [("never", 0), ("error", 1), ("of course", 2)])
def test_the_action_fails_as_asked(fail_on: str, code: int, project: Path, programs: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    script, variables = step(1, {"fail-on": fail_on, "args": "-n payments --cni kubernetes"})
    done = bash(script, project, programs, GITHUB_STEP_SUMMARY=str(summary), **variables)
    assert done.returncode == code, done.stderr
    assert summary.exists() == (code < 2)


def test_the_action_takes_arguments_on_several_lines(project: Path, programs: Path) -> None:
    script, variables = step(1, {"args": "--select PW110\n-n payments\n"})
    done = bash(script, project, programs, **variables)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("::error") == 1
    assert "::warning" not in done.stdout


@pytest.mark.parametrize(("version", "wanted"), [("1.2.3", "podwall==1.2.3"), ("", "here")])
def test_the_action_installs_what_it_is(version: str, wanted: str, programs: Path, tmp_path: Path) -> None:
    script, variables = step(0, {"version": version})
    temporary = tmp_path / "temporary"
    (temporary / "podwall" / "bin").mkdir(parents=True)
    shutil.copy(programs / "pip", temporary / "podwall" / "bin" / "pip")
    program(programs / "python3", ":")  # its venv is there already
    path = tmp_path / "path"
    places = {"RUNNER_TEMP": str(temporary), "GITHUB_PATH": str(path), "GITHUB_ACTION_PATH": "here"}
    done = bash(script, tmp_path, programs, **places, **variables)
    assert done.stdout.split()[-1] == wanted, done.stderr
    assert path.read_text(encoding="utf-8") == f"{temporary}/podwall/bin\n"


# GitLab


def job() -> dict[str, Any]:
    found: dict[str, Any] = read("ci-templates/gitlab.yml")["podwall-check"]
    return found


def test_the_job_leaves_its_report(project: Path, programs: Path) -> None:
    found = job()
    variables = {**found["variables"], "CI_PROJECT_DIR": str(project), "PODWALL_PATH": "deploy"}
    done = bash("\n".join(found["script"]), project.parent, programs, **variables)
    assert done.returncode == 1, done.stderr
    assert "PW110" in done.stdout
    report = json.loads((project / found["artifacts"]["reports"]["codequality"]).read_text(encoding="utf-8"))
    paths = {one["location"]["path"] for one in report}
    assert paths == {"deploy/payments-policies.yaml", "deploy/shop-policies.yaml", "deploy/shop.yaml"}


@pytest.mark.parametrize(("version", "wanted"), [("", "podwall"), ("1.2.3", "podwall==1.2.3")])
def test_the_job_installs_a_version(version: str, wanted: str, project: Path, programs: Path) -> None:
    found = job()
    done = bash("\n".join(found["before_script"]), project, programs, PODWALL_VERSION=version)
    assert done.stdout.split()[-1] == wanted


# pre-commit


def hook(name: str) -> str:
    found = next(one for one in read(".pre-commit-hooks.yaml") if one["id"] == name)
    assert not found["pass_filenames"]
    return " ".join([found["entry"], *found["args"]])


def test_the_hook_finds(project: Path, programs: Path) -> None:
    done = bash(hook("podwall-check"), project, programs)
    assert done.returncode == 1, done.stderr
    assert "PW110" in done.stdout


def test_the_hook_fixes(project: Path, programs: Path) -> None:
    bash(hook("podwall-fix"), project, programs)
    assert "allow-dns" in (project / "deploy" / "payments-policies.yaml").read_text(encoding="utf-8")
    assert "PW110" not in bash(hook("podwall-check"), project, programs).stdout
