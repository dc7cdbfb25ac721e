"""The contracts in pyproject.toml bite: each is broken once on purpose, in a copy of the source."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = [contract["id"] for contract in PYPROJECT["tool"]["importlinter"]["contracts"]]

# Contract, file, what it imports though it must not.
BREACHES = [
    ("layers", "engine/breach.py", "import podwall.report.breach"),
    ("layers", "text/breach.py", "import podwall.api.meta"),
    ("layers", "api/breach.py", "import podwall.text.yaml"),
    ("layers", "errors.py", "import podwall.api.meta"),
    ("layers", "cli/breach.py", "import podwall.web.breach"),
    ("layers", "needs/breach.py", "import podwall.flows.breach"),
    ("layers", "unheard_of/breach.py", ""),
    ("acyclic", "engine/breach.py", "import podwall.engine.second"),
    ("rules", "check/rules/breach.py", "import podwall.check.rules.second"),
    ("meaning", "engine/breach.py", "import podwall.api.networking"),
    ("meaning", "report/breach.py", "from podwall.api.networking import NetworkPolicy"),
    ("doors", "cli/breach.py", "import podwall.engine.breach"),
    ("doors", "cli/breach.py", "import podwall.sources.breach"),
    ("doors", "web/breach.py", "import podwall.engine.breach"),
    ("pure", "engine/breach.py", "from time import monotonic"),
    ("pure", "admission/breach.py", "import os.path"),
    ("pure", "cluster/breach.py", "from pathlib import Path"),
    ("pure", "api/breach.py", "import socket"),
    ("pure", "text/breach.py", "import subprocess"),
    ("pure", "report/breach.py", "import kr8s"),
    ("pure", "diff/breach.py", "import threading"),
    ("pure", "author/breach.py", "import podwall.sources.breach"),
    ("pure", "errors.py", "import tempfile"),
    ("clock", "sources/breach.py", "import time"),
    ("disk", "unheard_of/breach.py", "import pathlib"),
    ("processes", "ops/breach.py", "import subprocess"),
    ("processes", "sources/breach.py", "import multiprocessing"),
    ("network", "sources/breach.py", "import socket"),
    ("tables", "flows/breach.py", "import ibis"),
    ("numbers", "report/breach.py", "import numpy"),
    ("yaml", "sources/breach.py", "import yaml"),
    ("terminal", "report/breach.py", "import click"),
    ("terminal", "ops/breach.py", "import click"),
    ("server", "cli/breach.py", "import uvicorn"),
]

# What the same contracts allow.
ALLOWED = [
    ("doors", "cli/breach.py", "import podwall.ops.breach, podwall.report.breach, podwall.cli.second, podwall.errors"),
    ("meaning", "engine/policies/breach.py", "import podwall.api.networking"),
    ("pure", "engine/breach.py", "import datetime, io, numpy"),
    ("clock", "ops/breach.py", "import time"),
    ("disk", "sources/breach.py", "import gzip, os, pathlib"),
    ("numbers", "engine/policies/breach.py", "import numpy"),
    ("terminal", "cli/breach.py", "import click"),
    ("yaml", "text/breach.py", "import yaml"),
]


def with_import(root: Path, file: str, line: str) -> None:
    """Put `line` into `file` of the copy of podwall, and make the modules that `line` names exist."""
    named = [name.strip(",") for name in line.split() if name.startswith("podwall.")]
    files = [file, *(name.replace(".", "/").removeprefix("podwall/") + ".py" for name in named)]
    for each in files:
        path = root / "podwall" / each
        if path.with_suffix("").is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in path.relative_to(root / "podwall").parents:
            (root / "podwall" / folder / "__init__.py").touch()
        path.touch()
    with (root / "podwall" / file).open("a") as source:
        source.write(f"\n{line}\n")


def check(root: Path, contract: str) -> subprocess.CompletedProcess[str]:
    config = ["--config", str(ROOT / "pyproject.toml"), "--contract", contract]
    return subprocess.run(
        [PROGRAMS / "lint-imports", "--no-cache", "--no-logo", *config],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src" / "podwall", tmp_path / "podwall", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES)
def test_a_breach_is_found(copy: Path, contract: str, file: str, line: str) -> None:
    with_import(copy, file, line)
    if contract == "acyclic":
        with_import(copy, "engine/second.py", "import podwall.engine.breach")
    done = check(copy, contract)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 broken" in done.stdout, done.stdout + done.stderr
    assert "breach" in done.stdout or file == "errors.py" or "unheard_of" in done.stdout


@pytest.mark.parametrize(("contract", "file", "line"), ALLOWED)
def test_what_is_allowed_passes(copy: Path, contract: str, file: str, line: str) -> None:
    with_import(copy, file, line)
    done = check(copy, contract)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_is_broken_here_once() -> None:
    assert {contract for contract, _, _ in BREACHES} == set(CONTRACTS)


# File, line of code, the rule that refuses it.
REFUSED = [
    ("src/podwall/engine/x.py", "print(1)", "T201"),
    ("src/podwall/engine/x.py", "import datetime\n\nx = datetime.datetime.now(datetime.UTC)", "TID251"),
    ("src/podwall/ops/x.py", "from time import time\n\nx = time()", "TID251"),
    ("src/podwall/text/x.py", "import yaml\n\nx = yaml.safe_load('')", "TID251"),
    ("src/podwall/text/x.py", "x = open('f')", "PTH123"),
    ("src/podwall/engine/x.py", "from . import rules", "TID252"),
    ("src/podwall/engine/x.py", "# TODO: later", "FIX002"),
    ("src/podwall/engine/x.py", "def f(a: int, b: int, c: int, d: int, e: int, f: int) -> None: ...", "PLR0913"),
    ("src/podwall/engine/x.py", "class C:\n    camelCase: int", "N815"),
]


@pytest.mark.parametrize(("file", "code", "rule"), REFUSED)
def test_ruff_refuses(file: str, code: str, rule: str) -> None:
    done = subprocess.run(
        [PROGRAMS / "ruff", "check", "--no-cache", "--output-format", "concise", "--stdin-filename", file, "-"],
        cwd=ROOT,
        input=code + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert f" {rule} " in done.stdout
