"""podwall diff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podwall.cli import flags
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams, run

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs
    from podwall.report.public_diff import Diff

__all__ = ["EXAMPLES", "diff_command"]

_FORMATS = ("text", "json", "md")
_FAIL_ON = ("opened", "closed", "internet")

EXAMPLES = """\b
Examples:
  podwall diff git:main:manifests manifests
  podwall diff git:main:policies policies -f cluster.json -o md
  podwall diff yesterday.json.gz today.json.gz --fail-on internet

\b
Exit codes:
  0  no difference (see --fail-on)   2  usage or input error
  1  differences                     3  incomplete input (see --strict)
                                     4  a bug in Podwall
"""

Old = Annotated[
    str, typer.Argument(metavar="OLD", help="A file, a directory, - for standard input, or git:REV[:PATH].")
]
New = Annotated[str, typer.Argument(metavar="NEW", help="The same.")]
Shared = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--filename",
        metavar="PATH",
        help="What both sides share, as a dump of the cluster where OLD and NEW hold only policies; repeatable.",
    ),
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="WHAT",
        help="Exit 1 only on opened or closed connections, or on what is newly open to or from the internet, added "
        "endpoints included: opened, closed, internet; repeatable, or with commas.  [default: any difference]",
    ),
]


def diff_command(
    *,
    old: Old,
    new: New,
    filename: Shared = None,
    kustomize: flags.Kustomize = None,
    namespace: flags.OnlyNamespace = None,
    all_namespaces: flags.AllNamespaces = False,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="text, json or md.")] = "text",
    fail_on: FailOn = None,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    debug: flags.Debug = False,
) -> None:
    """What connectivity NEW opens and closes, and which edits did it.

    Risks come first: what is newly open to the internet, to everyone, to other
    namespaces; who lost DNS. What either side has is not taken from -f, so that
    a dump of the cluster may hold the policies that OLD and NEW are about.
    """
    named = locals()
    if output not in _FORMATS:
        raise typer.BadParameter(f"{output!r} is not one of {', '.join(_FORMATS)}", param_hint="-o")
    wanted = [part.strip() for several in fail_on or () for part in several.split(",")]
    for part in wanted:
        if part not in _FAIL_ON:
            raise typer.BadParameter(f"{part!r} is not one of {', '.join(_FAIL_ON)}", param_hint="--fail-on")

    def command(streams: Streams) -> int:
        return _diff(streams, flags.inputs(named), (old, new), output, wanted)

    run(command, quiet=quiet, verbose=verbose, debug=debug)


def _diff(streams: Streams, given: Inputs, sides: tuple[str, str], output: str, wanted: list[str]) -> int:
    from podwall.ops.diffing import Sides, diff

    with streams.phase("compared"):
        found = diff(given, Sides(*sides))
    streams.note(*found.read)
    streams.warn(*found.warnings)
    with streams.phase("written"):
        _write(streams, found.answer, output)
    if found.partial:
        return INCOMPLETE
    return FINDINGS if _fails(found.answer, wanted) else OK


def _write(streams: Streams, answer: Diff, output: str) -> None:
    if output == "json":
        from podwall.report import json

        streams.result(json.parts(answer))
    elif output == "md":
        from podwall.report.diff_markdown import diff_markdown

        streams.result([diff_markdown(answer)])
    else:
        from podwall.report.diff_text import diff_text

        streams.result(diff_text(answer))


def _fails(answer: Diff, wanted: list[str]) -> bool:
    moved = answer.endpoints
    found = {
        "opened": bool(answer.opened),
        "closed": bool(answer.closed),
        "internet": answer.internet,
        "endpoints": bool(moved.added or moved.removed),
    }
    return any(found[what] for what in wanted or found)
