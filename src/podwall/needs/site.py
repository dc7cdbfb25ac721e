"""The cluster that policies are written for: names → parties, who is isolated already, and the well-known sets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from podwall.admission.names import dns_label
from podwall.cluster.endpoints import Controller, Endpoint
from podwall.cluster.hosts import single
from podwall.cluster.objects import Bucket, name_of
from podwall.cluster.services import port_of, selects, target_numbers
from podwall.cluster.wellknown import WellKnown
from podwall.engine.index import key_of
from podwall.engine.judge import Judge, ports_on
from podwall.engine.model import Model
from podwall.engine.questions import split_protocol
from podwall.engine.references import References, ServiceRef, Target
from podwall.engine.rules import Direction
from podwall.engine.sets import PortSet, cut
from podwall.engine.verdict import Connection, End, is_selectable
from podwall.errors import CannotWrite, UnknownReference
from podwall.needs.addresses import blocks, refuse_name
from podwall.needs.party import Party

__all__ = ["Site", "families", "somebody", "told_apart"]


class Site:
    """One cluster. `given` says that it was read; without input there is nobody in it."""

    def __init__(self, model: Model, *, given: bool) -> None:
        self.model = model
        self.given = given
        self.namespace = model.namespace
        groups = lambda: model.groups(model.reach)  # noqa: E731 - made when the first name is looked up
        self.references = References(model.cluster, model.index, groups, model.namespace)

    @cached_property
    def well_known(self) -> WellKnown:
        """dns, apiserver, monitoring, internet."""
        return WellKnown(self.model.cluster, self.model.endpoints)

    @cached_property
    def _by_namespace(self) -> dict[str, list[Endpoint]]:
        out: dict[str, list[Endpoint]] = {}
        for endpoint in self.model.endpoints:
            out.setdefault(endpoint.namespace, []).append(endpoint)
        return out

    @cached_property
    def _by_label(self) -> dict[tuple[str, str, str], list[Endpoint]]:
        out: dict[tuple[str, str, str], list[Endpoint]] = {}
        for endpoint in self.model.endpoints:
            for key, value in endpoint.labels.items():
                out.setdefault((endpoint.namespace, key, value), []).append(endpoint)
        return out

    def likely(self, namespace: str, labels: Mapping[str, str]) -> list[Endpoint]:
        """The endpoints of a namespace that have the rarest of some labels, so that few are asked for the others."""
        found = (self._by_label.get((namespace, *label), []) for label in labels.items())
        return min(found, key=len, default=[])

    @cached_property
    def _by_controller(self) -> dict[tuple[str, Controller], list[Endpoint]]:
        out: dict[tuple[str, Controller], list[Endpoint]] = {}
        for endpoint in self.model.endpoints:
            if endpoint.controller is not None:
                out.setdefault((endpoint.namespace, endpoint.controller), []).append(endpoint)
        return out

    def bucket(self, namespace: str) -> Bucket | None:
        """What the input holds of a namespace."""
        return self.model.cluster.namespaces.get(namespace)

    def endpoints(self, namespace: str) -> list[Endpoint]:
        """Every endpoint of a namespace, those of the host network as well."""
        return self._by_namespace.get(namespace, [])

    def everyone(self, namespace: str | None = None) -> Party:
        """Every pod of a namespace, that of the command without a name. Raises CannotWrite where it is unknown."""
        name = namespace or self.namespace
        wrong = dns_label(name)
        if wrong:
            raise CannotWrite(f"{name}: not the name of a namespace: {wrong[0]}")
        if self.given and self.bucket(name) is None:
            known = ", ".join(sorted(self.model.cluster.namespaces)[:8]) or "none"
            raise CannotWrite(f"there is no namespace {name} in the input; it has {known} (give another one with -n)")
        return Party("every pod", name, tuple(filter(is_selectable, self.endpoints(name))), whole=True)

    def party(self, reference: str) -> Party:
        """A reference of the command line: a workload (by any of its Pods' names too), a Service, ns/* or addresses.

        Raises UnknownReference, or CannotWrite for a host name and for pods on their host's network.
        """
        if reference.endswith("/*"):
            return self.everyone(reference.removesuffix("/*"))
        if "/" not in reference or _is_cidr(reference):
            block = _block(reference)
            if block is not None:
                return Party(block, cidrs=(block,))
        target = self._target(reference)
        if isinstance(target, ServiceRef):
            chosen = [e for e in self.endpoints(target.namespace) if selects(target.service, e)]
            if not chosen:
                raise CannotWrite(f"no pod stands behind Service {target.name}")
            return self.of_pods(name_of(target.service.metadata), chosen)
        members = [m for end in target for m in end.members or (end.member,)]
        if members[0].kind in ("Node", "External"):
            return Party(reference, cidrs=tuple(single(a) for m in members for a in m.addresses))
        return self.of_workload(members[0])

    def _target(self, reference: str) -> Target:
        try:
            return self.references.target(reference)
        except UnknownReference:
            refuse_name(reference)
            raise

    def of_workload(self, endpoint: Endpoint) -> Party:
        """All pods of an endpoint's workload: a policy for one replica would be gone with it."""
        top = endpoint.controller
        alike = self._by_controller.get((endpoint.namespace, top)) if top is not None else None
        return self.of_pods(top.name if top else endpoint.name, alike or [endpoint])

    def of_pods(self, name: str, endpoints: Iterable[Endpoint]) -> Party:
        """Pods of one namespace; those on their host's network are meant by their nodes' addresses."""
        found = sorted(endpoints, key=key_of)
        hosts = tuple(sorted({single(a) for e in found if e.host_network and not e.assumed for a in e.addresses}))
        seen = tuple(filter(is_selectable, found))
        if not seen and not hosts:
            raise CannotWrite(f"{found[0].namespace}/{name} is on its host's network, and its address is not known")
        return Party(name, found[0].namespace, seen, cidrs=hosts)

    def hosts(self, party: Party) -> list[Endpoint]:
        """The pods of a party that are on their host's network."""
        found = (e for e in self.endpoints(party.namespace) if e.host_network)
        return [e for e in found if party.name in (e.name, e.controller and e.controller.name)]

    def ports(self, text: str, reference: str, destinations: Party) -> PortSet:
        """`80`, `http`, `53/udp`: the destination's own ports; the port of a Service is where it leads."""
        port, protocol = split_protocol(text)
        wanted = protocol or "TCP"
        target = None if destinations.cidrs or reference.endswith("/*") else self.references.target(reference)
        if isinstance(target, ServiceRef):
            found = port_of(target.service, target.name, wanted, int(port) if port.isdigit() else port)
            numbers = {n for e in destinations.endpoints for n in target_numbers(found, e)}
        elif port.isdigit():
            numbers = {int(port)}
        else:
            numbers = {
                p.number for e in destinations.endpoints for p in e.ports if (p.name, p.protocol) == (port, wanted)
            }
        if len(numbers) != 1 or not 1 <= min(numbers) <= 65535:
            stands = " and ".join(map(str, sorted(numbers))) or "no port"
            raise CannotWrite(f"port {text} of {destinations.name} stands for {stands}: give a number from 1 to 65535")
        return PortSet.of(wanted, numbers.pop())

    def isolated(self, endpoint: Endpoint, direction: Direction) -> bool:
        """Whether the NetworkPolicies of the input isolate an endpoint."""
        return self.model.judge.isolates(direction, self.end(endpoint))

    def end(self, endpoint: Endpoint) -> End:
        """An endpoint as one end of a question."""
        name = f"{endpoint.namespace}/{endpoint.controller.name if endpoint.controller else endpoint.name}"
        return End(name, endpoint, self.model.index.slot(endpoint), endpoint.many, endpoint.node)

    def lets(self, direction: Direction, source: Endpoint, destination: Endpoint, ports: PortSet) -> bool:
        """Whether one side lets ports of a pair through already."""
        common, judge = families(source) & families(destination), self.model.judge
        ends = self.end(source), self.end(destination)
        asked = (Connection(*ends, *port, f) for port in told_apart(judge, *ends, ports) for f in common)
        return all(judge.side(direction, one, evidence=False).allowed for one in asked)

    def outside(self, party: Party, most: int | None = None) -> Iterator[End]:
        """One address for each part of a party's blocks that no rule tells apart; the blocks are cut `most` times."""
        cells = [party.addresses] if party.addresses else []
        for block in self.model.index.blocks:
            if most is not None and len(cells) > most:
                break
            cells = [part for cell in cells for part in (cell & block, cell - block) if part]
        parts = (part for cell in cells for part in map(cell.family, (4, 6)) if part)
        yield from (somebody(part.cidrs()[0].partition("/")[0]) for part in parts)


def somebody(*addresses: str) -> End:
    """Whoever has these addresses outside of the cluster."""
    return End(addresses[0], Endpoint("External", "", addresses[0], {}, addresses))


def told_apart(judge: Judge, source: End, destination: End, ports: PortSet) -> Iterator[tuple[str, int]]:
    """One port of each part of some ports that no rule of either end tells apart, with its protocol."""
    rules = (*judge.rules(Direction.EGRESS, source), *judge.rules(Direction.INGRESS, destination))
    for piece in cut([ports, *(ports_on(rule.ports, destination.member) for rule in rules)]):
        if piece <= ports:
            protocol, port, _ = next(piece.ranges())
            yield protocol, port


def families(endpoint: Endpoint) -> set[int]:
    """The address families of an endpoint."""
    return {6 if ":" in address else 4 for address in endpoint.addresses}


def _is_cidr(text: str) -> bool:
    return (text[:1].isdigit() and text.rpartition("/")[2].isdigit()) or ":" in text


def _block(text: str) -> str | None:
    """A CIDR or a single address in its one spelling; None for what is neither. Raises CannotWrite for a wrong one."""
    if _is_cidr(text) and "/" in text:
        return blocks([text])[0]
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        return None
