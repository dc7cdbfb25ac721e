"""The program: its commands, and the entry points `podwall` and `kubectl podwall`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from podwall.cli import diff, explain, verdict
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
app.command("diff", epilog=diff.EXAMPLES)(diff.diff_command)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain_command)
app.command("map", epilog=map_.EXAMPLES)(map_.map_command)
app.command("verdict", epilog=verdict.EXAMPLES)(verdict.verdict_command)


@app.command("version")
def version_command(
    output: Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="text or json.")] = "text",
) -> None:
    """The version of Podwall."""
    if output not in ("text", "json"):
        raise typer.BadParameter(f"{output!r} is not one of text, json", param_hint="-o")
    run(lambda streams: _version(streams, output))


def _version(streams: Streams, output: str) -> int:
    from podwall.ops.about import version

    streams.result([version(output)])
    return 0


def main() -> None:
    """Entry point of `podwall`, and of `kubectl podwall` by way of `kubectl-podwall`."""
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    app(prog_name="kubectl podwall" if plugin else "podwall")
