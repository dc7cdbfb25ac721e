"""podwall test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from podwall.cli import flags
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams, run

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs
    from podwall.ops.testing import Tested

__all__ = ["EXAMPLES", "expectations_command"]

_FORMATS = ("text", "json", "junit", "tap")

EXAMPLES = """\b
Examples:
  podwall test expectations.yaml -f manifests/
  podwall test expectations.yaml -f manifests/ -o junit > report.xml
  podwall test expectations.yaml -f manifests/ --coverage --min 80
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
    list[str] | None, typer.Argument(metavar="FILE", help="Assertions: files, directories, or - for standard input.")
]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="text, json, junit or tap.")]
Coverage = Annotated[bool, typer.Option("--coverage", help="Also which policies and rules no assertion watches.")]
Minimum = Annotated[
    float | None, typer.Option("--min", metavar="PERCENT", help="Exit 1 where coverage is below it.", min=0, max=100)
]
Write = Annotated[
    bool, typer.Option("--write", help="Draft assertions from what is open and closed now; with -n, about NS.")
]
Destination = Annotated[
    str | None, typer.Option("-d", "--destination", metavar="FILE", help="With --write: a new file for the draft.")
]
Schema = Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of assertions files.")]


def expectations_command(
    *,
    files: Files = None,
    filename: flags.Filenames = None,
    kustomize: flags.Kustomize = None,
    namespace: flags.Namespace = None,
    all_namespaces: flags.Everywhere = False,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = None,
    output: Output = "text",
    coverage: Coverage = False,
    minimum: Minimum = None,
    write: Write = False,
    destination: Destination = None,
    schema: Schema = False,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    debug: flags.Debug = False,
) -> None:
    """Assertions as code: who may and who may not talk to whom, checked against the policies.

    What fails is shown with its place, the pairs that are not as asserted,
    the rules that decide about the first of them, and the smallest change
    that would mend it.
    """
    named = locals()
    _check(named)

    def command(streams: Streams) -> int:
        if schema:
            return _schema(streams)
        if write:
            return _write(streams, flags.inputs(named), destination)
        return _test(streams, flags.inputs(named), files or [], named)

    run(command, quiet=quiet, verbose=verbose, debug=debug)


def _check(named: dict[str, object]) -> None:
    if named["output"] not in _FORMATS:
        raise typer.BadParameter(f"{named['output']!r} is not one of {', '.join(_FORMATS)}", param_hint="-o")
    if named["destination"] is not None and not named["write"]:
        raise typer.BadParameter("goes with --write", param_hint="-d")
    files = named["files"] if isinstance(named["files"], list) else []
    if files and (named["write"] or named["schema"]):
        raise typer.BadParameter("reads no assertions", param_hint="--write" if named["write"] else "--schema")
    if not files and not named["write"] and not named["schema"]:
        raise typer.BadParameter("give a file of assertions, or --write to draft one", param_hint="FILE")
    given = named["filename"]
    if "-" in files and isinstance(given, list) and "-" in given:
        raise typer.BadParameter("standard input is the cluster already (-f -)", param_hint="FILE")


def _schema(streams: Streams) -> int:
    from podwall.ops.testing import schema_text

    streams.result([schema_text()])
    return OK


def _write(streams: Streams, given: Inputs, destination: str | None) -> int:
    from podwall.ops.drafting import drafted, write_new
    from podwall.ops.inputs import open_cluster
    from podwall.report.draft import draft_text

    opened = open_cluster(given)
    streams.warn(*opened.warnings)
    text = "".join(draft_text(drafted(opened)))
    if destination is None:
        streams.result([text])
    else:
        write_new(destination, text)
    return INCOMPLETE if opened.partial else OK


def _test(streams: Streams, given: Inputs, files: Sequence[str], named: dict[str, object]) -> int:
    from podwall.ops.inputs import open_cluster
    from podwall.ops.testing import Asked, assess, read_expectations

    expectations = read_expectations(files, given.namespace or "default")
    with streams.phase("read"):
        opened = open_cluster(given)
        streams.note(*opened.read)
    streams.warn(*opened.warnings)
    minimum = named["minimum"] if isinstance(named["minimum"], float) else None
    with streams.phase("judged"):
        found = assess(opened, Asked(expectations, bool(named["coverage"]) or minimum is not None, minimum))
    streams.result(_shown(found, str(named["output"])))
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
            return testing.report_text(tested.answer, excerpts)
