"""podwall verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podwall.cli import flags
from podwall.cli.running import INCOMPLETE, OK, USAGE, Streams, run

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs

__all__ = ["verdict_command"]


def verdict_command(  # one parameter for each flag
    queries: Annotated[
        str, typer.Option("--queries", metavar="FILE", help="Questions as JSON Lines; - for stdin.", show_default=False)
    ],
    filename: flags.Filenames = None,
    kustomize: flags.Kustomize = None,
    namespace: flags.Namespace = None,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = None,
    trace: Annotated[bool, typer.Option("--trace", help="Add the rules that decide.")] = False,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Many verdicts: JSON Lines in, JSON Lines out, in the same order.

    echo '{"src": "shop/web", "dst": "shop/db", "port": 5432}' | podwall verdict -f shop/ --queries -
    """
    given = flags.inputs(
        filename, kustomize, namespace, cni, pod_cidr, skip_invalid=skip_invalid, strict=strict, ignore_kinds=ignore_kinds
    )
    if queries == "-" and "-" in given.filenames:
        raise typer.BadParameter("standard input is the cluster already (-f -)", param_hint="--queries")
    run(lambda streams: _verdicts(streams, given, queries, trace=trace), quiet=quiet, debug=debug)


def _verdicts(streams: Streams, given: Inputs, queries: str, *, trace: bool) -> int:
    from podwall.ops.inputs import open_cluster
    from podwall.ops.verdicts import answers, lines_of
    from podwall.report import json

    lines = lines_of(queries)
    opened = open_cluster(given)
    streams.warn(*opened.warnings)
    failed = False
    for answer in answers(opened, lines, trace=trace):
        failed = failed or "error" in answer
        streams.result(json.line(answer))
    if failed:
        return USAGE
    return INCOMPLETE if opened.partial else OK
