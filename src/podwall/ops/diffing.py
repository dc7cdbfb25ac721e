"""podwall diff: two sides read, compared, and told with causes and risks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from podwall.api.kinds import KubernetesObject
from podwall.cluster.objects import Located
from podwall.diff.causes import apart, caused
from podwall.diff.comparison import compare
from podwall.engine.model import allot_together
from podwall.errors import InputError
from podwall.ops.differences import Found, differences
from podwall.ops.inputs import Inputs, Opened, decoded, default_namespace, gather, new_decoder, opened, pod_cidrs
from podwall.report.public_diff import Diff
from podwall.sources.assemble import identity

__all__ = ["Diffed", "Sides", "diff"]


_MOST_PAIRS = 2_000_000
_LIVE = "live"


class Sides(Struct, frozen=True):
    """OLD and NEW as typed: a path (a snapshot's as well), `-`, or `git:REV[:PATH]`."""

    old: str
    new: str


class Diffed(Struct, frozen=True):
    """The answer, and what must be said beside it; `partial` asks for exit 3, `read` says what was read."""

    answer: Diff
    warnings: tuple[str, ...]
    partial: bool
    read: tuple[str, ...]


def diff(inputs: Inputs, sides: Sides) -> Diffed:
    """What NEW opens and closes; the files of `inputs` belong to both sides. Raises InputError, InvalidInput."""
    old, new = _opened(inputs, sides)
    allot_together((old.model, new.model), pod_cidrs(inputs.pod_cidrs))
    found = compare(old.model, new.model, inputs.only)
    if found.pairs > _MOST_PAIRS:
        raise InputError(f"{found.pairs:,} pairs of endpoints differ, too many to list: give a namespace with -n")
    came, gone = apart(found)
    return Diffed(
        answer=differences(Found(found, caused(found), came, gone), (old, new), (sides.old, sides.new)),
        warnings=tuple(dict.fromkeys((*old.warnings, *new.warnings))),
        partial=old.partial or new.partial,
        read=(*old.read, *new.read),
    )


def _opened(inputs: Inputs, sides: Sides) -> Iterator[Opened]:
    names = (sides.old, sides.new)
    if _LIVE in names:
        raise InputError(f"{_LIVE}: a running cluster is not read yet: give the output of kubectl get … -A -o json")
    if [*names, *inputs.filenames, *inputs.snapshots].count("-") > 1:
        raise InputError("-: standard input can be read once only; OLD, NEW and -f cannot share it")
    shared = gather(inputs)
    alone = msgspec.structs.replace(inputs, kustomize=None, snapshots=())
    own = [decoded(gather(msgspec.structs.replace(alone, filenames=(name,))), new_decoder(inputs)) for name in names]
    namespace = default_namespace(inputs)
    taken: set[tuple[str, str, str]] = set()
    if shared.named:
        kept = (o for gathered, _ in own for snapshot in gathered.snapshots.values() for o in snapshot.objects)
        held = (*kept, *(o for _, decoder in own for o in decoder.objects))
        taken = {identity(located.object, namespace) for located in held}

    def left(objects: Iterable[Located[KubernetesObject]]) -> tuple[Located[KubernetesObject], ...]:
        """What neither side has: so a policy that NEW removes is gone, though a dump of the cluster still holds it."""
        return tuple(o for o in objects if identity(o.object, namespace) not in taken)

    rest = {
        name: msgspec.structs.replace(snapshot, objects=left(snapshot.objects))
        for name, snapshot in shared.snapshots.items()
    }
    for gathered, decoder in own:
        mine = len(decoder.objects)
        common, _ = decoded(msgspec.structs.replace(shared, snapshots=rest), decoder)
        decoder.objects[mine:] = left(decoder.objects[mine:])
        yield opened(inputs, gathered + common, decoder)
