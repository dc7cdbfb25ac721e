"""A cluster with other policies: without what a lockdown wrote before, and with what it has written now."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import structs

from podwall.admission import networkpolicy
from podwall.api.kinds import KubernetesObject
from podwall.api.networking import NetworkPolicy
from podwall.author.marks import is_bracket, is_own
from podwall.cluster.objects import Bucket, Cluster, Located, name_of, namespace_labels
from podwall.cluster.wellknown import SYSTEM_NAMESPACES
from podwall.errors import CannotWrite
from podwall.text.where import field

__all__ = ["with_written", "without_named", "without_own"]


def without_own(cluster: Cluster, only: str | None = None) -> Cluster:
    """The cluster without what earlier lockdowns wrote, for all namespaces or for one and the DNS of it."""
    names = cluster.namespaces if only is None else {only, *SYSTEM_NAMESPACES} & cluster.namespaces.keys()
    return cluster.replace(_but(cluster.namespaces[name], is_own) for name in names)


def without_named(cluster: Cluster, namespace: str, names: frozenset[str]) -> Cluster:
    """The cluster without the brackets of a namespace, and without what earlier lockdowns wrote there by some names."""

    def goes(policy: NetworkPolicy) -> bool:
        return is_bracket(policy) or (is_own(policy) and name_of(policy.metadata) in names)

    return cluster.replace([_but(cluster.namespaces[namespace], goes)])


def _but(bucket: Bucket, goes: Callable[[NetworkPolicy], bool]) -> Bucket:
    return structs.replace(bucket, policies=tuple(p for p in bucket.policies if not goes(p.object)))


def with_written(cluster: Cluster, written: Iterable[Located[KubernetesObject]], *, brackets: bool = False) -> Cluster:
    """The cluster with new policies, without `brackets` but for these; they stand for those of the same name.

    Raises CannotWrite where the API server would refuse one.
    """
    by_home: dict[str, list[Located[NetworkPolicy]]] = {}
    for located in written:
        policy = _policy(located)
        if brackets or not is_bracket(policy.object):
            by_home.setdefault(policy.object.metadata.namespace or "", []).append(policy)
    return cluster.replace(_bucket(cluster, name, own) for name, own in by_home.items())


def _policy(located: Located[KubernetesObject]) -> Located[NetworkPolicy]:
    item = located.object
    if not isinstance(item, NetworkPolicy):
        raise CannotWrite(f"{name_of(item.metadata)}: not a NetworkPolicy")
    for finding in networkpolicy.problems(item):
        if not finding.warning:
            raise CannotWrite(f"{name_of(item.metadata)}: {field(finding.path)}: {finding.message}")
    return Located(item, located.origin)


def _bucket(cluster: Cluster, name: str, own: list[Located[NetworkPolicy]]) -> Bucket:
    bucket = cluster.namespaces.get(name) or Bucket(name, namespace_labels(name, None), None)
    new = {name_of(located.object.metadata) for located in own}
    kept = [p for p in bucket.policies if name_of(p.object.metadata) not in new]
    return structs.replace(bucket, policies=tuple(sorted([*kept, *own], key=lambda p: name_of(p.object.metadata))))
