"""The program: its commands, and the entry points `podwall` and `kubectl podwall`."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated

from podwall.cli import check, completion, diff, explain, flags, lab, lockdown, project, snapshot, test, verdict
from podwall.cli import map as map_
from podwall.cli.command import Program
from podwall.cli.new import Recipes
from podwall.cli.running import Streams, run

__all__ = ["app", "complete", "main"]

_WIDTH = 80

VERSION_EXAMPLES = """\b
Examples:
  podwall version
  podwall version -o json
"""


def version_command(
    output: Annotated[str, flags.output("text", "json")] = "text",
) -> None:
    """The version of Podwall."""
    run(lambda streams: _version(streams, output))


def _version(streams: Streams, output: str) -> int:
    from podwall.ops.about import version

    streams.result([version(output)])
    return 0


# In the order in which people come to need them; help lists them so.
app = Program(
    "podwall", "Who can talk to whom in a Kubernetes cluster, and why; from allow-all to a proved default deny."
)
app.add("map", map_.map_command, map_.EXAMPLES)
app.add("explain", explain.explain_command, explain.EXAMPLES)
app.add("verdict", verdict.verdict_command, verdict.EXAMPLES)
app.add("diff", diff.diff_command, diff.EXAMPLES)
app.add("test", test.expectations_command, test.EXAMPLES)
app.add("check", check.check_command, check.EXAMPLES)
app.add_command(Recipes())
app.add("lockdown", lockdown.lockdown_command, lockdown.EXAMPLES)
app.add("lab", lab.lab_command, lab.EXAMPLES)
app.add("snapshot", snapshot.snapshot_command, snapshot.EXAMPLES)
app.add("project", project.project_command, project.EXAMPLES)
app.add("completion", completion.completion_command, completion.EXAMPLES)
app.add("version", version_command, VERSION_EXAMPLES)


def main() -> None:
    """Entry point of `podwall`, and of `kubectl podwall` by way of `kubectl-podwall`."""
    if sys.argv[1:2] == [completion.ASKED]:
        complete(sys.argv[2:])
        return
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    if plugin:
        app.reword = _of_plugin
    try:
        app(prog_name="kubectl podwall" if plugin else "podwall")
    finally:
        gc.freeze()  # the interpreter looks for garbage once more as it ends, when all memory is given back anyway


def complete(words: list[str] | None = None) -> None:
    """Entry point of `kubectl_complete-podwall`, which kubectl asks for what may stand next."""
    sys.stdout.writelines(completion.answer(app.made(), sys.argv[1:] if words is None else words))


def _of_plugin(examples: str) -> str:
    """The examples as `kubectl podwall` is called; what gets too long goes on behind its pipe."""
    lines = examples.replace("  podwall ", "  kubectl podwall ").replace("| podwall ", "| kubectl podwall ")
    return "\n".join(_folded(line) for line in lines.split("\n"))


def _folded(line: str) -> str:
    return line.replace(" | ", " |\n    ") if len(line) > _WIDTH - 2 else line
