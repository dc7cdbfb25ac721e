"""Objects → a cluster: namespaces given (D12), duplicates settled (D16), invalid objects taken out (D14).

Every mistake of a run is collected here, with its line; what the objects mean is left to `cluster` and `engine`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from msgspec import Struct, structs

from podwall.admission import adminnetworkpolicy, clusternetworkpolicy, networkpolicy
from podwall.admission.clusterwide import EXPERIMENTAL
from podwall.admission.finding import Finding
from podwall.admission.identity import identity_problems
from podwall.api.core import EndpointSlice, Namespace, Node, Pod, PodStatus, Service
from podwall.api.kinds import KubernetesObject
from podwall.api.networking import NetworkPolicy
from podwall.api.policy import (
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
    ClusterWidePolicy,
)
from podwall.cluster.hosts import ADDRESS_TYPES
from podwall.cluster.mistake import Mistake, Named, Sort
from podwall.cluster.objects import Bucket, Cluster, Located, Origin, kind_of, name_of, namespace_labels
from podwall.cluster.services import addresses_of
from podwall.engine.sets import address_number

__all__ = ["Assembled", "assemble", "identity"]

_CLUSTER_WIDE = (ClusterNetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy)
_CLUSTER_SCOPED = (Namespace, Node, *_CLUSTER_WIDE)
_POLICIES = (NetworkPolicy, *_CLUSTER_WIDE)


class Assembled(Struct, frozen=True):
    """A cluster of all valid objects; mistakes of the others; warnings; namespaces that no object declares (D11).

    `objects` has each valid object once, by kind, namespace and name, in that order; `replaced` counts those of the
    base that others stand for.
    """

    cluster: Cluster
    objects: dict[Named, Located[KubernetesObject]]
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]
    undeclared: tuple[str, ...]
    replaced: int = 0


class _Settled(Struct, frozen=True):
    """One object for each name, and what is said of them and of the others."""

    known: dict[Named, Located[KubernetesObject]]
    mistakes: list[Mistake]
    warnings: list[Mistake]


def assemble(
    objects: Iterable[Located[KubernetesObject]],
    namespace: str,
    base: Iterable[Located[KubernetesObject]] = (),
    *,
    channel: str = EXPERIMENTAL,
    admitted: Container[str] = (),
) -> Assembled:
    """The cluster of these objects; `namespace` is that of objects without one (D12).

    Objects of the `base`, which is a snapshot, stand back where there is another one of the same kind and name.
    `channel` is that of the cluster policies' schemas (D17). `admitted` are the sources whose objects an API server
    holds: their policies are taken as they are (D14, V10).
    """
    under, over = (_settled(held, namespace, channel, admitted) for held in (base, objects))
    merged = under.known | over.known
    known = {key: merged[key] for key in sorted(merged)}
    cluster = _cluster(known)
    undeclared = tuple(b.name for b in cluster.namespaces.values() if b.declared is None)
    return Assembled(
        cluster=cluster,
        objects=known,
        mistakes=(*under.mistakes, *over.mistakes),
        warnings=(*under.warnings, *over.warnings),
        undeclared=undeclared,
        replaced=len(under.known) + len(over.known) - len(known),
    )


def _settled(
    objects: Iterable[Located[KubernetesObject]], namespace: str, channel: str, admitted: Container[str]
) -> _Settled:
    known: dict[Named, Located[KubernetesObject]] = {}
    again: dict[Named, list[Located[KubernetesObject]]] = {}
    mistakes: list[Mistake] = []
    warnings: list[Mistake] = []
    for located in objects:
        findings = _findings(located, channel, admitted)
        errors = [f for f in findings if not f.warning]
        if findings:
            about = identity(located.object, namespace)
            mistakes += _mistakes(located.origin, about, errors)
            warnings += _mistakes(located.origin, about, (f for f in findings if f.warning))
        if not errors:
            key = identity(located.object, namespace)
            if known.setdefault(key, located) is not located:
                again.setdefault(key, [known[key]]).append(located)
    for key, copies in again.items():
        known[key], *others = sorted(copies, key=lambda copy: copy.origin)
        mistakes += _clashes(key, known[key], others)
    return _Settled(known, mistakes, warnings)


def _findings(located: Located[KubernetesObject], channel: str, admitted: Container[str]) -> list[Finding]:
    item = located.object
    if isinstance(item, _POLICIES):
        return [] if located.origin.source in admitted else _policy_findings(item, channel)
    found = identity_problems(kind_of(item), item.metadata)
    for address in _addresses(item):
        if not _is_address(address):
            found.append(Finding(("status",), f'Invalid value: "{address}": must be a valid IP address'))
    return found


def _policy_findings(item: NetworkPolicy | ClusterWidePolicy, channel: str) -> list[Finding]:
    match item:
        case NetworkPolicy():
            return networkpolicy.problems(item)
        case ClusterNetworkPolicy():
            return clusternetworkpolicy.problems(item, channel)
        case _:
            return adminnetworkpolicy.problems(item, channel)


def _addresses(item: KubernetesObject) -> Iterable[str]:
    match item:
        case Pod(status=status):
            return _pod_addresses(status) if status is not None else ()
        case Node(status=status) if status is not None:
            return [a.address for a in status.addresses or () if a.type in ADDRESS_TYPES and a.address]
        case Service():
            return addresses_of(item)
        case EndpointSlice() if item.addressType != "FQDN":
            return [a for e in item.endpoints or () for a in e.addresses or ()]
        case _:
            return ()


def _pod_addresses(status: PodStatus) -> set[str]:
    """Each address once: podIPs repeat podIP."""
    found = {status.podIP, status.hostIP}
    for ips in (status.podIPs, status.hostIPs):
        if ips:
            found.update([ip.ip for ip in ips])
    return {address for address in found if address}


def _is_address(text: str) -> bool:
    try:
        address_number(text)
    except ValueError:
        return False
    return True


def _mistakes(origin: Origin, about: Named, findings: Iterable[Finding]) -> Iterator[Mistake]:
    return (Mistake(origin, f.path, f.message, about=about, warning=f.warning, meant=f.meant) for f in findings)


def identity(item: KubernetesObject, namespace: str) -> Named:
    """What tells an object from all others: kind, namespace ("" where it has none) and name; `namespace` is D12's."""
    home = "" if isinstance(item, _CLUSTER_SCOPED) else item.metadata.namespace or namespace
    return kind_of(item), home, name_of(item.metadata)


def _clashes(
    key: Named, first: Located[KubernetesObject], others: Iterable[Located[KubernetesObject]]
) -> Iterator[Mistake]:
    """Copies that differ from the first are mistakes (D16), whichever was read first."""
    kind, namespace, name = key
    shown = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    for other in others:
        if _bare(other.object) != _bare(first.object):
            message = f"differs from another {shown}; keep one of the two"
            yield Mistake(other.origin, (), message, first.origin, Sort.DUPLICATE, key)


def _bare(item: KubernetesObject) -> KubernetesObject:
    """Without its namespace, which one copy may leave to the default (D12)."""
    return structs.replace(item, metadata=structs.replace(item.metadata, namespace=None))


def _cluster(known: Mapping[Named, Located[KubernetesObject]]) -> Cluster:
    """The cluster of objects that are in order."""
    held: dict[str, dict[str, list[Located[KubernetesObject]]]] = {}
    declared: dict[str, Located[Namespace]] = {}
    nodes: list[Located[Node]] = []
    policies: list[Located[ClusterWidePolicy]] = []
    for (_, namespace, name), located in known.items():
        item = located.object
        if isinstance(item, Namespace):
            declared[name] = Located(item, located.origin)
        elif isinstance(item, Node):
            nodes.append(Located(item, located.origin))
        elif isinstance(item, _CLUSTER_WIDE):
            policies.append(Located(item, located.origin))
        else:
            held.setdefault(namespace, {}).setdefault(_field(item), []).append(located)
    buckets = {}
    for name in sorted(held.keys() | declared.keys()):
        given = declared.get(name)
        labels = namespace_labels(name, given.object.metadata if given else None)
        lists = {field: tuple(items) for field, items in held.get(name, {}).items()}
        buckets[name] = Bucket(name, labels, given.origin if given else None, **lists)  # type: ignore[arg-type]
    return Cluster(buckets, tuple(nodes), tuple(policies))


def _field(item: KubernetesObject) -> str:
    """The list of a Bucket that an object belongs in."""
    match item:
        case Pod():
            return "pods"
        case Service():
            return "services"
        case EndpointSlice():
            return "slices"
        case NetworkPolicy():
            return "policies"
        case _:
            return "workloads"
