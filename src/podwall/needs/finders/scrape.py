"""Metrics: from who scrapes to the ports that annotations and monitors name; without who scrapes, a question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from podwall.api.meta import LabelSelector, ObjectMeta
from podwall.api.monitors import (
    MonitorEndpoint,
    NamespaceSelector,
    PodMonitor,
    PodMonitorSpec,
    ServiceMonitor,
    ServiceMonitorSpec,
)
from podwall.api.notes import ServiceNotes
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Located, name_of
from podwall.cluster.services import selects
from podwall.engine.labels import selector
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.finding import scrapers
from podwall.needs.meshes import Mesh, member
from podwall.needs.need import Evidence, Need, Question, Sureness
from podwall.needs.party import Party
from podwall.needs.proxies import labels_of
from podwall.needs.running import Running
from podwall.needs.telling import told

__all__ = ["FINDER"]

_SCRAPE, _PORT = "prometheus.io/scrape", "prometheus.io/port"
_MERGED, _MERGING = "prometheus.istio.io/merge-metrics", PortSet.of("TCP", 15020)
_DRAFTED = ("monitoring/prometheus",)


T = TypeVar("T")
Labels = Mapping[str, str]
_Service = tuple[str, str]  # its namespace and name


class _Scrape(Struct, frozen=True):
    """Ports of a workload that are scraped."""

    workload: Running
    ports: PortSet
    evidence: Evidence
    sureness: Sureness = Sureness.STATED


def _find(application: Application) -> Iterator[Need | Question]:
    found = [one for one in _scrapes(application) if one.ports]
    try:
        sources = scrapers(application.site)
    except CannotWrite:  # on its host's network, and nobody knows which node that is
        sources = []
    if not sources:
        yield from _who(found)
    for source in sources:
        for one in found:
            party = one.workload.party
            if party.endpoints or party.cidrs:
                if source.keys != party.keys:
                    yield Need(source, party, one.ports, (one.evidence,), one.sureness)
            else:
                yield _where(source, one)


def _who(found: Iterable[_Scrape]) -> Iterator[Question]:
    """One question for each workload that somebody scrapes who is not in the input."""
    held: dict[tuple[str, str], list[_Scrape]] = {}
    for one in found:
        if one.workload.party.endpoints:
            held.setdefault((one.workload.namespace, one.workload.party.name), []).append(one)
    for (namespace, name), several in sorted(held.items()):
        ports = NO_PORTS
        for one in several:
            ports |= one.ports
        asks = f"{namespace}/{name} is scraped, and nobody in the input is known to scrape it"
        evidence = tuple(one.evidence for one in several)
        yield Question(several[0].workload.party, Direction.INGRESS, "prometheus", ports, asks, evidence, _DRAFTED)


def _where(source: Party, one: _Scrape) -> Question:
    party = one.workload.party
    peer = f"{party.namespace}/{party.name}"
    asks = f"{source.namespace}/{source.name} scrapes {peer}, whose nodes' addresses are not in the input"
    return Question(source, Direction.EGRESS, peer, one.ports, asks, (one.evidence,))


def _scrapes(application: Application) -> Iterator[_Scrape]:
    inside = _Inside(application)
    for workload in application.workloads:
        yield from _annotated(workload)
        yield from _by_sidecar(application, workload)
    for notes in application.topology.every(ServiceNotes):
        yield from _annotated_service(inside, notes)
    for monitor in application.topology.every(ServiceMonitor):
        yield from _service_monitor(inside, monitor)
    for pods in application.topology.every(PodMonitor):
        yield from _pod_monitor(inside, pods)


class _Inside:
    """Services and workloads by their namespaces, with the labels that monitors select by."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.services: dict[str, list[tuple[_Service, Labels]]] = {}
        self.workloads: dict[str, list[tuple[Running, Labels]]] = {}
        self._behind: dict[_Service, list[Running]] = {}
        for service in application.services:
            notes = application.topology.get(ServiceNotes, *service)
            self.services.setdefault(service[0], []).append((service, (notes and notes.object.metadata.labels) or {}))
        for workload in application.workloads:
            self.workloads.setdefault(workload.namespace, []).append((workload, labels_of(application, workload)))

    def behind(self, service: _Service) -> list[Running]:
        """The workloads behind a Service, those on their hosts' network as well."""
        if service not in self._behind:
            found = self._application.service(*service)
            near = self.workloads.get(service[0], ()) if found else ()
            self._behind[service] = [w for w, _ in near if found and any(selects(found, e) for e in self._pods(w))]
        return self._behind[service]

    def targets(self, service: _Service, workload: Running, wanted: tuple[str, ...]) -> PortSet:
        """Where some ports of a Service lead to on a workload; all of its ports without any."""
        found = self._application.service(*service)
        return self._application.targets(service[0], found, workload.party, wanted) if found else NO_PORTS

    def _pods(self, workload: Running) -> Sequence[Endpoint]:
        return workload.party.endpoints or self._application.site.hosts(workload.party)


# Annotations


def _annotated(workload: Running) -> Iterator[_Scrape]:
    annotations = workload.meta.annotations or {}
    if annotations.get(_SCRAPE) != "true":
        return
    path = (*workload.path[:-1], "metadata", "annotations")
    port = annotations.get(_PORT)
    if port is None:
        yield _Scrape(workload, _declared(workload), _noted(workload, _SCRAPE, "true", path), Sureness.INFERRED)
    elif _is_port(port):
        yield _Scrape(workload, PortSet.of("TCP", int(port)), _noted(workload, _PORT, port, path))


def _by_sidecar(application: Application, workload: Running) -> Iterator[_Scrape]:
    """What Istio's injector makes of the annotations: its proxy answers for the application as well."""
    annotations = workload.meta.annotations or {}
    if annotations.get(_SCRAPE) == "true" and annotations.get(_MERGED) != "false" and workload.party.endpoints:
        one = member(application, workload)
        if one is not None and one.mesh is Mesh.SIDECAR:
            yield _Scrape(workload, _MERGING, one.evidence, Sureness.INFERRED)


def _noted(workload: Running, key: str, value: str, path: tuple[str | int, ...]) -> Evidence:
    return workload.evidence(f"annotation {key}: {value}", *path, key)


def _declared(workload: Running) -> PortSet:
    """Where an annotation names no port: the ports that are called metrics, else each that is declared."""
    ports = [p for container in workload.spec.containers or () for p in container.ports or ()]
    ports = [p for p in ports if (p.protocol or "TCP") == "TCP"]
    out = NO_PORTS
    for port in [p for p in ports if "metrics" in (p.name or "")] or ports:
        out |= PortSet.of("TCP", port.containerPort)
    return out


def _annotated_service(inside: _Inside, located: Located[ServiceNotes]) -> Iterator[_Scrape]:
    """The port of a Service's annotation is the pods' own, as the usual job of Prometheus takes it."""
    meta = located.object.metadata
    annotations, service = meta.annotations or {}, (meta.namespace or "", name_of(meta))
    if annotations.get(_SCRAPE) != "true":
        return
    port = annotations.get(_PORT)
    key, value = (_SCRAPE, "true") if port is None else (_PORT, port)
    evidence = told(located, f"annotation {key}: {value}", "metadata", "annotations", key)
    for workload in inside.behind(service):
        if port is None:
            yield _Scrape(workload, inside.targets(service, workload, ()), evidence, Sureness.INFERRED)
        elif _is_port(port):
            yield _Scrape(workload, PortSet.of("TCP", int(port)), evidence)


def _is_port(text: str) -> bool:
    return text.isdigit() and 1 <= int(text) <= 65535


# Monitors


def _service_monitor(inside: _Inside, located: Located[ServiceMonitor]) -> Iterator[_Scrape]:
    spec = located.object.spec or ServiceMonitorSpec()
    for service, _ in _chosen(inside.services, spec.selector, spec.namespaceSelector, located.object.metadata):
        for workload in inside.behind(service):
            for number, endpoint in enumerate(spec.endpoints or ()):
                says = f"scrapes Service {service[1]}:{endpoint.port or endpoint.targetPort}"
                evidence = told(located, says, "spec", "endpoints", number)
                yield _Scrape(workload, _of_service(inside, service, workload, endpoint), evidence)


def _of_service(inside: _Inside, service: _Service, workload: Running, endpoint: MonitorEndpoint) -> PortSet:
    return inside.targets(service, workload, (endpoint.port,)) if endpoint.port else _of_pod(workload, endpoint)


def _pod_monitor(inside: _Inside, located: Located[PodMonitor]) -> Iterator[_Scrape]:
    spec = located.object.spec or PodMonitorSpec()
    for workload, _ in _chosen(inside.workloads, spec.selector, spec.namespaceSelector, located.object.metadata):
        for number, endpoint in enumerate(spec.podMetricsEndpoints or ()):
            says = f"scrapes port {endpoint.port or endpoint.portNumber or endpoint.targetPort}"
            evidence = told(located, says, "spec", "podMetricsEndpoints", number)
            yield _Scrape(workload, _of_pod(workload, endpoint), evidence)


def _chosen(
    known: Mapping[str, Sequence[tuple[T, Labels]]], labels: LabelSelector, spaces: NamespaceSelector, meta: ObjectMeta
) -> Iterator[tuple[T, Labels]]:
    """Those that a monitor selects, in its own namespace where it names none."""
    wanted = selector(labels)
    for name in known if spaces.any else (spaces.matchNames or [meta.namespace or ""]):
        yield from (one for one in known.get(name, ()) if wanted.matches(one[1]))


def _of_pod(workload: Running, endpoint: MonitorEndpoint) -> PortSet:
    """A port that a monitor names by the pods' own ports."""
    wanted = endpoint.port or endpoint.portNumber or endpoint.targetPort
    if isinstance(wanted, int) or (wanted and wanted.isdigit()):
        return PortSet.of("TCP", int(wanted)) if _is_port(str(wanted)) else NO_PORTS
    out = NO_PORTS
    for _, container in workload.containers():
        for port in container.ports or ():
            if wanted and port.name == wanted:
                out |= PortSet.of(port.protocol or "TCP", port.containerPort)
    return out


FINDER = Finder(name="scrape", says="annotations and monitors of Prometheus", find=_find)
