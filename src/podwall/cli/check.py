"""podwall check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli import flags
from podwall.cli.command import option
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.checking import Checked
    from podwall.ops.inputs import Opened

__all__ = ["EXAMPLES", "check_command"]

_LEVELS = ("error", "warning", "info", "never")

EXAMPLES = """\b
Examples:
  podwall check -f manifests/
  podwall check -f manifests/ --fail-on warning --ignore PW13
  podwall check -f manifests/ -o sarif > podwall.sarif
  podwall check -f manifests/ --baseline known.json --write-baseline
  podwall check --explain PW150
  kubectl get ns,no,po,svc,netpol -A -o json | podwall check -f -

\b
In CI:
  GitHub   -o github: annotations, and the summary of the job; or -o sarif
  GitLab   -o gitlab > gl-code-quality-report.json
  others   -o junit, -o json, -o md

\b
A finding that is meant does not count with this annotation on its object;
the date may be left out:
  podwall.io/ignore: "PW150: no ranges published (until 2027-01-31)"

\b
Exit codes:
  0  nothing at or above --fail-on     3  incomplete input
  1  findings                          4  a bug in Podwall
  2  usage or input error
"""


def _level(value: str | None) -> None:
    if value is not None and value not in _LEVELS:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(_LEVELS)}", param_hint="--fail-on")


@flags.reading(filtered=True)
def check_command(
    given: flags.Given,
    *,
    output: Annotated[str, flags.output("text", "json", "sarif", "junit", "github", "gitlab", "md")] = "text",
    select: Annotated[
        tuple[str, ...],
        option("--select", metavar="ID", help="Only these checks: PW150, or PW15 for several; repeatable."),
    ] = (),
    ignore: Annotated[tuple[str, ...], option("--ignore", metavar="ID", help="Not these checks; repeatable.")] = (),
    fail_on: Annotated[
        str | None,
        option(
            "--fail-on",
            metavar="LEVEL",
            help="Exit 1 from this on: error, warning, info or never.  [default: error]",
            check=_level,
            values=lambda: list(_LEVELS),
        ),
    ] = None,
    baseline: Annotated[
        str | None, option("--baseline", metavar="FILE", help="Findings that are known: only new ones count.")
    ] = None,
    write_baseline: Annotated[bool, option("--write-baseline", help="Write what is found to it; exit 0.")] = False,
    explain_skipped: Annotated[
        bool, option("--explain-skipped", help="Also what was not looked at, and which fact is missing.")
    ] = False,
    explain: Annotated[
        str | None, option("--explain", metavar="ID", help="What a check is about, and what to do; all lists them.")
    ] = None,
) -> None:
    """What an expert would say of the policies, worst first.

    Slips that mean something else than written, traffic that is cut off or
    far too open, rules that do nothing; each with its line, the reason and
    what to do. Then how well each namespace is closed.
    """
    named = locals()

    def work(streams: Streams) -> int:
        return _check(streams, given, named) if explain is None else _explain(streams, explain)

    given.run(work)


def _explain(streams: Streams, wanted: str) -> int:
    from podwall.ops.checking import explained, listed

    streams.result(listed() if wanted == "all" else explained(wanted))
    return OK


def _check(streams: Streams, given: flags.Given, named: Mapping[str, Any]) -> int:
    from podwall.ops.checking import Asked, checked

    split = {name: tuple(one for several in named[name] for one in several.split(",")) for name in ("select", "ignore")}
    asked = Asked(split["select"], split["ignore"], named["fail_on"], named["baseline"], named["write_baseline"])
    opened = given.open(streams, keep_mistakes=True)
    with streams.phase("checked"):
        found = checked(opened, asked, given.project())
    streams.warn(*found.notes)
    with streams.phase("written"):
        streams.result(_shown(opened, found, named))
    if named["output"] == "github":
        _summarize(found)
    if opened.partial:
        return INCOMPLETE
    return FINDINGS if found.fails else OK


def _shown(opened: Opened, found: Checked, named: Mapping[str, Any]) -> Iterable[str]:
    if named["output"] == "text":
        from podwall.ops.checking import pointed_at
        from podwall.report.findings.text import findings_text

        return findings_text(found.answer, pointed_at(opened, found.answer), skipped=named["explain_skipped"])
    from podwall.report.findings.formats import WRITERS

    return WRITERS[named["output"]](found.answer, found.report)


def _summarize(found: Checked) -> None:
    """GitHub shows the summary of a job on its page."""
    from podwall.ops.writing import append_summary
    from podwall.report.findings.markdown import markdown

    append_summary("".join(markdown(found.answer)))
