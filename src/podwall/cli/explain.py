"""podwall explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podwall.cli import flags
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams, run

if TYPE_CHECKING:
    from podwall.ops.explaining import Asking
    from podwall.ops.inputs import Inputs

__all__ = ["EXAMPLES", "explain_command"]

_FORMATS = ("text", "json")
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
    str, typer.Argument(metavar="SRC", help="ns/name, ns/Kind/name, ns/service/name, node/NAME or an address.")
]
Destination = Annotated[str, typer.Argument(metavar="DST", help="The same, also as DST:PORT.")]
PortText = Annotated[
    str | None, typer.Argument(metavar="PORT", help="Number or name: 53, 53/udp, http. Without it, every port.")
]


def explain_command(  # one parameter for each flag
    *,
    src: Source,
    dst: Destination,
    port: PortText = None,
    filename: flags.Filenames = None,
    kustomize: flags.Kustomize = None,
    namespace: flags.Namespace = None,
    all_namespaces: flags.AllNamespaces = False,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="text or json.")] = "text",
    family: Annotated[int | None, typer.Option("--family", metavar="4|6", help="Address family.", min=4, max=6)] = None,
    change: Annotated[
        bool, typer.Option("--change", help="Also the smallest change that would deny what is allowed.")
    ] = False,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    debug: flags.Debug = False,
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
    named = locals()
    _check(output, family)

    def command(streams: Streams) -> int:
        from podwall.ops.explaining import asking

        return _explain(streams, flags.inputs(named), asking(src, dst, port, family=family, change=change), output)

    run(command, quiet=quiet, verbose=verbose, debug=debug)


def _check(output: str, family: int | None) -> None:
    if output not in _FORMATS:
        raise typer.BadParameter(f"{output!r} is not one of {', '.join(_FORMATS)}", param_hint="-o")
    if family not in (None, 4, 6):
        raise typer.BadParameter(f"{family} is neither 4 nor 6", param_hint="--family")


def _explain(streams: Streams, given: Inputs, question: Asking, output: str) -> int:
    from podwall.ops.explaining import explain
    from podwall.ops.inputs import open_cluster
    from podwall.report import json
    from podwall.report.explanation import explanation_text

    opened = open_cluster(given)
    streams.warn(*opened.warnings)
    found = explain(opened, question)
    if output == "json":
        streams.result([json.document(found.answer)])
    else:
        streams.result(explanation_text(found.answer, found.excerpts))
    if opened.partial:
        return INCOMPLETE
    return OK if found.allowed else FINDINGS
