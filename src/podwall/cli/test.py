"""podwall test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli import flags
from podwall.cli.command import Argument, option
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams
from podwall.errors import InputError

if TYPE_CHECKING:
    from podwall.ops.inputs import Opened
    from podwall.ops.laboratory import Wanted
    from podwall.ops.testing import Asked, Tested

__all__ = ["EXAMPLES", "expectations_command"]

EXAMPLES = """\b
Examples:
  podwall test expectations.yaml -f manifests/
  podwall test expectations.yaml -f manifests/ -o junit > report.xml
  podwall test expectations.yaml -f manifests/ --coverage --min 80
  podwall test expectations.yaml -f manifests/ --lab
  podwall test --write -f manifests/ -d expectations.yaml

\b
An assertions file:
  apiVersion: podwall.io/v1
  kind: Expectations
  metadata: {namespace: shop}      # of names without one; else that of -n
  expect:
  - web -> api:8080 allow
  - shop/* -> dns allow            # ns/* is every workload of a namespace
  - internet -> shop/* deny        # as dns, apiserver, monitoring: a set
  - from: {namespaceLabels: {env: dev}}
    to: data/postgres
    port: 5432                     # http, 53/udp, 8000-8100; or ports: […]
    verdict: deny
    because: only production may touch it
allow: every pair has it on all ports (some: true: one pair at least).
deny: no pair has it on any port, in any address family. Without a port it is
every port, or those of the set. An assertion about no pair fails.

\b
Exit codes:
  0  all hold                          3  incomplete input
  1  failed, or coverage below --min   4  a bug in Podwall
  2  usage or input error
"""

Files = Annotated[
    tuple[str, ...], Argument(metavar="FILE...", help="Assertions: files, directories, or - for standard input.")
]


def _percent(value: str | None) -> None:
    try:
        fine = value is None or 0 <= float(value) <= 100
    except ValueError:
        fine = False
    if not fine:
        raise click.BadParameter(f"{value} is no number from 0 to 100", param_hint="--min")


@flags.reading()
def expectations_command(
    given: flags.Given,
    *,
    files: Files = (),
    output: Annotated[str, flags.output("text", "json", "junit", "tap")] = "text",
    coverage: Annotated[bool, option("--coverage", help="Also which policies and rules no assertion watches.")] = False,
    minimum: Annotated[
        str | None, option("--min", metavar="PERCENT", help="Exit 1 where coverage is below it.", check=_percent)
    ] = None,
    write: Annotated[
        bool, option("--write", help="Draft assertions from what is open and closed now; with -n, about NS.")
    ] = False,
    destination: Annotated[
        str | None, option("-d", "--destination", metavar="FILE", help="With --write: a new file for the draft.")
    ] = None,
    schema: Annotated[bool, option("--schema", help="Print the JSON Schema of assertions files.")] = False,
    lab: Annotated[bool, option("--lab", help="Judge by real packets, as podwall lab --expect FILE does.")] = False,
) -> None:
    """Assertions as code: who may and who may not talk to whom, checked against the policies.

    What fails is shown with its place, the pairs that are not as asserted,
    the rules that decide about the first of them, and the smallest change
    that would mend it.
    """
    named = locals()
    _check(named)

    def work(streams: Streams) -> int:
        if schema:
            return _schema(streams)
        if write:
            return _write(streams, given, destination)
        return _test(streams, given, named)

    given.run(work)


def _check(named: Mapping[str, Any]) -> None:
    """Flags that do not go together are a mistake of whoever typed them."""
    files, write, schema = named["files"], named["write"], named["schema"]
    if named["destination"] is not None and not write:
        raise click.BadParameter("goes with --write", param_hint="-d")
    if files and (write or schema):
        raise click.BadParameter("reads no assertions", param_hint="--write" if write else "--schema")
    if named["lab"] and (write or schema or named["coverage"] or named["minimum"] is not None):
        raise click.BadParameter("judges assertions, and nothing else", param_hint="--lab")
    if "-" in files and named["given"].takes_stdin:
        raise click.BadParameter("standard input is the cluster already (-f -)", param_hint="FILE")


def _schema(streams: Streams) -> int:
    from podwall.ops.testing import schema_text

    streams.result([schema_text()])
    return OK


def _write(streams: Streams, given: flags.Given, destination: str | None) -> int:
    from podwall.ops.drafting import drafted, write_new
    from podwall.report.draft import draft_text

    opened = given.open(streams)
    text = "".join(draft_text(drafted(opened)))
    if destination is None:
        streams.result([text])
    else:
        write_new(destination, text)
    return INCOMPLETE if opened.partial else OK


def _test(streams: Streams, given: flags.Given, named: Mapping[str, Any]) -> int:
    from msgspec import structs

    from podwall.ops.testing import assess

    if named["lab"]:
        return judge_in_lab(streams, given, (named["files"], str(named["output"])))
    minimum = None if named["minimum"] is None else float(named["minimum"])
    asked = structs.replace(
        _asked(given, named["files"]), coverage=named["coverage"] or minimum is not None, minimum=minimum
    )
    opened = given.open(streams)
    with streams.phase("judged"):
        found = assess(opened, asked)
    return _answered(streams, opened, found, str(named["output"]))


def judge_in_lab(
    streams: Streams, given: flags.Given, asked: tuple[tuple[str, ...], str], wanted: Wanted | None = None
) -> int:
    """The same with real packets: files and the format of the answer, and what is said of the lab."""
    from podwall.ops.laboratory import Wanted
    from podwall.ops.labtesting import assess_in_lab

    files, output = asked
    assertions = _asked(given, files)
    opened = given.open(streams)
    found = assess_in_lab(opened, assertions, wanted or Wanted(), streams.progress)
    streams.aside((f"{line}\n" for line in found.asides), always=wanted is not None and wanted.keep)
    return _answered(streams, opened, found.tested, output)


def _asked(given: flags.Given, files: tuple[str, ...]) -> Asked:
    """The assertions of the files, else of the project."""
    from podwall.ops.testing import Asked, read_expectations

    project = given.project()
    found = files or ([] if project is None else [project.path(f) for f in project.settings.expectations])
    if not found:
        raise InputError("give a file of assertions, or --write to draft one")
    return Asked(read_expectations(found, given.home, {} if project is None else project.settings.sets))


def _answered(streams: Streams, opened: Opened, found: Tested, output: str) -> int:
    streams.result(_shown(found, output))
    if opened.partial:
        return INCOMPLETE
    return OK if found.ok else FINDINGS


def _shown(tested: Tested, output: str) -> Iterable[str]:
    from podwall.report import json, junit, tap, testing

    match output:
        case "json":
            return [json.document(tested.answer)]
        case "junit":
            return junit.junit_text(tested.answer)
        case "tap":
            return tap.tap_text(tested.answer)
        case _:
            excerpts = {number: found.excerpts for number, found in tested.explained.items()}
            return testing.report_text(tested.answer, excerpts, tested.differences)
