"""podwall map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from podwall.cli import flags
from podwall.cli.running import INCOMPLETE, OK, Streams, run

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs

__all__ = ["map_command"]

_FORMATS = ("text", "json")


def map_command(  # one parameter for each flag
    filename: flags.Filenames = None,
    kustomize: flags.Kustomize = None,
    namespace: flags.Namespace = None,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="text or json.")] = "text",
    summary: Annotated[bool, typer.Option("--summary", help="Only the counts of pairs.")] = False,
    exposure: Annotated[
        bool, typer.Option("--exposure", help="Whom each endpoint is open to, beyond the pods that exist.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Name the policies that permit each connection.")] = False,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    debug: flags.Debug = False,
) -> None:
    """Who can talk to whom, on which ports.

    podwall map -f manifests/ -f policies/

    kubectl get ns,no,po,svc,netpol -A -o json | podwall map -f - --summary
    """
    if output not in _FORMATS:
        raise typer.BadParameter(f"{output!r} is not one of {', '.join(_FORMATS)}", param_hint="-o")
    given = flags.inputs(
        filename, kustomize, namespace, cni, pod_cidr, skip_invalid=skip_invalid, strict=strict, ignore_kinds=ignore_kinds
    )
    if exposure:
        if summary or why:
            raise typer.BadParameter("goes with neither --summary nor --why", param_hint="--exposure")
        run(lambda streams: _exposure(streams, given, output), quiet=quiet, debug=debug)
    run(lambda streams: _map(streams, given, output, summary=summary, why=why), quiet=quiet, debug=debug)


def _exposure(streams: Streams, given: Inputs, output: str) -> int:
    from podwall.ops.exposing import make_exposure
    from podwall.ops.inputs import open_cluster
    from podwall.report import json
    from podwall.report.exposure import exposure_text

    opened = open_cluster(given)
    streams.warn(*opened.warnings)
    result = make_exposure(opened)
    streams.result(json.document(result) if output == "json" else "".join(exposure_text(result)))
    return INCOMPLETE if opened.partial else OK


def _map(streams: Streams, given: Inputs, output: str, *, summary: bool, why: bool) -> int:
    from podwall.ops.inputs import open_cluster
    from podwall.ops.mapping import make_map, summarize
    from podwall.report import json, text

    opened = open_cluster(given)
    streams.warn(*opened.warnings)
    if summary:
        counts = summarize(opened)
        streams.result(json.document(counts) if output == "json" else text.summary_text(counts))
    else:
        result = make_map(opened, why=why)
        streams.result(json.document(result) if output == "json" else text.map_text(result))
    return INCOMPLETE if opened.partial else OK
