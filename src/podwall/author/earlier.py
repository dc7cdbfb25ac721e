"""What an earlier lockdown left: in the input, in the folder of -d, and what of it is not written any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.api.kinds import KubernetesObject
from podwall.api.networking import NetworkPolicy
from podwall.author.marks import is_own
from podwall.author.replaced import with_written, without_own
from podwall.cluster.objects import Cluster, Located, name_of

__all__ = ["Earlier", "PolicyName"]

PolicyName = tuple[str, str]
"""A policy's namespace and name."""


class Earlier(Struct, frozen=True):
    """The policies of earlier lockdowns: those of the input are part of the cluster, those of the folder are beside it.

    Neither is more right: the files may not be applied yet, and the input may be older than they are.
    """

    cluster: Cluster
    files: tuple[Located[NetworkPolicy], ...] = ()

    @staticmethod
    def of(cluster: Cluster, files: Iterable[Located[KubernetesObject]]) -> Earlier:
        """The cluster of the input, and what is in the files of the folder."""
        found = (Located(one.object, one.origin) for one in files if isinstance(one.object, NetworkPolicy))
        return Earlier(cluster, tuple(found))

    @property
    def pictures(self) -> Iterator[Cluster]:
        """The cluster as the input has it, and as it is with the files; only what an earlier lockdown has a part in."""
        if any(True for _ in self._own()):
            yield self.cluster
        if self.files:
            yield with_written(without_own(self.cluster), self.files, brackets=True)

    def gone(self, written: Iterable[PolicyName], within: str | None, names: frozenset[str] | None) -> list[PolicyName]:
        """What an earlier lockdown wrote and this one did not, sorted; within one namespace, or of those names.

        `kubectl apply` deletes nothing, so that it is in force until somebody does.
        """
        found = {*self._own(), *((p.object.metadata.namespace or "", name_of(p.object.metadata)) for p in self.files)}
        left = found - set(written)
        return sorted(one for one in left if within in (None, one[0]) and (names is None or one[1] in names))

    def _own(self) -> Iterator[PolicyName]:
        for bucket in self.cluster.namespaces.values():
            yield from ((bucket.name, name_of(p.object.metadata)) for p in bucket.policies if is_own(p.object))
