"""Workloads that stand behind a Service and that nobody in the input is known to call: the question who does.

Programs that have the names of their peers built in say nothing of them in manifests. Without an answer they are closed
to everyone, so that people are to be asked; whom policies let in already is drafted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from podwall.api.core import Service
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import name_of
from podwall.engine.index import EndpointKey
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.application import Application
from podwall.needs.need import CALLERS, Evidence, Found, Question
from podwall.needs.party import Party
from podwall.needs.site import Site
from podwall.needs.telling import told_by_service

__all__ = ["with_uncalled"]

_NO_CALLS = frozenset(("scrape", "peers"))  # finders of what does not make a Service a used one
_DNS = PortSet.of("TCP", 53) | PortSet.of("UDP", 53)  # which every pod asks
_MOST = 200  # workloads of a namespace that are tried as drafts


class _Asked(Struct):
    """A workload, what its callers are called, and the ports at which Services lead to it."""

    party: Party
    peer: str
    ports: PortSet
    evidence: list[Evidence]


def with_uncalled(application: Application, found: Found) -> Found:
    """What was found, and the question who calls each workload that has a Service and that no need leads to."""
    called = frozenset(
        key
        for need in found.needs
        if need.by not in _NO_CALLS and need.sources.keys != need.destinations.keys
        for key in need.destinations.keys
    )
    asked = _asked(application, called, _known(found))
    homes: dict[str, list[Party]] = {}
    for workload in application.workloads if asked else ():
        if workload.party.endpoints:
            homes.setdefault(workload.namespace, []).append(workload.party)
    questions = [one for name in sorted(asked) for one in _questions(application.site, homes[name[0]], asked[name])]
    return Found(found.needs, (*found.questions, *questions), found.unseen)


def _known(found: Found) -> dict[EndpointKey, PortSet]:
    """The ports of each pod that scrapers and other questions are about."""
    out: dict[EndpointKey, PortSet] = {}
    parties = [(need.destinations, need.ports) for need in found.needs if need.by == "scrape"]
    parties += [(one.subject, one.ports) for one in found.questions if one.direction is Direction.INGRESS]
    for party, ports in parties:
        for key in party.keys:
            out[key] = out.get(key, NO_PORTS) | ports
    return out


def _asked(
    application: Application, called: frozenset[EndpointKey], known: dict[EndpointKey, PortSet]
) -> dict[tuple[str, str], _Asked]:
    out: dict[tuple[str, str], _Asked] = {}
    for (namespace, name), service in application.services.items():
        behind = application.behind(namespace, service)
        located = application.located(namespace, name) if behind and behind.endpoints else None
        if behind is None or located is None:
            continue
        parties = list(_workloads(application, behind.endpoints))
        peer = CALLERS if len(parties) == 1 else f"{CALLERS} of {namespace}/{name}"
        for party in parties:
            beside = known.get(next(iter(party.keys)), NO_PORTS)
            ports = application.targets(namespace, service, party, _served(service)) - _DNS - beside
            if ports and not party.keys & called:
                evidence = told_by_service(located, namespace, f"Service {name_of(service.metadata)}", "spec")
                one = out.setdefault((namespace, party.name), _Asked(party, peer, NO_PORTS, []))
                one.ports |= ports
                one.evidence.append(evidence)
    return out


def _workloads(application: Application, endpoints: Iterable[Endpoint]) -> Iterator[Party]:
    seen: set[EndpointKey] = set()
    for endpoint in endpoints:
        try:
            party = application.site.of_workload(endpoint)
        except CannotWrite:  # on its host's network, and nobody knows which node that is
            continue
        if party.keys and not party.keys <= seen:
            seen |= party.keys
            yield party


def _served(service: Service) -> list[int | str]:
    """The ports of a Service that are not for metrics; 0, which none has, where there are no others."""
    listed = (service.spec.ports if service.spec else None) or ()
    return [port.port for port in listed if "metrics" not in (port.name or "")] or [0]


def _questions(site: Site, home: Sequence[Party], asked: _Asked) -> Iterator[Question]:
    """None about those whom policies let everybody in to: it is known who may call them."""
    let_in = _let_in(site, home, asked)
    if let_in and len(let_in) == len(home) - 1:
        return
    who = f"{asked.party.namespace}/{asked.party.name}"
    asks = f"who calls {who}? It stands behind a Service, and nothing in the input that can be read names it"
    drafted = tuple(f"{other.namespace}/{other.name}" for other in let_in)
    yield Question(asked.party, Direction.INGRESS, asked.peer, asked.ports, asks, tuple(asked.evidence), drafted)


def _let_in(site: Site, home: Sequence[Party], asked: _Asked) -> list[Party]:
    """The other workloads of its namespace that policies let in; none where none isolates it."""
    own = asked.party.endpoints[0]
    if len(home) > _MOST or not site.isolated(own, Direction.INGRESS):
        return []
    spans = [PortSet.of(*span) for span in asked.ports.ranges()]
    return [
        other
        for other in home
        if other.keys != asked.party.keys
        and any(site.lets(Direction.INGRESS, other.endpoints[0], own, span) for span in spans)
    ]
