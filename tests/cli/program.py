"""The program as tests run it: mostly in this process, as a process of its own where pipes and signals matter."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from podwall.cli.main import app
from tests.cli.schemas import sarif_slips

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop"
_START = "import sys; sys.argv[0] = 'podwall'; from podwall.cli.main import main; main()"


@dataclass(frozen=True)
class Done:
    """How a run ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer of `-o json`."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The answers of `verdict`."""
        return [json.loads(line) for line in self.out.splitlines()]


def podwall(*arguments: str | Path, stdin: str | bytes = b"") -> Done:
    """One command in this process."""
    try:
        result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, prog_name="podwall")
    finally:
        gc.enable()  # which a command leaves off
    return checked(arguments, Done(result.exit_code, result.stdout_bytes.decode(), result.stderr_bytes.decode()))


def checked(arguments: tuple[str | Path, ...], done: Done) -> Done:
    """A run; whatever SARIF it wrote, for whichever test, keeps to the schema."""
    if "sarif" in arguments and done.out.startswith("{"):
        assert sarif_slips(done.out) == []
    return done


@contextmanager
def process(*arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """One command in a process of its own; it is ended with the block."""
    command = [sys.executable, "-c", _START, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **options.pop("environment", {})}
    with subprocess.Popen(command, env=environment, **options) as started:
        try:
            yield started
        finally:
            started.kill()


def finish(
    *arguments: str | Path, stdin: bytes = b"", environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Done:
    """One command in a process of its own, run to its end."""
    with process(
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        environment=environment or {},
        cwd=cwd,
    ) as started:
        out, err = started.communicate(stdin, timeout=60)
    return checked(arguments, Done(started.returncode, out.decode(), err.decode()))
