"""podwall lab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import click

from podwall.cli import flags
from podwall.cli.command import Argument, option
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.inputs import Opened
    from podwall.ops.laboratory import Prepared, Wanted

__all__ = ["EXAMPLES", "lab_command"]

EXAMPLES = """\b
Examples:
  podwall lab -f manifests/
  podwall lab -f manifests/ --nodes 3 --replicas 2 --link bridged
  podwall lab -f manifests/ --expect expectations.yaml
  podwall lab -f shop/ --shell shop/web -- curl http://api:8080
  podwall lab -f manifests/ --capture packets/
  helm template shop ./chart | podwall lab -n shop -f -

\b
Needs Linux with nftables and iproute2; root, or unprivileged user namespaces.
The machine's own network is never touched, and nothing is left behind.

\b
Exit codes:
  0  the kernel does what the engine says    3  incomplete input
  1  a packet went another way               4  a bug in Podwall
  2  usage or input error, or no lab can be brought up here
  With --shell, that of the command.
"""

_LINKS = ("routed", "bridged")


def _link(value: str) -> None:
    if value not in _LINKS:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(_LINKS)}", param_hint="--link")


Nodes = Annotated[int, option("--nodes", metavar="N", help="Nodes, or as many as the input has.  [default: 2]")]
Replicas = Annotated[int, option("--replicas", metavar="N", help="Pods of each workload.  [default: 1]")]
Linked = Annotated[
    str,
    option(
        "--link",
        metavar="HOW",
        help="How pods hang on their node: routed, or bridged as ports of one bridge.",
        check=_link,
        values=lambda: _LINKS,
    ),
]
Cached = Annotated[bool, option("--dns-cache", help="Pods ask a DNS cache on their node, as with NodeLocal DNSCache.")]
Sample = Annotated[
    int | None,
    option("--sample", metavar="N", help="Send N probes at most.  [default: 100000]"),
]
Expect = Annotated[
    tuple[str, ...],
    option("--expect", metavar="FILE", help="Send what these assertions are about, and judge them; repeatable."),
]
Shell = Annotated[
    str | None, option("--shell", metavar="ENDPOINT", help="Run CMD inside of it, or a shell, and send no probes.")
]
Keep = Annotated[bool, option("--keep", help="Leave the lab up, and print how to enter and how to end it.")]
Captured = Annotated[
    str | None, option("--capture", metavar="DIR", help="Write a pcap file of each endpoint's packets.")
]
Command = Annotated[tuple[str, ...], Argument(metavar="-- CMD...", help="What --shell runs.")]


@flags.reading()
def lab_command(
    given: flags.Given,
    *,
    command: Command = (),
    nodes: Nodes = 2,
    replicas: Replicas = 1,
    link: Linked = "routed",
    dns_cache: Cached = False,
    sample: Sample = None,
    expect: Expect = (),
    shell: Shell = None,
    keep: Keep = False,
    capture: Captured = None,
    output: Annotated[str, flags.output("text", "json")] = "text",
) -> None:
    """The policies in a real kernel: predicted against seen, without a cluster.

    The endpoints come up as network namespaces of this machine, the policies
    as rules of its kernel, and real packets are sent between all of them: on
    every port that a rule, a container or a Service names, and on one that
    none does, by TCP, UDP and SCTP, in every address family.
    """
    named = locals()
    _check(named)
    given.run(lambda streams: _lab(streams, given, named))


def _check(named: Mapping[str, Any]) -> None:
    """Flags that do not go together are a mistake of whoever typed them."""
    if named["command"] and named["shell"] is None:
        raise click.BadParameter("a command goes with --shell", param_hint="CMD")
    for flag in ("expect", "sample", "keep"):
        if named["shell"] is not None and named[flag]:
            raise click.BadParameter("sends no probes, and leaves nothing up", param_hint=f"--shell with --{flag}")
    for flag in ("nodes", "replicas", "sample"):
        if named[flag] is not None and named[flag] < 1:
            raise click.BadParameter(f"{named[flag]} is not 1 or more", param_hint=f"--{flag}")
    if "-" in named["expect"] and named["given"].takes_stdin:
        raise click.BadParameter("standard input is the cluster already (-f -)", param_hint="--expect")


def _lab(streams: Streams, given: flags.Given, named: Mapping[str, Any]) -> int:
    wanted = _wanted(named)
    if named["expect"]:
        from podwall.cli.test import judge_in_lab

        return judge_in_lab(streams, given, (named["expect"], str(named["output"])), wanted)
    from podwall.ops.laboratory import prepare

    opened = given.open(streams)
    with streams.phase("planned"):
        prepared = prepare(opened, wanted)
    if named["shell"] is not None:
        return _shell(prepared, given.home, named)
    return _probed(streams, (opened, prepared, wanted), str(named["output"]))


def _wanted(named: Mapping[str, Any]) -> Wanted:
    from podwall.ops.laboratory import Wanted

    asked = ("nodes", "replicas", "link", "dns_cache", "sample", "keep", "capture")
    # Whoever looks around in a lab asks for names; probes go by addresses.
    return Wanted(**{name: named[name] for name in asked}, dns=named["keep"] or named["shell"] is not None)


def _shell(prepared: Prepared, home: str, named: Mapping[str, Any]) -> int:
    from podwall.ops.laboratory import inside

    return inside(prepared, named["shell"], home, named["command"])


def _probed(streams: Streams, lab: tuple[Opened, Prepared, Wanted], output: str) -> int:
    from podwall.ops.laboratory import tried
    from podwall.report import json
    from podwall.report.lab import lab_text

    opened, prepared, wanted = lab
    with streams.phase("brought up and probed"):
        found = tried(prepared, wanted, streams.progress)
    streams.aside((f"{line}\n" for line in found.asides), always=wanted.keep)
    if output == "json":
        streams.result([json.document(found.answer)])
    else:
        streams.result(lab_text(found.answer, found.scene, found.excerpts))
    if opened.partial:
        return INCOMPLETE
    return FINDINGS if found.answer.mismatches else OK
