"""Ingress backends: from the ingress controller where one is seen, else from everyone."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.ingress import Ingress, IngressBackend, IngressSpec
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.need import Need, Question, Unseen
from podwall.needs.proxies import Proxies, ingress_class, sources
from podwall.needs.serving import over
from podwall.needs.telling import told
from podwall.text.where import Path

__all__ = ["FINDER"]


def _find(application: Application) -> Iterator[Need | Question | Unseen]:
    proxies = Proxies(application)
    for located in application.topology.every(Ingress):
        item = located.object
        spec = item.spec or IngressSpec()
        chosen = ingress_class(spec.ingressClassName, item.metadata.annotations)
        for source in sources(proxies.of_class(chosen)):
            for path, host, backend in _backends(spec):
                service = backend.service
                if service is None:
                    continue
                port = (service.port.number or service.port.name) if service.port else None
                says = f"{host or 'every host'} leads to Service {service.name}{f':{port}' if port else ''}"
                wanted = [port] if port else []
                named = item.metadata.namespace or "", service.name
                yield from over("TCP", application.reaches(source, named, wanted, told(located, says, *path)))


def _backends(spec: IngressSpec) -> Iterator[tuple[Path, str, IngressBackend]]:
    """Each backend with where it stands, and its host."""
    if spec.defaultBackend:
        yield ("spec", "defaultBackend"), "", spec.defaultBackend
    for number, rule in enumerate(spec.rules or ()):
        for at, path in enumerate((rule.http.paths if rule.http else None) or ()):
            if path.backend:
                yield ("spec", "rules", number, "http", "paths", at, "backend"), rule.host or "", path.backend


FINDER = Finder(name="ingress", says="Ingress backends", find=_find)
