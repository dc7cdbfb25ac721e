"""podwall explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from podwall.cli import flags
from podwall.cli.command import Argument, option
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.explaining import Asking

__all__ = ["EXAMPLES", "explain_command"]

_EXIT_CODES = """\b
Exit codes:
  0  allowed                2  usage or input error
  1  denied                 3  incomplete input (see --strict, --ignore-kinds)
                            4  a bug in Podwall
"""

EXAMPLES = f"""\b
Examples:
  podwall explain shop/web shop/catalog 8080 -f shop/
  podwall explain shop/web 203.0.113.9 443/tcp -f shop/ -o json

{_EXIT_CODES}"""

Source = Annotated[
    str, Argument(metavar="SRC", help="ns/name, ns/Kind/name, ns/service/name, node/NAME or an address.")
]
Destination = Annotated[str, Argument(metavar="DST", help="The same or a domain name, also as DST:PORT.")]
PortText = Annotated[
    str | None, Argument(metavar="PORT", help="Number or name: 53, 53/udp, http. Without it, every port.")
]


@flags.reading()
def explain_command(
    given: flags.Given,
    *,
    src: Source,
    dst: Destination,
    port: PortText = None,
    output: Annotated[str, flags.output("text", "json")] = "text",
    family: Annotated[int | None, option("--family", metavar="4|6", help="Address family.")] = None,
    change: Annotated[
        bool, option("--change", help="Also the smallest change that would deny what is allowed.")
    ] = False,
) -> None:
    """Whether SRC reaches DST, and why: the rules that decide, with file and line, and what would turn the answer.

    A denial comes with the change of NetworkPolicies that allows it best: first
    what opens and closes least else (by order of magnitude), then what leaves a
    default deny as it is, then what is about the fewest other pods, then the
    fewest fields, then an edit of a rule before a new one. --change says the
    same of what would deny what is allowed. All changes are in -o json, best
    first, and all near misses: fewest failing terms first, then likely slips.

    The exit code is 0 where it is allowed (without PORT: on some port) and 1 where it is denied.
    """
    if family not in (None, 4, 6):
        raise click.BadParameter(f"{family} is neither 4 nor 6", param_hint="--family")

    def work(streams: Streams) -> int:
        from podwall.ops.explaining import asking

        return _explain(streams, given, asking(src, dst, port, family=family, change=change), output)

    given.run(work)


def _explain(streams: Streams, given: flags.Given, question: Asking, output: str) -> int:
    from podwall.ops.explaining import explain
    from podwall.report import json
    from podwall.report.explanation import explanation_text

    opened = given.open(streams)
    found = explain(opened, question)
    if output == "json":
        streams.result([json.document(found.answer)])
    else:
        streams.result(explanation_text(found.answer, found.excerpts))
    if opened.partial:
        return INCOMPLETE
    return OK if found.allowed else FINDINGS
