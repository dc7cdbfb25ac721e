"""podwall diff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import click

from podwall.cli import flags
from podwall.cli.command import Argument, option
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs
    from podwall.report.public_diff import Diff

__all__ = ["EXAMPLES", "diff_command"]

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

Side = "A file, a directory, a snapshot, - for standard input, or git:REV[:PATH]."


def _fails_on(values: Sequence[str]) -> None:
    for part in _parts(values):
        if part not in _FAIL_ON:
            raise click.BadParameter(f"{part!r} is not one of {', '.join(_FAIL_ON)}", param_hint="--fail-on")


def _parts(values: Sequence[str]) -> list[str]:
    return [part.strip() for several in values for part in several.split(",")]


@flags.reading(shared=True, filtered=True)
def diff_command(
    given: flags.Given,
    *,
    old: Annotated[str, Argument(metavar="OLD", help=Side)],
    new: Annotated[str, Argument(metavar="NEW", help="The same.")],
    output: Annotated[str, flags.output("text", "json", "md")] = "text",
    fail_on: Annotated[
        tuple[str, ...],
        option(
            "--fail-on",
            metavar="WHAT",
            help="Exit 1 only on opened or closed connections, or on what is newly open to or from the internet, added "
            "endpoints included: opened, closed, internet; repeatable, or with commas.  [default: any difference]",
            check=_fails_on,
            values=lambda: _FAIL_ON,
        ),
    ] = (),
) -> None:
    """What connectivity NEW opens and closes, and which edits did it.

    Risks come first: what is newly open to the internet, to everyone, to other
    namespaces; who lost DNS. What either side has is not taken from -f, so that
    a dump of the cluster may hold the policies that OLD and NEW are about.
    """
    given.run(lambda streams: _diff(streams, given.inputs(), (old, new), output, _parts(fail_on)))


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
