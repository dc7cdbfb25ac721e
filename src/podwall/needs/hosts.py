"""A host that a workload mentions → what it needs, or the question that the name leaves.

Left to others: the API server, the metadata services of clouds, and the cluster's DNS, which every pod asks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property

from msgspec import Struct

from podwall.api.gateway import GRPCRoute, HTTPRoute, Route, TCPRoute, TLSRoute, UDPRoute
from podwall.api.ingress import Ingress
from podwall.cluster.services import addresses_of
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.needs.application import Application
from podwall.needs.keys import Role
from podwall.needs.mentions import Form, Mention, is_file
from podwall.needs.need import Need, Question, Sureness, Unseen
from podwall.needs.party import Party
from podwall.needs.running import Running
from podwall.needs.schemes import PORTS, is_known
from podwall.needs.settings import Statement

__all__ = ["Hosts"]

_Item = Need | Question | Unseen
_API = ("default", "kubernetes")
_DNS = frozenset(("kube-dns", "coredns", "rke2-coredns-rke2-coredns", "node-local-dns"))
_NOBODY = frozenset(("host.docker.internal", "ip6-localhost", "ip6-loopback", "broadcasthost"))
_CLOUD = frozenset(
    ("metadata", "metadata.google.internal", "metadata.goog", "instance-data", "metadata.azure.internal")
)
_CLOUD_ADDRESSES = frozenset(("100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23"))
_EXAMPLES = ("www.w3.org", "json-schema.org", "java.sun.com", "xmlns.jcp.org", "schemas.xmlsoap.org")
_EPHEMERAL = 1000  # a smaller number behind a name is rather a weight, a version or a line
_DEEP = 4
_UDP = frozenset((53, 123, 161, 162, 514, 1812, 1813, 6831, 6832, 8125))
_ALIKE, _MANY = 2, 50  # how nearly alike names begin, and how many of them are compared


class Place(Struct, frozen=True):
    """A Service by namespace and name; `port` is the name of the port that an SRV record is asked for.

    `sure` says that nothing but a Service has such a name.
    """

    namespace: str
    name: str
    port: str = ""
    sure: bool = True


class Hosts:
    """Whom hosts are, for the workloads of one application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def needed(self, running: Running, said: Statement) -> Iterator[_Item]:
        """What a workload needs by one of its settings."""
        host = said.mention.host
        if ":" in host or host.replace(".", "").isdigit():
            yield from self._address(running, said)
        elif not _is_nobody(host):
            place = self._place(running.namespace, host)
            if place is not None:
                yield from self._service(running, said, place)
            elif self._asked_about(said) and not self._is_ours(host):
                why = "a host outside of the cluster"
                yield self._asks(running, said, host, why)

    def _place(self, namespace: str, host: str) -> Place | None:
        """The Service that a name leads to, None for a name of another domain."""
        labels = host.split(".")
        port = ""
        if len(labels) > 2 and labels[0].startswith("_"):
            port, labels = labels[0][1:], labels[2:]
        if len(labels) > 3 and labels[3] == "svc":
            return Place(labels[2], labels[1], port)
        if len(labels) > 2 and labels[2] == "svc":
            return Place(labels[1], labels[0], port)
        return self._short(namespace, labels, port)

    def _short(self, namespace: str, labels: list[str], port: str) -> Place | None:
        """The same of a name without `svc`, which search domains complete."""
        has, known = self._application.service, self._application.has_namespace
        match labels:
            case [name]:
                return Place(namespace, name, port, sure=False)
            case [pod, name] if has(name, pod) is None and self._is_headless(namespace, name):
                return Place(namespace, name, port)
            case [name, home] if known(home) or has(home, name):
                return Place(home, name, port)
            case [_, name, home] if self._is_headless(home, name):
                return Place(home, name, port)
        return None

    def _is_headless(self, namespace: str, name: str) -> bool:
        service = self._application.service(namespace, name)
        return service is not None and service.spec is not None and service.spec.clusterIP == "None"

    # Services

    def _service(self, running: Running, said: Statement, place: Place, depth: int = 0) -> Iterator[_Item]:
        named = place.namespace, place.name
        if named == _API or (place.namespace == "kube-system" and place.name in _DNS):
            return
        service = self._application.service(*named)
        if service is None:
            if self._asked_about(said) or (place.sure and said.mention.form is not Form.LOOKUP):
                yield from self._absent(running, said, place)
            return
        alias = service.spec.externalName if service.spec else None
        if alias:
            yield from self._alias(running, said, place, alias.lower().removesuffix("."), depth)
            return
        if not self._counts(running, said, place):
            return
        mention = said.mention
        ports: tuple[int | str, ...] = (mention.port,) if mention.port else (place.port,) if place.port else ()
        yield from self._application.calls(running.party, named, ports, said.evidence, _sureness(mention))

    def _counts(self, running: Running, said: Statement, place: Place) -> bool:
        """Whether it means that Service that has its name."""
        mention, role = said.mention, said.key.role
        if self._is_itself(running, place) and (
            said.key.own or mention.form < Form.PAIR or mention.by_scheme or not running.several
        ):
            return False
        if mention.form is Form.URL or role >= Role.SERVICE or mention.form is Form.LOOKUP:
            return True
        if mention.form is Form.NAME:
            return "." in mention.host
        port = mention.port or 0
        return port >= _EPHEMERAL or self._has_port(place, port)

    def _is_itself(self, running: Running, place: Place) -> bool:
        service = self._application.service(place.namespace, place.name)
        party = self._application.behind(place.namespace, service) if service else None
        return party is not None and bool(party.keys & running.party.keys)

    def _has_port(self, place: Place, port: int) -> bool:
        service = self._application.service(place.namespace, place.name)
        listed = (service.spec.ports if service and service.spec else None) or []
        return any(p.port == port for p in listed) or self._is_headless(place.namespace, place.name)

    def _alias(self, running: Running, said: Statement, place: Place, alias: str, depth: int) -> Iterator[_Item]:
        """An ExternalName Service: what it stands for may be a Service of another namespace."""
        if said.mention.form < Form.PAIR and said.key.role < Role.SERVICE:
            return
        target = self._place(place.namespace, alias)
        if target is not None and "." in alias and depth < _DEEP:
            yield from self._service(running, said, target, depth + 1)
        elif not self._is_ours(alias) and not _is_nobody(alias):
            yield self._asks(running, said, alias, f"by way of Service {place.name}")

    def _absent(self, running: Running, said: Statement, place: Place) -> Iterator[_Item]:
        why = "a Service which is not in the input"
        yield self._asks(running, said, f"{place.name}.{place.namespace}", why, self._meant(place))

    def _meant(self, place: Place) -> tuple[str, ...]:
        """Services that may be meant by the name of one that is absent: of that name elsewhere, of nearly that name."""
        elsewhere = self._homes.get(place.name, ())
        if elsewhere:
            return tuple(f"{home}/service/{place.name}" for home in elsewhere[:3])
        alike = self._alike.get((place.namespace, place.name[:_ALIKE]), ())
        near = get_close_matches(place.name, alike[:_MANY], 1, 0.8)
        return tuple(f"{place.namespace}/service/{name}" for name in near)

    @cached_property
    def _homes(self) -> dict[str, list[str]]:
        """The namespaces of each Service's name."""
        out: dict[str, list[str]] = {}
        for home, name in self._application.services:
            out.setdefault(name, []).append(home)
        return out

    @cached_property
    def _alike(self) -> dict[tuple[str, str], list[str]]:
        """The Services of each namespace by the letters that they begin with."""
        out: dict[tuple[str, str], list[str]] = {}
        for home, name in self._application.services:
            out.setdefault((home, name[:_ALIKE]), []).append(name)
        return out

    # Others

    def _address(self, running: Running, said: Statement) -> Iterator[_Item]:
        mention = said.mention
        address = _reachable(mention.host)
        if address is None or (mention.form is Form.NAME and said.key.role < Role.SERVICE):
            return
        text = str(address)
        named = self._addresses.get(text)
        if named is not None:
            yield from self._service(running, said, Place(*named))
        elif not said.key.own and said.key.role is not Role.NAME:
            cidr = f"{text}/{address.max_prefixlen}"
            if mention.port:
                to = Party(text, cidrs=(cidr,))
                yield Need(running.party, to, _ports(mention), (said.evidence,), _sureness(mention))
            else:
                yield self._asks(running, said, text, "at a port that is not written", (cidr,))

    @cached_property
    def _addresses(self) -> dict[str, tuple[str, str]]:
        """Every address that stands for a Service; of several, the first has it."""
        out: dict[str, tuple[str, str]] = {}
        for named, service in self._application.services.items():
            for address in addresses_of(service):
                out.setdefault(address, named)
        return out

    def _asks(
        self, running: Running, said: Statement, peer: str, why: str, drafted: tuple[str, ...] = ()
    ) -> Question | Unseen:
        ports = _ports(said.mention)
        return self._application.asks(running.party, peer, said.evidence, why, ports=ports, drafted=drafted)

    def _asked_about(self, said: Statement) -> bool:
        """Whether people are asked about a host that nobody in the input has."""
        mention, role = said.mention, said.key.role
        if said.key.own or mention.host in _EXAMPLES or is_file(mention.host):
            return False
        if mention.form is Form.URL:
            known = is_known(mention.scheme) or mention.port is not None
            return known and (mention.sole or role >= Role.SERVICE)
        if mention.form is Form.PAIR:
            called = set(mention.host.split("-")) <= set(
                said.key.words
            )  # LEDGER=ledger:80, --old-profile=profile:27017
            likely = "." in mention.host or (role >= Role.PLAIN and (mention.port or 0) >= _EPHEMERAL)
            return role >= Role.SERVICE or (mention.sole and (called or likely))
        return mention.form is Form.NAME and role is Role.ADDRESS and mention.sole

    def _is_ours(self, host: str) -> bool:
        """Whether it is a name under which the cluster itself is reached from outside."""
        return host in self._outer or f"*.{host.partition('.')[2]}" in self._outer

    @cached_property
    def _outer(self) -> frozenset[str]:
        topology = self._application.topology
        rules = (rule for one in topology.every(Ingress) if one.object.spec for rule in one.object.spec.rules or ())
        kinds: tuple[type[Route], ...] = (HTTPRoute, GRPCRoute, TLSRoute, TCPRoute, UDPRoute)
        routes = [located.object for kind in kinds for located in topology.every(kind)]
        named = (name for one in routes if one.spec for name in one.spec.hostnames or ())
        return frozenset(name.lower() for name in (*(rule.host for rule in rules if rule.host), *named))


def _ports(mention: Mention) -> PortSet:
    """As nobody says a protocol, both where UDP is usual."""
    if mention.port is None:
        return NO_PORTS
    udp = mention.scheme == "udp" or mention.port in _UDP
    tcp = mention.scheme != "udp"
    found = PortSet.of("UDP", mention.port) if udp else NO_PORTS
    return found | PortSet.of("TCP", mention.port) if tcp else found


def _sureness(mention: Mention) -> Sureness:
    if mention.form is Form.LOOKUP:
        return Sureness.INFERRED
    return Sureness.STATED if mention.port is not None or mention.scheme in PORTS else Sureness.NAMED


def _is_nobody(host: str) -> bool:
    labels = host.split(".")
    return "localhost" in (labels[0], labels[-1]) or host in _NOBODY or host in _CLOUD


def _reachable(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address that somebody else can have; not those of this host, of nobody, and of a cloud's metadata."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    never = found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local
    return None if never or text in _CLOUD_ADDRESSES or (found.version == 4 and found.is_reserved) else found
