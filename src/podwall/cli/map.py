"""podwall map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import click

from podwall.cli import flags
from podwall.cli.command import option
from podwall.cli.running import INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.inputs import Opened

__all__ = ["EXAMPLES", "map_command"]

EXAMPLES = f"""\b
Examples:
  podwall map -f manifests/ -f policies/
  podwall map -f cluster.json.gz -n shop --why
  kubectl get ns,no,po,svc,netpol -A -o json | podwall map -f - --summary

{flags.EXIT_CODES}"""


@flags.reading(filtered=True)
def map_command(
    given: flags.Given,
    *,
    output: Annotated[str, flags.output("text", "json")] = "text",
    summary: Annotated[bool, option("--summary", help="Only counts: endpoints, policies, pairs, open pairs.")] = False,
    why: Annotated[
        bool, option("--why", help="Name the policies that allow each connection, and where they stand.")
    ] = False,
    exposure: Annotated[
        bool, option("--exposure", help="Whom each endpoint is open to, beyond the pods that exist.")
    ] = False,
) -> None:
    """Who can talk to whom, on which ports.

    Every open connection between endpoints (Pods, or the workloads that they
    belong to) and with addresses outside of the cluster. With -n, those that
    begin or end in that namespace; --summary then counts the pairs with an
    end in it.
    """
    if summary and why:
        raise click.BadParameter("--summary shows no connections that it could give reasons for", param_hint="--why")
    if exposure and (summary or why):
        raise click.BadParameter("goes with neither --summary nor --why", param_hint="--exposure")

    def work(streams: Streams) -> int:
        opened = given.open(streams)
        if exposure:
            _exposure(streams, opened, output)
        elif summary:
            _summary(streams, opened, output)
        else:
            _map(streams, opened, output, why=why)
        return INCOMPLETE if opened.partial else OK

    given.run(work)


def _exposure(streams: Streams, opened: Opened, output: str) -> None:
    from podwall.ops.exposing import make_exposure
    from podwall.report import json
    from podwall.report.exposure import exposure_text

    result = make_exposure(opened)
    streams.result([json.document(result)] if output == "json" else exposure_text(result))


def _summary(streams: Streams, opened: Opened, output: str) -> None:
    from podwall.ops.mapping import summarize
    from podwall.report import json, text

    with streams.phase("counted"):
        counts = summarize(opened)
    streams.result([json.document(counts) if output == "json" else text.summary_text(counts)])


def _map(streams: Streams, opened: Opened, output: str, *, why: bool) -> None:
    from podwall.ops.mapping import make_map
    from podwall.report import json, text

    with streams.phase("mapped"):
        result = make_map(opened, why=why)
    with streams.phase("written"):
        streams.result(json.map_parts(result) if output == "json" else text.map_text(result, opened.only))
