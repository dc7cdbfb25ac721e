"""The program: its commands, and the entry points `podwall` and `kubectl podwall`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from podwall.cli import completion, explain, flags, project, snapshot, verdict
from podwall.cli import map as map_
from podwall.cli.running import Streams, run

__all__ = ["app", "complete", "main"]

_WIDTH = 80

app = typer.Typer(
    name="podwall",
    help="Who can talk to whom in a Kubernetes cluster, and why; from allow-all to a proved default deny.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order in which people come to need them; help lists them so.
app.command("map", epilog=map_.EXAMPLES)(map_.map_command)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain_command)
app.command("verdict", epilog=verdict.EXAMPLES)(verdict.verdict_command)
app.command("snapshot", epilog=snapshot.EXAMPLES)(snapshot.snapshot_command)
app.command("project", epilog=project.EXAMPLES)(project.project_command)
app.command("completion", epilog=completion.EXAMPLES)(completion.completion_command)

VERSION_EXAMPLES = """\b
Examples:
  podwall version
  podwall version -o json
"""


@app.command("version", epilog=VERSION_EXAMPLES)
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
    if sys.argv[1:2] == [completion.ASKED]:
        complete(sys.argv[2:])
        return
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    if plugin:
        for command in app.registered_commands:
            command.epilog = _of_plugin(command.epilog or "")
    app(prog_name="kubectl podwall" if plugin else "podwall")


def complete(words: list[str] | None = None) -> None:
    """Entry point of `kubectl_complete-podwall`, which kubectl asks for what may stand next."""
    root = typer.main.get_command(app)
    sys.stdout.writelines(completion.answer(root, sys.argv[1:] if words is None else words))


def _of_plugin(examples: str) -> str:
    """The examples as `kubectl podwall` is called; what gets too long goes on behind its pipe."""
    lines = examples.replace("  podwall ", "  kubectl podwall ").replace("| podwall ", "| kubectl podwall ")
    return "\n".join(_folded(line) for line in lines.split("\n"))


def _folded(line: str) -> str:
    return line.replace(" | ", " |\n    ") if len(line) > _WIDTH - 2 else line
