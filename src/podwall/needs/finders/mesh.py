"""The proxies of a mesh and its control plane: without it they start with nothing, and stay as they were.

Istio    istiod, TCP 15012: configuration and certificates; sidecars, ztunnel and waypoints ask it, ambient pods do not
Linkerd  linkerd-destination, TCP 8086 and 8090 (policy); linkerd-identity, TCP 8080
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.meshes import Member, Mesh, member
from podwall.needs.need import Need, Question
from podwall.needs.proxies import labels_of, selectable
from podwall.needs.running import Running

__all__ = ["FINDER"]


class _Part(Struct, frozen=True):
    """A part of a control plane: the label that its pods have, where it mostly is, and its ports."""

    label: str
    value: str
    namespace: str
    name: str
    ports: PortSet


_COMPONENT = "linkerd.io/control-plane-component"
_PARTS: Mapping[Mesh, tuple[_Part, ...]] = {
    Mesh.AMBIENT: (),
    Mesh.SIDECAR: (_Part("app", "istiod", "istio-system", "istiod", PortSet.of("TCP", 15012)),),
    Mesh.LINKERD: (
        _Part(
            _COMPONENT,
            "destination",
            "linkerd",
            "linkerd-destination",
            PortSet.of("TCP", 8086) | PortSet.of("TCP", 8090),
        ),
        _Part(_COMPONENT, "identity", "linkerd", "linkerd-identity", PortSet.of("TCP", 8080)),
    ),
}
_REVISION = "istio.io/rev"


_Known = Mapping[_Part, Sequence[tuple[Running, str]]]


def _find(application: Application) -> Iterator[Need | Question]:
    known = _known(application)
    for workload in selectable(application):
        one = member(application, workload)
        if one is not None:
            for part in _PARTS[one.mesh]:
                yield from _asked(workload, one, part, _running(known[part], one.revision))


def _known(application: Application) -> _Known:
    """The workloads of each part with their revisions."""
    labeled = [(workload, labels_of(application, workload)) for workload in selectable(application)]
    return {part: _of(labeled, part) for parts in _PARTS.values() for part in parts}


def _of(labeled: Sequence[tuple[Running, Mapping[str, str]]], part: _Part) -> list[tuple[Running, str]]:
    return [
        (workload, labels.get(_REVISION, "")) for workload, labels in labeled if labels.get(part.label) == part.value
    ]


def _running(known: Sequence[tuple[Running, str]], revision: str) -> list[Running]:
    """Of several workloads of a part those of the revision, where one of them has it."""
    chosen = [workload for workload, own in known if revision and own == revision]
    return chosen or [workload for workload, _ in known]


def _asked(workload: Running, one: Member, part: _Part, found: Sequence[Running]) -> Iterator[Need | Question]:
    for other in found:
        if other.party.keys != workload.party.keys:
            yield Need(workload.party, other.party, part.ports, (one.evidence,))
    if not found:
        who, peer = f"{workload.namespace}/{workload.party.name}", f"{part.name}.{part.namespace}"
        asks = f"{who} is in a mesh ({one.mesh.value}) whose {part.name} is not in the input"
        drafted = (f"{part.namespace}/{part.name}",)
        yield Question(workload.party, Direction.EGRESS, peer, part.ports, asks, (one.evidence,), drafted)


FINDER = Finder(name="mesh", says="control planes of meshes", find=_find)
