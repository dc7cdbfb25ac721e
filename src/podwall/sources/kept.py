"""The snapshots of one input together: what they hold, and what must be said of it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Raw, Struct

from podwall.api.kinds import KubernetesObject
from podwall.cluster.objects import Located, Origin
from podwall.errors import InputError, Problem
from podwall.sources.reduced import is_customary, keys_of_selectors
from podwall.sources.snapshot import Said, Snapshot, Unanalyzed

__all__ = ["Kept"]

_LISTED = 8


class Kept(Struct, frozen=True):
    """Snapshots read together, and the network that they were taken of, as far as it was given."""

    snapshots: tuple[Snapshot, ...]
    cni: str | None
    pod_cidrs: tuple[str, ...]

    @classmethod
    def of(cls, snapshots: tuple[Snapshot, ...]) -> Kept:
        """Raises InputError where they do not agree about the network."""
        profiles = {s.header.cni for s in snapshots if s.header.cni is not None}
        cidrs = {s.header.pod_cidrs for s in snapshots if s.header.pod_cidrs}
        if len(profiles) > 1 or len(cidrs) > 1:
            raise InputError("the snapshots were taken of different networks (--cni, --pod-cidr): give one of them")
        return cls(snapshots, max(profiles, default=None), max(cidrs, default=()))

    @property
    def objects(self) -> tuple[Located[KubernetesObject], ...]:
        """The objects of all of them."""
        return tuple(located for snapshot in self.snapshots for located in snapshot.objects)

    @property
    def admitted(self) -> set[str]:
        """The sources of objects that an API server checked."""
        return {o.origin.source for s in self.snapshots if s.header.admitted for o in s.objects}

    @property
    def lines(self) -> dict[Origin, Raw]:
        """The lines of the fields of policies, as `Positions` takes them."""
        return {origin: raw for snapshot in self.snapshots for origin, raw in snapshot.lines.items()}

    def owners(self, read: Iterable[str]) -> dict[str, str | None]:
        """The owners of texts that only the snapshots know, not of those that were read."""
        found = {source.name: source.owner for snapshot in self.snapshots for source in snapshot.sources}
        return {name: found[name] for name in sorted(found.keys() - set(read))}

    def joined(self, said: Said) -> Said:
        """What the snapshots say, and what is said of the texts beside them, in order."""
        several = (*(snapshot.said for snapshot in self.snapshots), said)
        counts: dict[tuple[str, str], int] = {}
        for unanalyzed in (u for one in several for u in one.unanalyzed):
            key = (unanalyzed.group, unanalyzed.kind)
            counts[key] = counts.get(key, 0) + unanalyzed.count
        return Said(
            unanalyzed=tuple(Unanalyzed(*key, count) for key, count in sorted(counts.items())),
            skipped=tuple(sorted({fact for one in several for fact in one.skipped})),
            left_out=tuple(dict.fromkeys(fact for one in several for fact in one.left_out)),
            warnings=tuple(sorted({problem for one in several for problem in one.warnings}, key=Problem.order)),
            foreign=tuple(sorted({name for one in several for name in one.foreign})),
        )

    def unlabeled(self, objects: Iterable[KubernetesObject]) -> list[str]:
        """The labels that some selector asks for, and that a snapshot was written without."""
        kept = [frozenset(s.header.labels) for s in self.snapshots if s.header.labels is not None]
        if not kept:
            return []
        asked = {key for key in keys_of_selectors(objects) if not is_customary(key)}
        missing = sorted(asked - frozenset.intersection(*kept))
        if not missing:
            return []
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        names = f"{', '.join(missing[:_LISTED])}{more}"
        return [f"the snapshot was written without labels that a selector asks for: {names}"]
