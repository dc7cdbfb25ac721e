"""podwall check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli import flags
from podwall.cli.command import option
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.checking import Asked, Checked
    from podwall.ops.fixing import Outcome
    from podwall.ops.inputs import Opened

__all__ = ["EXAMPLES", "check_command"]

_LEVELS = ("error", "warning", "info", "never")

EXAMPLES = """\b
Examples:
  podwall check -f manifests/
  podwall check -f manifests/ --fail-on warning --ignore PW13
  podwall check -f manifests/ -o sarif > podwall.sarif
  podwall check -f manifests/ --baseline known.json --write-baseline
  podwall check -f manifests/ --fix
  podwall check -f manifests/ --diff --unsafe-fixes
  podwall check -f manifests/ --flows edges.json
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


Output = Annotated[str, flags.output("text", "json", "sarif", "junit", "github", "gitlab", "md")]
Select = Annotated[
    tuple[str, ...], option("--select", metavar="ID", help="Only these checks: PW150, or PW15 for several; repeatable.")
]
Ignore = Annotated[tuple[str, ...], option("--ignore", metavar="ID", help="Not these checks; repeatable.")]
FailOn = Annotated[
    str | None,
    option(
        "--fail-on",
        metavar="LEVEL",
        help="Exit 1 from this on: error, warning, info or never.  [default: error]",
        check=_level,
        values=lambda: list(_LEVELS),
    ),
]
Fix = Annotated[bool, option("--fix", help="Edit the files; every fix is proved, and none may close anything.")]
Diff = Annotated[bool, option("--diff", help="Show what --fix would edit, and exit 1 if it would; nothing is written.")]
UnsafeFixes = Annotated[bool, option("--unsafe-fixes", help="With --fix or --diff: those that may close traffic, too.")]
Baseline = Annotated[
    str | None, option("--baseline", metavar="FILE", help="Findings that are known: only new ones count.")
]
WriteBaseline = Annotated[bool, option("--write-baseline", help="Write what is found to it; exit 0.")]
ExplainSkipped = Annotated[
    bool, option("--explain-skipped", help="Also what was not looked at, and which fact is missing.")
]
Flows = Annotated[
    tuple[str, ...],
    option("--flows", metavar="FILE", help="Observed traffic, as `podwall flows show -o json` writes it; repeatable."),
]
UnusedDays = Annotated[
    int | None,
    option("--unused-days", metavar="N", help="With --flows: what is unused for so long is said.  [default: 30]"),
]
Explain = Annotated[
    str | None, option("--explain", metavar="ID", help="What a check is about, and what to do; all lists them.")
]


@flags.reading(filtered=True)
def check_command(
    given: flags.Given,
    *,
    output: Output = "text",
    select: Select = (),
    ignore: Ignore = (),
    fail_on: FailOn = None,
    fix: Fix = False,
    diff: Diff = False,
    unsafe_fixes: UnsafeFixes = False,
    baseline: Baseline = None,
    write_baseline: WriteBaseline = False,
    flows: Flows = (),
    unused_days: UnusedDays = None,
    explain_skipped: ExplainSkipped = False,
    explain: Explain = None,
) -> None:
    """What an expert would say of the policies, worst first.

    Slips that mean something else than written, traffic that is cut off or
    far too open, rules that do nothing; each with its line, the reason and
    what to do. Then how well each namespace is closed.
    """
    named = locals()
    if unsafe_fixes and not (fix or diff):
        raise click.BadParameter("goes with --fix or --diff", param_hint="--unsafe-fixes")
    if fix and diff:
        raise click.BadParameter("writes, and --diff shows what would be written: give one of them", param_hint="--fix")

    if unused_days is not None and unused_days < 1:
        raise click.BadParameter("expected at least 1", param_hint="--unused-days")

    def work(streams: Streams) -> int:
        if explain is not None:
            return _explain(streams, explain)
        asked = _asked(given, named)
        if diff:
            return _diff(streams, given, asked, named)
        opened = _fixed(streams, given, asked, named) if fix else given.open(streams, keep_mistakes=True)
        return _check(streams, given, asked, opened, named)

    given.run(work)


def _asked(given: flags.Given, named: Mapping[str, Any]) -> Asked:
    from podwall.ops.checking import Asked
    from podwall.ops.observing import read_edges

    split = {name: tuple(one for several in named[name] for one in several.split(",")) for name in ("select", "ignore")}
    return Asked(
        **split,
        fail_on=named["fail_on"],
        baseline=named["baseline"],
        write_baseline=named["write_baseline"],
        edges=read_edges(named["flows"], given.inputs().sources),
        unused_days=named["unused_days"],
    )


def _fixing(streams: Streams, given: flags.Given, asked: Asked, named: Mapping[str, Any]) -> Outcome:
    """Every fix, made in memory."""
    from podwall.ops.checking import fixed

    with streams.phase("fixed"):
        outcome = fixed(given.inputs(), asked, given.project(), unsafe=named["unsafe_fixes"])
    streams.note(*outcome.opened.read)
    streams.warn(*outcome.opened.warnings)
    return outcome


def _diff(streams: Streams, given: flags.Given, asked: Asked, named: Mapping[str, Any]) -> int:
    from podwall.report.fixes import fixes_text

    outcome = _fixing(streams, given, asked, named)
    streams.aside(fixes_text(outcome.answer, written=False))
    streams.result([outcome.diff()])
    if outcome.opened.partial:
        return INCOMPLETE
    return FINDINGS if outcome.after else OK


def _fixed(streams: Streams, given: flags.Given, asked: Asked, named: Mapping[str, Any]) -> Opened:
    """Edits the files; what is in them then."""
    from podwall.report.fixes import fixes_text

    outcome = _fixing(streams, given, asked, named)
    outcome.write()
    tell = streams.result if named["output"] == "text" else streams.aside
    tell(fixes_text(outcome.answer, written=True))
    return outcome.opened


def _explain(streams: Streams, wanted: str) -> int:
    from podwall.ops.checking import explained, listed

    streams.result(listed() if wanted == "all" else explained(wanted))
    return OK


def _check(streams: Streams, given: flags.Given, asked: Asked, opened: Opened, named: Mapping[str, Any]) -> int:
    from podwall.ops.checking import checked

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
