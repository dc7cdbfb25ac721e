"""Workloads that are known by what they are called, and the ports at which a workload is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from podwall.api.core import Pod
from podwall.cluster.endpoints import Endpoint, container_ports, pod_spec, template_meta
from podwall.cluster.objects import kind_of, name_of
from podwall.engine.index import EndpointKey, key_of
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["APP_LABELS", "listening", "scraped", "scrapers", "workloads_named"]

APP_LABELS = ("app.kubernetes.io/name", "app", "k8s-app", "app.kubernetes.io/component")
# What Prometheus is called with, and scrapes nobody.
_AROUND = ("adapter", "alertmanager", "exporter", "kube-state-metrics", "operator", "pushgateway")
_SCRAPE, _PORT = "prometheus.io/scrape", "prometheus.io/port"


def workloads_named(site: Site, names: Iterable[str]) -> list[Party]:
    """The workloads whose app label is one of the names, else those whose own name is or begins with one."""
    wanted = tuple(names)
    labeled = [e for e in site.model.endpoints if any(e.labels.get(key) in wanted for key in APP_LABELS)]
    called = [e for e in site.model.endpoints if _is_called(e, wanted)]
    found = {(p.namespace, p.name): p for p in map(site.of_workload, labeled or called)}
    return [found[key] for key in sorted(found)]


def _called(endpoint: Endpoint) -> str:
    return endpoint.controller.name if endpoint.controller else endpoint.name


def _is_called(endpoint: Endpoint, names: Sequence[str]) -> bool:
    name = _called(endpoint)
    return any(name == wanted or name.startswith(f"{wanted}-") for wanted in names)


def listening(site: Site, parties: Iterable[Party], ports: PortSet) -> list[Party]:
    """Those that declare one of the ports; all of them where none does, since nobody has to declare a port."""
    known = list(parties)
    found = [p for p in known if any(_declares(site, e).overlaps(ports) for e in (p.endpoints or site.hosts(p)))]
    return found or known


def _declares(site: Site, endpoint: Endpoint) -> PortSet:
    """The ports that an endpoint's containers declare."""
    bucket = site.bucket(endpoint.namespace)
    out = NO_PORTS
    for located in (*bucket.pods, *bucket.workloads) if bucket else ():
        item = located.object
        if (kind_of(item), name_of(item.metadata)) == (endpoint.kind, endpoint.name):
            for port in container_ports(pod_spec(item)):
                out |= PortSet.of(port.protocol or "TCP", port.containerPort)
    return out


def scrapers(site: Site) -> list[Party]:
    """The workloads that look like Prometheus or what stands in for it, and not like what is around it."""
    known = (e for members in site.well_known.built_in("monitoring") for e in members.endpoints)
    pods = [e for e in known if not any(word in _called(e) for word in _AROUND)]
    found = {(p.namespace, p.name): p for p in map(site.of_workload, pods)}
    return [found[key] for key in sorted(found)]


def scraped(site: Site, party: Party, extra: Iterable[str]) -> Iterator[tuple[Party, PortSet]]:
    """The workloads of a party that have scrape ports, each with these; `extra` are ports by number or name."""
    known = _declared(site, party.namespace)
    wanted = tuple(extra)
    held: dict[tuple[str, str], tuple[Party, PortSet]] = {}
    for endpoint in party.endpoints:
        workload = site.of_workload(endpoint)
        ports = known.get(key_of(endpoint), NO_PORTS)
        for text in wanted:
            named = {PortSet.of(p.protocol, p.number) for p in endpoint.ports if p.name == text}
            ports |= next(iter(named), PortSet.of("TCP", int(text)) if text.isdigit() else NO_PORTS)
        if ports:
            key = workload.namespace, workload.name
            held[key] = workload, held.get(key, (workload, NO_PORTS))[1] | ports
    yield from (held[key] for key in sorted(held))


def _declared(site: Site, namespace: str) -> dict[EndpointKey, PortSet]:
    """What each endpoint's containers and annotations say about scraping."""
    bucket = site.bucket(namespace)
    out = {}
    for located in (*bucket.pods, *bucket.workloads) if bucket else ():
        item, ports = located.object, NO_PORTS
        for port in container_ports(pod_spec(item)):
            if port.name and "metrics" in port.name and (port.protocol or "TCP") == "TCP":
                ports |= PortSet.of("TCP", port.containerPort)
        annotations = {} if isinstance(item, Pod) else template_meta(item).annotations or {}
        written = annotations.get(_PORT, "")
        if annotations.get(_SCRAPE, "true") == "true" and written.isdigit() and 1 <= int(written) <= 65535:
            ports |= PortSet.of("TCP", int(written))
        out[kind_of(item), namespace, name_of(item.metadata)] = ports
    return out
