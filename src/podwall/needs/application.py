"""An application as needs are looked for in it, and what names lead to: a Service's pods at the ports they listen at.

Finders see nothing else. Here a name becomes needs, or the question that it leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from podwall.api.core import Service, ServicePort
from podwall.cluster.endpoints import Endpoint, PortName
from podwall.cluster.hosts import single
from podwall.cluster.objects import Located, name_of
from podwall.cluster.services import selects, slice_addresses, target_numbers
from podwall.cluster.topology import Topology
from podwall.engine.index import key_of
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.need import Evidence, Need, Question, Sureness, Unseen
from podwall.needs.party import Party
from podwall.needs.running import Running, running
from podwall.needs.site import Site

__all__ = ["Application"]


class Application:
    """The cluster of a site with what says who is to reach whom."""

    def __init__(self, site: Site, topology: Topology) -> None:
        self.site = site
        self.topology = topology
        self.workloads: tuple[Running, ...] = running(site, topology)
        self._behind: dict[tuple[str, str], Party | None] = {}

    @cached_property
    def _services(self) -> dict[tuple[str, str], Service]:
        buckets = self.site.model.cluster.namespaces.values()
        return {(b.name, name_of(s.object.metadata)): s.object for b in buckets for s in b.services}

    @property
    def services(self) -> dict[tuple[str, str], Service]:
        """Every Service by its namespace and name, in that order."""
        return self._services

    def service(self, namespace: str, name: str) -> Service | None:
        """A Service, None where the input has none of that name."""
        return self._services.get((namespace, name))

    def has_namespace(self, name: str) -> bool:
        """Whether anything of a namespace is in the input."""
        return name in self.site.model.cluster.namespaces

    def located(self, namespace: str, name: str) -> Located[Service] | None:
        """A Service with the place where it was read."""
        bucket = self.site.bucket(namespace)
        found = (s for s in (bucket.services if bucket else ()) if name_of(s.object.metadata) == name)
        return next(found, None)

    def behind(self, namespace: str, service: Service) -> Party | None:
        """Who stands behind a Service: its pods, else the addresses of its EndpointSlices; None for nobody."""
        named = namespace, name_of(service.metadata)
        if named not in self._behind:
            self._behind[named] = self._party(*named, service)
        return self._behind[named]

    def _party(self, namespace: str, name: str, service: Service) -> Party | None:
        labels = (service.spec.selector if service.spec else None) or {}
        pods = [e for e in self.site.likely(namespace, labels) if selects(service, e)]
        if pods:
            try:
                return self._whole(name, pods)
            except CannotWrite:  # on their hosts' network, and nobody knows which nodes these are
                return None
        bucket = self.site.bucket(namespace)
        selector = service.spec.selector if service.spec else None
        if bucket is None or selector:
            return None
        found = slice_addresses(bucket, service, None)
        cidrs = tuple(dict.fromkeys(single(a.address) for a in found))
        return Party(name, cidrs=cidrs) if cidrs else None

    def reaches(
        self,
        sources: Party,
        named: tuple[str, str],
        ports: Iterable[int | str],
        evidence: Evidence,
        sureness: Sureness = Sureness.STATED,
    ) -> Iterator[Need | Question | Unseen]:
        """What it takes that somebody reaches a Service at some of its ports, by number or name; at all without any.

        `named` is its namespace and name. A question where the Service, the port or who is behind it is not known.
        """
        return self._reaches(sources, named, ports, (evidence, sureness), self.targets)

    def calls(
        self,
        sources: Party,
        named: tuple[str, str],
        ports: Iterable[int | str],
        evidence: Evidence,
        sureness: Sureness = Sureness.STATED,
    ) -> Iterator[Need | Question | Unseen]:
        """The same of somebody who asks DNS for the name: that of a headless Service is its pods' own addresses."""
        return self._reaches(sources, named, ports, (evidence, sureness), self._called)

    def _reaches(
        self,
        sources: Party,
        named: tuple[str, str],
        ports: Iterable[int | str],
        found_in: tuple[Evidence, Sureness],
        leads: Callable[[str, Service, Party, Iterable[int | str]], PortSet],
    ) -> Iterator[Need | Question | Unseen]:
        evidence, sureness = found_in
        namespace, name = named
        service = self.service(namespace, name)
        peer, wanted = f"{name}.{namespace}", tuple(ports)
        if service is None:
            yield self.asks(sources, peer, evidence, "a Service which is not in the input")
            return
        if service.spec and service.spec.externalName:
            yield self.asks(sources, service.spec.externalName, evidence, f"by way of Service {name}")
            return
        party = self.behind(namespace, service)
        if party is None:
            yield self.asks(sources, peer, evidence, "and nobody is behind that Service in the input")
            return
        found = [(part, leads(namespace, service, part, wanted)) for part in self._parts(party)]
        if any(led for _, led in found):
            yield from (Need(sources, part, led, (evidence,), sureness) for part, led in found if led)
        else:
            have = ", ".join(str(p.port) for p in (service.spec.ports if service.spec else None) or ()) or "none"
            said = " or ".join(map(str, wanted)) or "any port"
            why = f"at {said}, but its ports are {have}"
            yield self.asks(sources, peer, evidence, why, drafted=(f"{namespace}/service/{name}",))

    def _parts(self, party: Party) -> list[Party]:
        """The party, or its pods by what they call which port: a named targetPort is another number on each of them."""
        held: dict[tuple[PortName, ...], list[Endpoint]] = {}
        for endpoint in party.endpoints:
            held.setdefault(endpoint.ports, []).append(endpoint)
        if len(held) < 2:
            return [party]
        pods = [self._whole(party.name, members) for members in held.values()]
        return [*pods, *([Party(party.name, party.namespace, cidrs=party.cidrs)] if party.cidrs else [])]

    def _whole(self, name: str, pods: list[Endpoint]) -> Party:
        """Pods as the workload that they are all of, else by a name that somebody has for them."""
        workload = self.site.of_workload(pods[0])
        return workload if workload.keys == frozenset(map(key_of, pods)) else self.site.of_pods(name, pods)

    def targets(self, namespace: str, service: Service, party: Party, wanted: Iterable[int | str] = ()) -> PortSet:
        """The ports of the pods behind a Service that some of its ports lead to; empty where it has none of these."""
        asked = tuple(wanted)
        out = NO_PORTS
        for port in (service.spec.ports if service.spec else None) or ():
            if not asked or port.port in asked or port.name in asked:
                out |= self._numbers(namespace, service, party, port)
        return out

    def _called(self, namespace: str, service: Service, party: Party, wanted: Iterable[int | str]) -> PortSet:
        """The same for who asks DNS: behind a headless Service, nobody rewrites the port that is asked for."""
        asked = tuple(wanted)
        if service.spec is None or service.spec.clusterIP != "None" or not all(isinstance(n, int) for n in asked):
            return self.targets(namespace, service, party, asked)
        listed = service.spec.ports or ()
        out = NO_PORTS if asked else self.targets(namespace, service, party)
        for number in asked:
            same = {port.protocol or "TCP" for port in listed if number in (port.port, port.targetPort)}
            for protocol in same or {"TCP"}:
                out |= PortSet.of(protocol, int(number))
        return out

    def _numbers(self, namespace: str, service: Service, party: Party, port: ServicePort) -> PortSet:
        out, protocol = NO_PORTS, port.protocol or "TCP"
        for endpoint in party.endpoints or self.site.hosts(party):
            for number in target_numbers(port, endpoint):
                out |= PortSet.of(protocol, number)
        bucket = self.site.bucket(namespace)
        if not out and bucket is not None and party.cidrs:
            for found in slice_addresses(bucket, service, port):
                out |= PortSet.of(protocol, found.port or port.port)
        return out

    def asks(  # noqa: PLR0913 - one question, whole
        self,
        sources: Party,
        peer: str,
        evidence: Evidence,
        why: str = "",
        *,
        ports: PortSet = NO_PORTS,
        drafted: tuple[str, ...] = (),
    ) -> Question | Unseen:
        """The question where a workload's peer is; nobody can be asked about sources that are not of one namespace."""
        if not sources.namespace:
            return Unseen(f"names {peer}, {why}".rstrip(", "), evidence)
        asks = f"{sources.namespace}/{sources.name} names {peer}, {why}".rstrip(", ")
        return Question(sources, Direction.EGRESS, peer, ports, asks, (evidence,), drafted)
