"""podwall snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from podwall.cli import flags
from podwall.cli.command import option
from podwall.cli.running import INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.snapshotting import Wanted

__all__ = ["EXAMPLES", "snapshot_command"]

EXAMPLES = """\b
Examples:
  podwall snapshot -f manifests/ -o shop.podwall.gz
  podwall map --snapshot shop.podwall.gz
  podwall map --snapshot shop.podwall.gz -f proposed-policy.yaml
  kubectl get ns,no,po,svc,deploy,sts,ds,job,netpol -A -o json |
    podwall snapshot -f - --taken now -o prod.podwall.gz

\b
Exit codes:
  0  written                3  written, of incomplete input (see --strict,
  2  usage or input error      --ignore-kinds)
                            4  a bug in Podwall
"""


@flags.reading()
def snapshot_command(
    given: flags.Given,
    *,
    output: Annotated[str, option("-o", "--output", metavar="FILE", help="Where to write; - for standard output.")],
    force: Annotated[bool, option("--force", help="Overwrite FILE even if it is no snapshot.")] = False,
    with_topology: Annotated[
        bool,
        option("--with-topology", help="Also env values, arguments, ConfigMaps, Ingresses and routes; never a Secret."),
    ] = False,
    used_labels: Annotated[
        bool, option("--used-labels", help="Only labels that some selector of the input asks for.")
    ] = False,
    label: Annotated[
        tuple[str, ...],
        option("--label", metavar="KEY", help="As --used-labels, and this label as well; repeatable."),
    ] = (),
    taken: Annotated[
        str | None, option("--taken", metavar="TIME", help="Note when it was taken: a time, or now.")
    ] = None,
) -> None:
    """The whole input in one small file, with only what Podwall reads.

    No Secret is in it, no environment, no argument, no annotation but
    Podwall's own and the scrape port of Prometheus, and no text of a file.
    Answers are the same from the snapshot as from what it was taken of, with
    the same places; `check` takes it for all of the cluster. It is written
    whole or not at all; the same input gives the same bytes.
    """

    def work(streams: Streams) -> int:
        from podwall.ops.snapshotting import Wanted, taken_at

        labels = label if used_labels or label else None
        return _snapshot(streams, given, Wanted(with_topology, labels, taken_at(taken)), output, force=force)

    given.run(work)


def _snapshot(streams: Streams, given: flags.Given, wanted: Wanted, target: str, *, force: bool) -> int:
    from podwall.ops.inputs import read_cluster
    from podwall.ops.snapshotting import STDOUT, check_target, put, snapshot

    check_target(target, force=force)
    with streams.phase("read"):
        reading = read_cluster(given.inputs())
        streams.note(*reading.read)
    streams.warn(*reading.warnings)
    with streams.phase("written"):
        data = snapshot(reading, wanted)
        if target == STDOUT:
            streams.binary(data)
        else:
            put(target, data)
            streams.result([f"{target}: {len(reading.assembled.objects):,} objects in {len(data):,} bytes\n"])
    return INCOMPLETE if reading.partial else OK
