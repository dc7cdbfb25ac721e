"""The program: its commands, and the entry points `podwall` and `kubectl podwall`."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated

import click

from podwall.cli import explain, verdict
from podwall.cli import map as map_
from podwall.cli.command import Program, option
from podwall.cli.new import Recipes
from podwall.cli.running import Streams, run

__all__ = ["app", "main"]


def version_command(
    output: Annotated[str, option("-o", "--output", metavar="FORMAT", help="text or json.")] = "text",
) -> None:
    """The version of Podwall."""
    if output not in ("text", "json"):
        raise click.BadParameter(f"{output!r} is not one of text, json", param_hint="-o")
    run(lambda streams: _version(streams, output))


def _version(streams: Streams, output: str) -> int:
    from podwall.ops.about import version

    streams.result([version(output)])
    return 0


app = Program(
    "podwall", "Who can talk to whom in a Kubernetes cluster, and why; from allow-all to a proved default deny."
)
app.add("explain", explain.explain_command, explain.EXAMPLES)
app.add("map", map_.map_command, map_.EXAMPLES)
app.add_command(Recipes())
app.add("verdict", verdict.verdict_command, verdict.EXAMPLES)
app.add("version", version_command)


def main() -> None:
    """Entry point of `podwall`, and of `kubectl podwall` by way of `kubectl-podwall`."""
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    try:
        app(prog_name="kubectl podwall" if plugin else "podwall")
    finally:
        gc.freeze()  # the interpreter looks for garbage once more as it ends, when all memory is given back anyway
