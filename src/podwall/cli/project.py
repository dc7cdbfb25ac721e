"""podwall project."""

from __future__ import annotations

from typing import Annotated

from podwall.cli import flags
from podwall.cli.command import option
from podwall.cli.running import OK, Streams, run

__all__ = ["EXAMPLES", "project_command"]

EXAMPLES = """\b
Examples:
  podwall project
  podwall project --schema > .podwall.schema.json

\b
A project file, of which every key may be left out:
  # yaml-language-server: $schema=.podwall.schema.json
  inputs: [manifests/, policies/]     # where no -f, -k or --snapshot is given
  namespace: shop                     # of objects and names without one
  profile: kubernetes                 # as --cni
  podCIDRs: [10.244.0.0/16]
  strict: true
  check: {ignore: [PW130], failOn: warning}
  expectations: [tests/reach.yaml]
Paths start from the folder of the file. Flags win over it.
"""


def project_command(
    *,
    output: Annotated[str, flags.output("text", "json")] = "text",
    schema: Annotated[bool, option("--schema", help="Print the JSON Schema of the file, for editors.")] = False,
    project: flags.ProjectFile = None,
    debug: flags.Debug = False,
) -> None:
    """The project file that commands take here, and what it says.

    It is called .podwall.yaml and is found upwards from the working
    directory: up to the root of the repository, or the home folder.
    """
    run(lambda streams: _project(streams, project, output, schema=schema), debug=debug)


def _project(streams: Streams, given: str | None, output: str, *, schema: bool) -> int:
    from podwall.ops import project as ops

    if schema:
        streams.result([ops.schema().decode()])
        return OK
    found = ops.find_project(given)
    streams.result([ops.project_json(found)] if output == "json" else ops.project_text(found))
    return OK
