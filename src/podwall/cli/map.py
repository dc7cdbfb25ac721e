"""podwall map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli import flags
from podwall.cli.command import option
from podwall.cli.running import INCOMPLETE, OK, Streams
from podwall.report.maps.formats import FORMATS, REASONED, writer

if TYPE_CHECKING:
    from podwall.ops.focusing import Wanted
    from podwall.ops.inputs import Opened

__all__ = ["EXAMPLES", "map_command"]

_COUNTED = ("text", "json")  # formats of --summary and --exposure

EXAMPLES = f"""\b
Examples:
  podwall map -f manifests/ -f policies/
  podwall map -f cluster.json.gz -n shop --why
  podwall map -f shop/ --to shop/db --port 5432 -o csv --why
  podwall map -f shop/ --from internet --to 'shop/*'
  podwall map -f shop/ --about shop/web -o svg
  kubectl get ns,no,po,svc,netpol -A -o json | podwall map -f - --summary

{flags.EXIT_CODES}"""

_REFERENCE = "ns/name, ns/*, name (with -n), ns/service/name, an address, a CIDR or internet; repeatable"
Output = Annotated[str, flags.output(*FORMATS)]
From = Annotated[tuple[str, ...], option("--from", metavar="REF", help=f"Only connections from it: {_REFERENCE}.")]
To = Annotated[tuple[str, ...], option("--to", metavar="REF", help="Only connections to it; repeatable.")]
About = Annotated[tuple[str, ...], option("--about", metavar="REF", help="Only connections from or to it; repeatable.")]
Ports = Annotated[
    tuple[str, ...],
    option("--port", metavar="PORT", help="Only these ports: 443, 53/udp, 8000-8100 or a name; repeatable."),
]
Summary = Annotated[bool, option("--summary", help="Only counts: endpoints, policies, pairs, open pairs.")]
Why = Annotated[bool, option("--why", help="Name the rules that allow each connection, and where they stand.")]
Exposure = Annotated[bool, option("--exposure", help="Whom each endpoint is open to, beyond the pods that exist.")]


@flags.reading(filtered=True)
def map_command(
    given: flags.Given,
    *,
    output: Output = "text",
    sources: From = (),
    destinations: To = (),
    about: About = (),
    ports: Ports = (),
    summary: Summary = False,
    why: Why = False,
    exposure: Exposure = False,
) -> None:
    """Who can talk to whom, on which ports.

    Every open connection between endpoints (Pods, or the workloads that they
    belong to) and with addresses outside of the cluster. With -n, those that
    begin or end in that namespace; --summary then counts the pairs with an
    end in it. Text, md, dot, mermaid and svg show large maps by namespace;
    wide, csv and json name every connection.
    """
    named = locals()
    _check(named)
    given.run(lambda streams: _map(streams, given.open(streams), named))


def _check(given: Mapping[str, Any]) -> None:
    """Flags that do not go together are a mistake of whoever typed them."""
    output, summary, exposure = given["output"], given["summary"], given["exposure"]
    if exposure and (summary or given["why"]):
        raise click.BadParameter("goes with neither --summary nor --why", param_hint="--exposure")
    if summary and given["why"]:
        raise click.BadParameter("--summary shows no connections that it could give reasons for", param_hint="--why")
    if (summary or exposure) and output not in _COUNTED:
        flag = "--summary" if summary else "--exposure"
        raise click.BadParameter(f"{flag} is written as {' or '.join(_COUNTED)}", param_hint="-o")
    if given["why"] and output not in REASONED:
        raise click.BadParameter(f"{output} has no place for reasons; {', '.join(REASONED)} have", param_hint="--why")
    if summary and any(given[name] for name in ("sources", "destinations", "about", "ports")):
        raise click.BadParameter("counts the cluster, or a namespace with -n", param_hint="--summary")
    if exposure and given["ports"]:
        raise click.BadParameter("--exposure names the ports of each rule as it has them", param_hint="--port")


def _map(streams: Streams, opened: Opened, given: Mapping[str, Any]) -> int:
    if given["summary"]:
        _write_summary(streams, opened, given["output"])
    elif given["exposure"]:
        _write_exposure(streams, opened, given)
    else:
        _write_map(streams, opened, given)
    return INCOMPLETE if opened.partial else OK


def _write_summary(streams: Streams, opened: Opened, output: str) -> None:
    from podwall.ops.mapping import summarize
    from podwall.report import json
    from podwall.report.summary import summary_text

    with streams.phase("counted"):
        counts = summarize(opened)
    streams.result([json.document(counts) if output == "json" else summary_text(counts)])


def _write_exposure(streams: Streams, opened: Opened, given: Mapping[str, Any]) -> None:
    from podwall.ops.exposing import make_exposure
    from podwall.report import json
    from podwall.report.exposure import exposure_text

    result = make_exposure(opened, _wanted(given))
    streams.result([json.document(result)] if given["output"] == "json" else exposure_text(result))


def _write_map(streams: Streams, opened: Opened, given: Mapping[str, Any]) -> None:
    from podwall.ops.mapping import open_map

    with streams.phase("mapped"):
        answer = open_map(opened, _wanted(given), why=given["why"])
    with streams.phase("written"):  # connections are found as they are written
        streams.result(writer(given["output"])(answer))


def _wanted(given: Mapping[str, Any]) -> Wanted:
    from podwall.ops.focusing import Wanted

    return Wanted(*(given[name] for name in ("sources", "destinations", "about", "ports")))
