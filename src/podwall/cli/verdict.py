"""podwall verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from podwall.cli import flags
from podwall.cli.running import INCOMPLETE, OK, USAGE, Streams, run

if TYPE_CHECKING:
    from podwall.ops.inputs import Inputs

__all__ = ["EXAMPLES", "verdict_command"]

EXAMPLES = f"""\b
Examples:
  podwall verdict -f shop/ --queries questions.jsonl
  echo '{{"src": "shop/web", "dst": "shop/db", "port": 5432}}' |
    podwall verdict -f shop/ --queries -

\b
Ends, in src and dst:
  shop/web            a Pod, else a workload (web: in the namespace of -n)
  shop/Deployment/web
  shop/service/web    the pods behind a Service; the port is the Service's
  203.0.113.7         whoever has it: a pod, a Service, a node, or nobody here
  node/worker-1       a process on that node
  www.example.com     as dst: a domain name that policies mean
A port is a number, or the name of dst's port, as in 53, 53/udp and dns; it
may stand behind dst instead: shop/db:5432, [2001:db8::7]:443.

{flags.EXIT_CODES}"""


def verdict_command(
    *,
    queries: Annotated[
        str, typer.Option("--queries", metavar="FILE", help="Questions as JSON Lines; - for standard input.")
    ],
    filename: flags.Filenames = None,
    kustomize: flags.Kustomize = None,
    namespace: flags.Namespace = None,
    all_namespaces: flags.Everywhere = False,
    cni: flags.Cni = "kubernetes",
    pod_cidr: flags.PodCidrs = None,
    channel: flags.Channel = None,
    resolutions: flags.Resolutions = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Add the policies that isolate, and the rules that decide.")
    ] = False,
    skip_invalid: flags.SkipInvalid = False,
    strict: flags.Strict = False,
    ignore_kinds: flags.IgnoreKinds = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
    debug: flags.Debug = False,
) -> None:
    """Many verdicts: questions as JSON Lines in, answers as JSON Lines out.

    A question is {"src", "dst", "port"}, and "protocol" (TCP, UDP or SCTP)
    and "family" (4 or 6) where they matter. Its answer stands in the same
    place and repeats its fields, then adds "family", "verdict", "egress" and
    "ingress". A question that cannot be answered gets an "error", and the
    command exits 2 at the end.
    """
    named = locals()
    if queries == "-" and "-" in (filename or ()):
        raise typer.BadParameter("standard input is the cluster already (-f -)", param_hint="--queries")

    def command(streams: Streams) -> int:
        return _verdicts(streams, flags.inputs(named), queries, trace=trace)

    run(command, quiet=quiet, verbose=verbose, debug=debug)


def _verdicts(streams: Streams, given: Inputs, queries: str, *, trace: bool) -> int:
    from podwall.ops.inputs import open_cluster
    from podwall.ops.verdicts import answers, lines_of
    from podwall.report import json

    lines = lines_of(queries)
    with streams.phase("read"):
        opened = open_cluster(given)
        streams.note(*opened.read)
    streams.warn(*opened.warnings)
    failed = False

    def shown() -> Iterator[str]:
        nonlocal failed
        for answer in answers(opened, lines, trace=trace):
            failed = failed or "error" in answer
            yield json.line(answer)

    with streams.phase("answered"):
        streams.result(shown())
    if failed:
        return USAGE
    return INCOMPLETE if opened.partial else OK
