"""Metrics: from who scrapes to the ports that annotations and monitors name; without who scrapes, a question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.api.meta import LabelSelector
from podwall.api.monitors import (
    MonitorEndpoint,
    NamespaceSelector,
    PodMonitor,
    PodMonitorSpec,
    ServiceMonitor,
    ServiceMonitorSpec,
)
from podwall.api.notes import ServiceNotes
from podwall.cluster.objects import Located, name_of
from podwall.cluster.services import selects
from podwall.engine.labels import selector
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.finding import scrapers
from podwall.needs.need import Evidence, Need, Question, Sureness
from podwall.needs.party import Party
from podwall.needs.proxies import labels_of
from podwall.needs.running import Running
from podwall.needs.telling import told

__all__ = ["FINDER"]

_SCRAPE, _PORT = "prometheus.io/scrape", "prometheus.io/port"
_DRAFTED = ("monitoring/prometheus",)


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
    for workload in application.workloads:
        yield from _annotated(workload)
    for notes in application.topology.every(ServiceNotes):
        yield from _annotated_service(application, notes)
    for monitor in application.topology.every(ServiceMonitor):
        yield from _service_monitor(application, monitor)
    for pods in application.topology.every(PodMonitor):
        yield from _pod_monitor(application, pods)


# --------------------------------------------------------------------------------------------------------- annotations


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


def _annotated_service(application: Application, located: Located[ServiceNotes]) -> Iterator[_Scrape]:
    """The port of a Service's annotation is the pods' own, as the usual job of Prometheus takes it."""
    meta = located.object.metadata
    annotations, service = meta.annotations or {}, (meta.namespace or "", name_of(meta))
    if annotations.get(_SCRAPE) != "true":
        return
    port = annotations.get(_PORT)
    key, value = (_SCRAPE, "true") if port is None else (_PORT, port)
    evidence = told(located, f"annotation {key}: {value}", "metadata", "annotations", key)
    for workload in _behind(application, *service):
        if port is None:
            yield _Scrape(workload, _targets(application, service, workload.party, ()), evidence, Sureness.INFERRED)
        elif _is_port(port):
            yield _Scrape(workload, PortSet.of("TCP", int(port)), evidence)


def _is_port(text: str) -> bool:
    return text.isdigit() and 1 <= int(text) <= 65535


# ------------------------------------------------------------------------------------------------------------ monitors


def _service_monitor(application: Application, located: Located[ServiceMonitor]) -> Iterator[_Scrape]:
    item = located.object
    spec, home = item.spec or ServiceMonitorSpec(), item.metadata.namespace or ""
    for service in application.services:
        notes = application.topology.get(ServiceNotes, *service)
        labels = notes.object.metadata.labels if notes else None
        if not _within(spec.namespaceSelector, home, service[0]) or not _chosen(spec.selector, labels):
            continue
        for workload in _behind(application, *service):
            for number, endpoint in enumerate(spec.endpoints or ()):
                ports = _of_service(application, service, workload, endpoint)
                says = f"scrapes Service {service[1]}:{endpoint.port or endpoint.targetPort}"
                yield _Scrape(workload, ports, told(located, says, "spec", "endpoints", number))


def _of_service(
    application: Application, service: tuple[str, str], workload: Running, endpoint: MonitorEndpoint
) -> PortSet:
    if endpoint.port:
        return _targets(application, service, workload.party, (endpoint.port,))
    return _of_pod(workload, endpoint)


def _pod_monitor(application: Application, located: Located[PodMonitor]) -> Iterator[_Scrape]:
    item = located.object
    spec, home = item.spec or PodMonitorSpec(), item.metadata.namespace or ""
    for workload in application.workloads:
        labels = labels_of(application, workload)
        if _within(spec.namespaceSelector, home, workload.namespace) and _chosen(spec.selector, dict(labels)):
            for number, endpoint in enumerate(spec.podMetricsEndpoints or ()):
                says = f"scrapes port {endpoint.port or endpoint.portNumber or endpoint.targetPort}"
                evidence = told(located, says, "spec", "podMetricsEndpoints", number)
                yield _Scrape(workload, _of_pod(workload, endpoint), evidence)


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


def _within(chosen: NamespaceSelector, home: str, namespace: str) -> bool:
    return bool(chosen.any) or namespace in (chosen.matchNames or [home])


def _chosen(chosen: LabelSelector, labels: dict[str, str] | None) -> bool:
    return selector(chosen).matches(labels or {})


# ------------------------------------------------------------------------------------------------------------ Services


def _behind(application: Application, namespace: str, name: str) -> list[Running]:
    """The workloads behind a Service, those on their hosts' network as well."""
    service, site = application.service(namespace, name), application.site
    if service is None:
        return []
    inside = [w for w in application.workloads if w.namespace == namespace]
    return [w for w in inside if any(selects(service, e) for e in w.party.endpoints or site.hosts(w.party))]


def _targets(application: Application, service: tuple[str, str], party: Party, wanted: tuple[str, ...]) -> PortSet:
    found = application.service(*service)
    return application.targets(service[0], found, party, wanted) if found else NO_PORTS


FINDER = Finder(name="scrape", says="annotations and monitors of Prometheus", find=_find)
