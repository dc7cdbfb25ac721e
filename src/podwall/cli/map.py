"""podwall map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podwall.cli import flags
from podwall.cli.running import INCOMPLETE, OK, Streams, run

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs

__all__ = ["EXAMPLES", "map_command"]

_FORMATS = ("text", "json")

EXAMPLES = f"""\b
Examples:
  podwall map -f manifests/ -f policies/
  podwall map -f cluster.json.gz -n shop --why
  kubectl get ns,no,po,svc,netpol -A -o json | podwall map -f - --summary

{flags.EXIT_CODES}"""


def map_command(
    *,
    filename: flags.Filenames = None,
    kustomize: flags.Kustomize = None,
    namespace: flags.OnlyNamespace = None,
    all_namespaces: flags.AllNamespaces = False,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="text or json.")] = "text",
    summary: Annotated[
        bool, typer.Option("--summary", help="Only counts: endpoints, policies, pairs, open pairs.")
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Name the policies that allow each connection, and where they stand.")
    ] = False,
    exposure: Annotated[
        bool, typer.Option("--exposure", help="Whom each endpoint is open to, beyond the pods that exist.")
    ] = False,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    debug: flags.Debug = False,
) -> None:
    """Who can talk to whom, on which ports.

    Every open connection between endpoints (Pods, or the workloads that they
    belong to) and with addresses outside of the cluster. With -n, those that
    begin or end in that namespace; --summary then counts the pairs with an
    end in it.
    """
    named = locals()
    if output not in _FORMATS:
        raise typer.BadParameter(f"{output!r} is not one of {', '.join(_FORMATS)}", param_hint="-o")
    if summary and why:
        raise typer.BadParameter("--summary shows no connections that it could give reasons for", param_hint="--why")

    if exposure and (summary or why):
        raise typer.BadParameter("goes with neither --summary nor --why", param_hint="--exposure")

    def command(streams: Streams) -> int:
        if exposure:
            return _exposure(streams, flags.inputs(named), output)
        return _map(streams, flags.inputs(named), output, summary=summary, why=why)

    run(command, quiet=quiet, verbose=verbose, debug=debug)


def _exposure(streams: Streams, given: Inputs, output: str) -> int:
    from podwall.ops.exposing import make_exposure
    from podwall.ops.inputs import open_cluster
    from podwall.report import json
    from podwall.report.exposure import exposure_text

    with streams.phase("read"):
        opened = open_cluster(given)
        streams.note(*opened.read)
    streams.warn(*opened.warnings)
    result = make_exposure(opened)
    streams.result([json.document(result)] if output == "json" else exposure_text(result))
    return INCOMPLETE if opened.partial else OK


def _map(streams: Streams, given: Inputs, output: str, *, summary: bool, why: bool) -> int:
    from podwall.ops.inputs import open_cluster
    from podwall.ops.mapping import make_map, summarize
    from podwall.report import json, text

    with streams.phase("read"):
        opened = open_cluster(given)
        streams.note(*opened.read)
    streams.warn(*opened.warnings)
    if summary:
        with streams.phase("counted"):
            counts = summarize(opened)
        streams.result([json.document(counts) if output == "json" else text.summary_text(counts)])
    else:
        with streams.phase("mapped"):
            result = make_map(opened, why=why)
        with streams.phase("written"):
            streams.result(json.parts(result) if output == "json" else text.map_text(result, given.only))
    return INCOMPLETE if opened.partial else OK
