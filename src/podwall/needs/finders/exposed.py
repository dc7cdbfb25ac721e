"""Services that lead in from outside of the cluster by themselves: load balancers, node ports, external addresses."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.core import ServiceSpec
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.need import Need
from podwall.needs.party import EVERYONE
from podwall.needs.telling import told_by_service

__all__ = ["FINDER"]

_OPEN = ("LoadBalancer", "NodePort")


def _find(application: Application) -> Iterator[Need]:
    """From everyone: the source's address may be rewritten to a node's on the way, so a range would not hold."""
    for (namespace, name), service in application.services.items():
        spec = service.spec or ServiceSpec()
        says, field = _exposure(spec)
        located = application.located(namespace, name)
        if says and located:
            evidence = told_by_service(located, namespace, says, "spec", field)
            found = application.reaches(EVERYONE, (namespace, name), (), evidence)
            yield from (item for item in found if isinstance(item, Need))


def _exposure(spec: ServiceSpec) -> tuple[str, str]:
    """What leads in, and the field that says so; empty where nothing does."""
    if spec.type in _OPEN:
        return f"type {spec.type}", "type"
    if spec.externalIPs and spec.type != "ExternalName":
        return f"externalIPs {', '.join(spec.externalIPs)}", "externalIPs"
    return "", ""


FINDER = Finder(name="exposed", says="load balancers, node ports, external addresses", find=_find)
