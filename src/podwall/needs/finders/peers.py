"""StatefulSets whose replicas find each other by a headless Service: the workload with itself."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.core import Service
from podwall.cluster.objects import name_of
from podwall.cluster.services import selects
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.need import Need, Sureness
from podwall.needs.proxies import selectable
from podwall.needs.running import Running
from podwall.needs.starting import words

__all__ = ["FINDER"]


def _find(application: Application) -> Iterator[Need]:
    """Those with several replicas, or which name their replicas: one replica alone has nobody to talk to."""
    for workload in selectable(application):
        if workload.about[0] != "StatefulSet" or not workload.service:
            continue
        service = application.service(workload.namespace, workload.service)
        if service is None or not _leads(service, workload) or not (workload.several or _speaks(workload)):
            continue
        ports = application.targets(workload.namespace, service, workload.party) | _own(workload)
        if ports:
            says = f"serviceName {name_of(service.metadata)}: headless, for its replicas to find each other"
            evidence = workload.evidence(says, "spec", "serviceName")
            yield Need(workload.party, workload.party, ports, (evidence,), Sureness.INFERRED)


def _leads(service: Service, workload: Running) -> bool:
    """Whether a Service is headless and selects the workload's pods."""
    headless = service.spec is not None and service.spec.clusterIP == "None"
    return headless and any(selects(service, endpoint) for endpoint in workload.party.endpoints)


def _speaks(workload: Running) -> bool:
    """Whether it is started with names of its replicas: `db-0.db`, `$(POD_NAME).db`."""
    marks = f"{workload.party.name}-0.", f".{workload.service}"
    return any(mark in word.text for word in words(workload) for mark in marks)


def _own(workload: Running) -> PortSet:
    """The ports that its containers declare, without those for metrics."""
    out = NO_PORTS
    for container in workload.spec.containers or ():
        for port in container.ports or ():
            if "metrics" not in (port.name or ""):
                out |= PortSet.of(port.protocol or "TCP", port.containerPort)
    return out


FINDER = Finder(name="peers", says="replicas of StatefulSets", find=_find)
