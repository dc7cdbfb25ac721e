"""What the ends of an assertion stand for in one cluster: endpoints with their families and ports, and addresses.

A workload stands for all its pods, whether or not rules tell them apart: what is said of it must hold for each. A CIDR
stands for whoever has its addresses (D19), and for the addresses that nobody here has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import chain

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Controller, Endpoint
from podwall.cluster.hosts import hosts
from podwall.cluster.services import addresses_of
from podwall.cluster.wellknown import Members, WellKnown
from podwall.engine.model import Model
from podwall.engine.references import ServiceRef
from podwall.engine.rules import AnyPort, NamedPort, PortRange, PortTerm
from podwall.engine.sets import ALL_PORTS, NO_ADDRESSES, NO_PORTS, AddrSet, PortSet, address_number
from podwall.engine.verdict import End
from podwall.errors import UnknownReference
from podwall.expect.expectation import Block, Everyone, Labeled, Named, Set, Spec
from podwall.expect.grammar import read_port

__all__ = ["NODES", "Ends", "Found", "Outside", "Pick"]

NODES = "(nodes)"  # the namespace of processes on nodes; no selector sees them
_ANY: tuple[PortTerm, ...] = (AnyPort(),)
_HINTS = {
    "apiserver": "the input shows no API server; say where it is in `sets`: {apiserver: {cidrs: [192.0.2.10/32]}}",
    "dns": "the input shows no cluster DNS; say where it is in `sets`: {dns: {namespace: …, podLabels: {…}}}",
    "monitoring": "nothing in the input looks like Prometheus; say what it is in `sets`: {monitoring: {namespace: …}}",
}


class Pick(Struct, frozen=True, gc=False):
    """An endpoint, in the families and at the ports that are meant. `many` is as in End: it has replicas (D5)."""

    endpoint: Endpoint
    families: frozenset[int]
    ports: PortSet
    many: bool


class Outside(Struct, frozen=True):
    """Addresses that nobody in the cluster has, and the ports that are meant there."""

    addresses: AddrSet
    ports: PortSet


class Found(Struct, frozen=True):
    """One end: `direct` says that it is one thing by its name, `service` that it is meant through a Service."""

    picks: tuple[Pick, ...]
    outside: tuple[Outside, ...] = ()
    direct: bool = False
    service: bool = False


class Ends:
    """Looks ends up in one cluster."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known = WellKnown(model.cluster, model.endpoints)
        self._blocks: dict[tuple[AddrSet, tuple[PortTerm, ...]], Found] = {}

    def source(self, end: Spec) -> Found:
        """Who connects; ports do not count. Raises UnknownReference where the end stands for nothing."""
        return self._found(end, _ANY, as_source=True)

    def destination(self, end: Spec, ports: Sequence[PortTerm] | None) -> Found:
        """Who is connected to, and at which ports; those of a set where `ports` is None, else any."""
        return self._found(end, ports, as_source=False)

    def _found(self, end: Spec, terms: Sequence[PortTerm] | None, *, as_source: bool) -> Found:
        match end:
            case Named(reference):
                target = self._model.references.target(reference)
                if isinstance(target, ServiceRef):
                    return self._service(target, terms, as_source=as_source)
                return self._targets(target, terms or _ANY)
            case Set(name, definition):
                parts = self._known.built_in(name) if definition is None else self._known.defined(definition)
                return self._set(name, parts, terms, as_source=as_source)
            case Block(cidr):
                return self._addresses(AddrSet.of(cidr), terms or _ANY)
            case _:
                return Found(tuple(_pick(endpoint, terms or _ANY) for endpoint in self._selected(end)))

    # Names

    def _targets(self, ends: Iterable[End], terms: Sequence[PortTerm]) -> Found:
        picks: list[Pick] = []
        outside: list[Outside] = []
        for end in ends:
            if end.member.kind == "External":
                outside.append(_outside(_address_set(end.member.addresses), terms))
            else:
                picks += self._end(end, terms)
        return Found(tuple(picks), tuple(outside), direct=True)

    def _end(self, end: End, terms: Sequence[PortTerm]) -> Iterator[Pick]:
        """A Pod, a node, or all the pods of a workload."""
        controller = end.members[0].controller if end.members else None
        if controller is not None:
            for endpoint in self._by_controller[end.members[0].namespace, controller]:
                yield _pick(endpoint, terms)
            return
        member = _as_host(end.member) if end.member.kind == "Node" else end.member
        yield Pick(member, _families(member.addresses), ports_of(terms, member), end.many)

    @cached_property
    def _by_controller(self) -> Mapping[tuple[str, Controller], list[Endpoint]]:
        out: dict[tuple[str, Controller], list[Endpoint]] = {}
        for endpoint in self._model.endpoints:
            if endpoint.controller is not None:
                out.setdefault((endpoint.namespace, endpoint.controller), []).append(endpoint)
        return out

    def _service(self, ref: ServiceRef, terms: Sequence[PortTerm] | None, *, as_source: bool) -> Found:
        if as_source:
            return msgspec.structs.replace(self._targets(self._model.questions.all_behind(ref), _ANY), service=True)
        found: dict[tuple[str, ...], tuple[End, PortSet]] = {}
        for protocol, port in self._service_ports(ref, terms):
            for end, number in self._model.questions.backends(ref, protocol, port):
                key = (end.name, *end.member.addresses)
                known = found.get(key, (end, NO_PORTS))[1]
                found[key] = end, known | PortSet.of(protocol, number)
        picks: list[Pick] = []
        outside: list[Outside] = []
        for end, ports in found.values():
            if end.member.kind == "External":
                outside.append(Outside(_address_set(end.member.addresses), ports))
            else:
                picks += (msgspec.structs.replace(pick, ports=ports) for pick in self._behind(end))
        return Found(tuple(picks), tuple(outside), direct=True, service=True)

    def _behind(self, end: End) -> Iterator[Pick]:
        """The pods behind a Service, which are those that it selects; in the family of its address if by one."""
        families = _families(end.member.addresses)
        for member in end.members or (end.member,):
            known = _as_host(member) if member.kind == "Node" else member
            yield Pick(known, families, NO_PORTS, end.many)

    def _service_ports(self, ref: ServiceRef, terms: Sequence[PortTerm] | None) -> Iterator[tuple[str, int | str]]:
        spec = ref.service.spec
        every = [(port.protocol or "TCP", port.port) for port in (spec.ports if spec else None) or ()]
        for term in terms or _ANY:
            match term:
                case NamedPort(protocol, name):
                    yield protocol, name
                case PortRange(protocol, first, last) if first == last:
                    yield protocol, first
                case PortRange(protocol, first, last):
                    yield from ((p, number) for p, number in every if p == protocol and first <= number <= last)
                case _:
                    yield from every

    # Sets

    @cached_property
    def _by_namespace(self) -> Mapping[str, list[Endpoint]]:
        out: dict[str, list[Endpoint]] = {}
        for endpoint in self._model.endpoints:
            out.setdefault(endpoint.namespace, []).append(endpoint)
        return out

    def _selected(self, end: Spec) -> Iterator[Endpoint]:
        match end:
            case Everyone(namespace):
                if namespace is not None and namespace not in self._model.cluster.namespaces:
                    close = get_close_matches(namespace, sorted(self._model.cluster.namespaces), n=3)
                    meant = f"; did you mean {', '.join(close)}?" if close else ""
                    raise UnknownReference(f"there is no namespace {namespace} in the input{meant}")
                yield from self._model.endpoints if namespace is None else self._by_namespace.get(namespace, ())
            case Labeled(namespace, namespace_labels, pod_labels):
                labels_of = self._model.index.labels_of
                for endpoint in self._model.endpoints:
                    if (
                        namespace in (None, endpoint.namespace)
                        and _has(labels_of(endpoint.namespace), namespace_labels)
                        and _has(endpoint.labels, pod_labels)
                    ):
                        yield endpoint

    def _set(self, name: str, parts: Iterable[Members], terms: Sequence[PortTerm] | None, *, as_source: bool) -> Found:
        picks: list[Pick] = []
        outside: list[Outside] = []
        for part in parts:
            own = None if part.ports is None else tuple(map(read_port, part.ports))
            wanted = _ANY if as_source else terms or own or _ANY
            picks += (_pick(endpoint, wanted) for endpoint in part.endpoints)
            if part.cidrs:
                everyone = _union(part.cidrs) - _union(part.excepts)
                found = self._addresses(everyone, wanted)
                picks += found.picks
                outside += found.outside
        if not picks and not outside:
            raise UnknownReference(_HINTS.get(name, f"the set {name} holds nothing in the input"))
        return Found(tuple(picks), tuple(outside))

    # Addresses

    def _addresses(self, wanted: AddrSet, terms: Sequence[PortTerm]) -> Found:
        """Whoever has the addresses, each in the family of those; the rest is outside."""
        key = wanted, tuple(terms)
        if key not in self._blocks:
            self._blocks[key] = self._at(wanted, terms)
        return self._blocks[key]

    def _at(self, wanted: AddrSet, terms: Sequence[PortTerm]) -> Found:
        picks: list[Pick] = []
        for endpoint in chain(self._model.endpoints, self._hosts):
            if endpoint.host_network and endpoint.kind != "Node":  # counts as its node (D19)
                continue
            own = tuple(a for a in endpoint.addresses if a in wanted)
            if own:
                member = _as_host(msgspec.structs.replace(endpoint, addresses=own)) if _is_node(endpoint) else endpoint
                picks.append(Pick(member, _families(own), ports_of(terms, endpoint), endpoint.many))
        left = wanted - self._taken
        return Found(tuple(picks), (_outside(left, terms),) if left else ())

    @cached_property
    def _hosts(self) -> tuple[Endpoint, ...]:
        """Every node once, with all its addresses."""
        held: dict[str, Endpoint] = {}
        for node in hosts(self._model.cluster).values():
            known = held.get(node.name)
            both = (*known.addresses, *node.addresses) if known else node.addresses
            held[node.name] = msgspec.structs.replace(node, addresses=tuple(dict.fromkeys(both)))
        return tuple(held[name] for name in sorted(held))

    @cached_property
    def _taken(self) -> AddrSet:
        """The addresses that pods, nodes and Services have."""
        pods = (a for e in self._model.endpoints if not e.host_network for a in e.addresses)
        nodes = (a for node in self._hosts for a in node.addresses)
        buckets = self._model.cluster.namespaces.values()
        services = (a for bucket in buckets for s in bucket.services for a in addresses_of(s.object))
        return _address_set(chain(pods, nodes, services))


def ports_of(terms: Iterable[PortTerm], endpoint: Endpoint) -> PortSet:
    """The ports that are meant on an endpoint; a name that it does not have means none."""
    found = NO_PORTS
    for term in terms:
        match term:
            case AnyPort():
                return ALL_PORTS
            case PortRange(protocol, first, last):
                found |= PortSet.of(protocol, first, last)
            case NamedPort(protocol, name):
                for port in endpoint.ports:
                    if (port.name, port.protocol) == (name, protocol):
                        found |= PortSet.of(protocol, port.number)
    return found


def _pick(endpoint: Endpoint, terms: Iterable[PortTerm]) -> Pick:
    return Pick(endpoint, _families(endpoint.addresses), ports_of(terms, endpoint), endpoint.many)


def _outside(addresses: AddrSet, terms: Iterable[PortTerm]) -> Outside:
    return Outside(addresses, ports_of(terms, Endpoint("External", "", "", {})))


def _is_node(endpoint: Endpoint) -> bool:
    return endpoint.kind == "Node"


def _as_host(node: Endpoint) -> Endpoint:
    """A node as the index takes it: a process on its network, by the addresses that are meant."""
    name = f"{node.name}@{','.join(node.addresses)}"
    return Endpoint("Node", NODES, name, node.labels, node.addresses, (), True, node.labels, node.name)  # noqa: FBT003 - in order


def _families(addresses: Iterable[str]) -> frozenset[int]:
    return frozenset(6 if ":" in address else 4 for address in addresses)


def _has(labels: Mapping[str, str], wanted: tuple[tuple[str, str], ...] | None) -> bool:
    return wanted is None or all(labels.get(key) == value for key, value in wanted)


def _union(cidrs: Iterable[str]) -> AddrSet:
    out = NO_ADDRESSES
    for cidr in cidrs:
        out |= AddrSet.of(cidr)
    return out


def _address_set(addresses: Iterable[str]) -> AddrSet:
    """Many addresses at once: runs of neighbors are one span."""
    spans: list[tuple[int, int]] = []
    for number in sorted({address_number(address) for address in addresses}):
        if spans and spans[-1][1] + 1 == number:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return AddrSet(tuple(spans))
