"""The program: its commands, and the entry points `podwall` and `kubectl podwall`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from podwall.cli import explain, flags, snapshot, verdict
from podwall.cli import map as map_
from podwall.cli.running import Streams, run

__all__ = ["app", "main"]

app = typer.Typer(
    name="podwall",
    help="Who can talk to whom in a Kubernetes cluster, and why; from allow-all to a proved default deny.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain_command)
app.command("map", epilog=map_.EXAMPLES)(map_.map_command)
app.command("snapshot", epilog=snapshot.EXAMPLES)(snapshot.snapshot_command)
app.command("verdict", epilog=verdict.EXAMPLES)(verdict.verdict_command)


@app.command("version")
def version_command(
    output: Annotated[str, flags.output("text", "json")] = "text",
) -> None:
    """The version of Podwall."""
    run(lambda streams: _version(streams, output))


def _version(streams: Streams, output: str) -> int:
    from podwall.ops.about import version

    streams.result([version(output)])
    return 0


def main() -> None:
    """Entry point of `podwall`, and of `kubectl podwall` by way of `kubectl-podwall`."""
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    app(prog_name="kubectl podwall" if plugin else "podwall")
