"""Which workloads a mesh has taken in, by the marks that its injector reads, and the port that their calls go by then.

Sidecars of Istio leave the port as it is. Linkerd replaces it by its proxy's, and Istio's ambient mode by that of its
tunnel, wherever both ends are in the mesh; a policy sees these.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from msgspec import Struct, structs

from podwall.api.notes import NamespaceNotes
from podwall.cluster.objects import Bucket, Origin
from podwall.engine.index import EndpointKey
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.needs.application import Application
from podwall.needs.need import Evidence, Found, Need
from podwall.needs.party import Party
from podwall.needs.proxies import labels_of, selectable
from podwall.needs.running import Running

__all__ = ["Member", "Mesh", "carried", "member"]

_TUNNEL, _PROXY = PortSet.of("TCP", 15008), PortSet.of("TCP", 4143)
_TCP = PortSet.of("TCP", 1, 65535)
_AMBIENT, _REVISION = "istio.io/dataplane-mode", "istio.io/rev"
_SIDECAR, _SIDECARS = "sidecar.istio.io/inject", "istio-injection"
_LINKERD, _TAKEN_IN = "linkerd.io/inject", ("enabled", "ingress")


class Mesh(enum.Enum):
    """How a mesh takes a workload in."""

    AMBIENT = "Istio's ambient mode"
    SIDECAR = "Istio's sidecars"
    LINKERD = "Linkerd"


class Member(Struct, frozen=True):
    """That a workload is in a mesh, and what says so; `revision` is the control plane's where one is named."""

    mesh: Mesh
    evidence: Evidence
    revision: str = ""


def member(application: Application, workload: Running) -> Member | None:
    """Whether a workload is in a mesh: what it says itself comes before what its namespace says."""
    for _, container in workload.containers():
        if container.name in ("istio-proxy", "linkerd-proxy"):
            mesh = Mesh.SIDECAR if container.name == "istio-proxy" else Mesh.LINKERD
            return Member(mesh, workload.evidence(f"container {container.name}", *workload.path))
    return _by_own_marks(application, workload) or _by_namespace(application, workload)


def _by_own_marks(application: Application, workload: Running) -> Member | None:
    labels, annotations = labels_of(application, workload), workload.meta.annotations or {}
    at = (*workload.path[:-1], "metadata")
    if _injected(labels, annotations) == "true" or (labels.get(_REVISION) and not _injected(labels, annotations)):
        key = _SIDECAR if _injected(labels, annotations) else _REVISION
        evidence = workload.evidence(f"label {key}: {labels.get(key, 'true')}", *at, "labels", key)
        return Member(Mesh.SIDECAR, evidence, labels.get(_REVISION, ""))
    if labels.get(_AMBIENT) == "ambient":
        return Member(Mesh.AMBIENT, workload.evidence(f"label {_AMBIENT}: ambient", *at, "labels", _AMBIENT))
    if annotations.get(_LINKERD) in _TAKEN_IN:
        says = f"annotation {_LINKERD}: {annotations[_LINKERD]}"
        return Member(Mesh.LINKERD, workload.evidence(says, *at, "annotations", _LINKERD))
    return None


def _by_namespace(application: Application, workload: Running) -> Member | None:
    bucket = application.site.bucket(workload.namespace)
    if bucket is None or bucket.declared is None:
        return None
    own, annotations = labels_of(application, workload), workload.meta.annotations or {}
    notes = application.topology.get(NamespaceNotes, "", bucket.name)
    about = _About(bucket, (notes.object.metadata.annotations if notes else None) or {})
    sidecar = about.label(_SIDECARS, "enabled") or about.label(_REVISION)
    if sidecar and _injected(own, annotations) != "false":
        return Member(Mesh.SIDECAR, sidecar, bucket.labels.get(_REVISION, ""))
    ambient = about.label(_AMBIENT, "ambient")
    if ambient and own.get(_AMBIENT) != "none":
        return Member(Mesh.AMBIENT, ambient)
    linkerd = about.annotation(_LINKERD, _TAKEN_IN)
    return Member(Mesh.LINKERD, linkerd) if linkerd and annotations.get(_LINKERD) != "disabled" else None


class _About(Struct, frozen=True):
    """What a namespace says of its pods."""

    bucket: Bucket
    annotations: Mapping[str, str]

    def label(self, key: str, wanted: str = "") -> Evidence | None:
        """That it has a label, with any value where none is wanted."""
        value = self.bucket.labels.get(key)
        return self._says("labels", key, value) if value and value == (wanted or value) else None

    def annotation(self, key: str, wanted: Sequence[str]) -> Evidence | None:
        """That it has an annotation with one of these values."""
        value = self.annotations.get(key)
        return self._says("annotations", key, value) if value in wanted else None

    def _says(self, field: str, key: str, value: str | None) -> Evidence:
        about, origin = ("Namespace", "", self.bucket.name), self.bucket.declared or Origin("")
        return Evidence(about, ("metadata", field, key), f"{field.removesuffix('s')} {key}: {value}", origin)


def _injected(labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """What a pod says of a sidecar; it was an annotation before it was a label."""
    return labels.get(_SIDECAR) or annotations.get(_SIDECAR) or ""


# The ports

_Members = Mapping[EndpointKey, Member]


def carried(application: Application, found: Found) -> Found:
    """What was found, each need between members of one mesh with the port by which it goes."""
    members: dict[EndpointKey, Member] = {}
    for workload in selectable(application):
        one = member(application, workload)
        if one is not None:
            members.update(dict.fromkeys(workload.party.keys, one))
    return structs.replace(found, needs=tuple(_carried(need, members) for need in found.needs)) if members else found


def _carried(need: Need, members: _Members) -> Need:
    ports, evidence = NO_PORTS, set[Evidence]()
    if need.ports.overlaps(_TCP):
        for source in _of(need.sources, members):
            for destination in _of(need.destinations, members):
                ports |= _by({source.mesh, destination.mesh})
                evidence |= {destination.evidence}
    if not ports:
        return need
    return structs.replace(need, ports=need.ports | ports, evidence=(*need.evidence, *sorted(evidence)))


def _of(party: Party, members: _Members) -> set[Member]:
    return {members[key] for key in party.keys if key in members}


def _by(meshes: set[Mesh]) -> PortSet:
    if meshes == {Mesh.LINKERD}:
        return _PROXY
    return _TUNNEL if Mesh.AMBIENT in meshes and Mesh.LINKERD not in meshes else NO_PORTS
