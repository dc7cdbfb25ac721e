"""Workloads as they are started: each with its pods, its PodSpec, and where in the object that stands."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from podwall.api.meta import LabelSelector, ObjectMeta
from podwall.api.running import (
    RunningContainer,
    RunningCronJob,
    RunningPod,
    RunningPodSpec,
    RunningReplicationController,
    RunningSpec,
    RunningWorkload,
)
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.mistake import Named
from podwall.cluster.objects import Origin
from podwall.cluster.topology import Topology, named
from podwall.errors import CannotWrite
from podwall.needs.need import Evidence
from podwall.needs.party import Party
from podwall.needs.site import Site
from podwall.text.where import Path

__all__ = ["Running", "running"]


class Running(Struct, frozen=True):
    """One workload.

    `party` are all its pods; of a workload on its host's network it has their nodes' addresses, as far as these are
    known. `meta` is that of its pods, `path` where `spec` stands, `selector` the controller's own; `service` is the
    headless Service of a StatefulSet.
    """

    party: Party
    about: Named
    origin: Origin
    spec: RunningPodSpec
    meta: ObjectMeta
    path: Path
    selector: LabelSelector | None = None
    service: str = ""

    @property
    def namespace(self) -> str:
        """Where it runs."""
        return self.party.namespace

    @property
    def several(self) -> bool:
        """Whether it has several pods: one alone reaches itself whatever policies say."""
        return len(self.party.endpoints) > 1 or any(endpoint.many for endpoint in self.party.endpoints)

    def containers(self) -> Iterator[tuple[Path, RunningContainer]]:
        """Every container with where it stands: those that initialize first, sidecars among them."""
        for field, found in (("initContainers", self.spec.initContainers), ("containers", self.spec.containers)):
            for number, container in enumerate(found or ()):
                yield (*self.path, field, number), container

    def evidence(self, says: str, *path: str | int) -> Evidence:
        """What one of its fields says."""
        return Evidence(self.about, tuple(path), says, self.origin)


def running(site: Site, topology: Topology) -> tuple[Running, ...]:
    """Every workload that has an endpoint, by namespace and name: by its controller's template where that is known.

    Pods of a controller that is not in the input are read themselves, the first of them for all.
    """
    held: dict[Named, Running] = {}
    for endpoint in site.model.endpoints:
        top = _top(endpoint)
        found = None if top in held else _of_endpoint(site, topology, endpoint, top)
        if found is not None:
            held[top] = found
    return tuple(held[key] for key in sorted(held, key=lambda key: (key[1], key[2], key[0])))


def _top(endpoint: Endpoint) -> Named:
    kind, name = (
        (endpoint.controller.kind, endpoint.controller.name) if endpoint.controller else (endpoint.kind, endpoint.name)
    )
    return kind, endpoint.namespace, name


def _of_endpoint(site: Site, topology: Topology, endpoint: Endpoint, top: Named) -> Running | None:
    for key in (top, (endpoint.kind, endpoint.namespace, endpoint.name)):
        located = topology.objects.get(key)
        if located is not None and isinstance(located.object, RunningWorkload):
            return _running(_party(site, endpoint), located.object, located.origin)
    return None


def _party(site: Site, endpoint: Endpoint) -> Party:
    try:
        return site.of_workload(endpoint)
    except CannotWrite:  # on its host's network, and nobody knows which node that is
        return Party(endpoint.controller.name if endpoint.controller else endpoint.name, endpoint.namespace)


def _running(party: Party, item: RunningWorkload, origin: Origin) -> Running | None:
    about = named(item)
    if isinstance(item, RunningPod):
        return Running(party, about, origin, item.spec, item.metadata, ("spec",)) if item.spec else None
    spec: RunningSpec | None
    path: Path = ("spec", "template", "spec")
    if isinstance(item, RunningReplicationController):
        template = item.spec.template if item.spec else None
        chosen = item.spec.selector if item.spec else None
        spec = RunningSpec(template, LabelSelector(chosen) if chosen else None)
    elif isinstance(item, RunningCronJob):
        spec = item.spec.jobTemplate.spec if item.spec and item.spec.jobTemplate else None
        path = ("spec", "jobTemplate", *path)
    else:
        spec = item.spec
    if spec is None or spec.template is None or spec.template.spec is None:
        return None
    return Running(
        party,
        about,
        origin,
        spec.template.spec,
        spec.template.metadata,
        path,
        spec.selector,
        spec.serviceName or "",
    )
