"""Backends of routes of the Gateway API: from the gateway's pods where these are seen, else from everyone.

A route whose parents are Services is a mesh's: those who call these Services reach the backends.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.gateway import (
    BackendObject,
    GRPCRoute,
    HTTPRoute,
    Route,
    RouteFilter,
    RouteSpec,
    TCPRoute,
    TLSRoute,
    UDPRoute,
)
from podwall.cluster.objects import Located
from podwall.needs.application import Application
from podwall.needs.finder import Finder
from podwall.needs.need import Need, Question, Unseen
from podwall.needs.party import EVERYONE, Party
from podwall.needs.proxies import Proxies, sources
from podwall.needs.serving import over
from podwall.needs.telling import told
from podwall.text.where import Path

__all__ = ["FINDER"]

_KINDS: tuple[type[Route], ...] = (GRPCRoute, HTTPRoute, TCPRoute, TLSRoute, UDPRoute)
_SERVICE = ("", "Service")


def _find(application: Application) -> Iterator[Need | Question | Unseen]:
    proxies = Proxies(application)
    for located in application.topology.every(*_KINDS):
        item = located.object
        spec, home = item.spec or RouteSpec(), item.metadata.namespace or ""
        callers = _callers(spec)
        if callers:
            says = f"sends those who call Service {', '.join(callers)} elsewhere, and who these are is not looked at"
            yield Unseen(says, told(located, "a route of a mesh", "spec", "parentRefs"))
            continue
        protocol = "UDP" if isinstance(item, UDPRoute) else "TCP"
        for source in _sources(proxies, spec, home):
            for path, backend in _backends(spec):
                yield from over(protocol, _reached(application, located, source, (path, backend)))


def _reached(
    application: Application, located: Located[Route], source: Party, found: tuple[Path, BackendObject]
) -> Iterator[Need | Question | Unseen]:
    path, backend = found
    if (backend.group or "", backend.kind or "Service") != _SERVICE:
        return
    namespace = backend.namespace or located.object.metadata.namespace or ""
    wanted = [backend.port] if backend.port else []
    at = f":{backend.port}" if backend.port else ""
    verb = "copies requests" if "requestMirror" in path else "leads"
    evidence = told(located, f"{verb} to Service {backend.name}.{namespace}{at}", *path)
    yield from application.reaches(source, (namespace, backend.name), wanted, evidence)


def _sources(proxies: Proxies, spec: RouteSpec, home: str) -> tuple[Party, ...]:
    """The pods of all its gateways; everyone where those of one of them are not seen."""
    out: list[Party] = []
    for parent in spec.parentRefs or ():
        found = proxies.of_gateway(parent.namespace or home, parent.name)
        if not found:
            return (EVERYONE,)
        out += [party for party in found if party not in out]
    return sources(out)


def _callers(spec: RouteSpec) -> list[str]:
    """The Services that a mesh's route is about."""
    parents = spec.parentRefs or []
    services = [parent.name for parent in parents if parent.kind == "Service"]
    return services if len(services) == len(parents) else []


def _backends(spec: RouteSpec) -> Iterator[tuple[Path, BackendObject]]:
    for number, rule in enumerate(spec.rules or ()):
        at: Path = ("spec", "rules", number)
        for position, backend in enumerate(rule.backendRefs or ()):
            yield (*at, "backendRefs", position), backend
            yield from _mirrors((*at, "backendRefs", position), backend.filters)
        yield from _mirrors(at, rule.filters)


def _mirrors(at: Path, filters: list[RouteFilter] | None) -> Iterator[tuple[Path, BackendObject]]:
    for position, one in enumerate(filters or ()):
        if one.requestMirror and one.requestMirror.backendRef:
            yield (*at, "filters", position, "requestMirror", "backendRef"), one.requestMirror.backendRef


FINDER = Finder(name="gateway", says="backends of Gateway routes", find=_find)
