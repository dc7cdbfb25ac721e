"""What a reference in a question names: ends, workloads, Services, nodes, addresses (interface.md; D2, D7, D19)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.truth.picture import (
    Address,
    End,
    Key,
    Object,
    OracleError,
    Picture,
    Undecided,
    addresses_of,
    get,
    several_items,
)
from tests.truth.policy import PEERS, effective_rules, end_in_block, peer_matches, policy_types, port_numbers, selects
from tests.truth.tiers import Tiers, covers


@dataclass(frozen=True)
class Target:
    """What a reference names: ends that are asked together."""

    ends: tuple[End, ...]
    several: bool = False  # a workload with more than one replica: its self pair is two of them (D5)
    service: Object | None = None  # then every end is a backend
    by_name: bool = False  # a domain name: its addresses, or itself (C12)


@dataclass(frozen=True)
class Backend:
    """A destination with the port that the packet arrives at."""

    end: End
    port: int


class Targets:
    """Resolves references against one picture."""

    def __init__(self, picture: Picture, profile: str, default: str) -> None:
        self.picture = picture
        self.profile = profile
        self.default = default
        self.tiers = Tiers(picture)

    def find(self, reference: str) -> Target:
        """What a reference names; OracleError if nothing, or more than one thing."""
        address = parse_address(reference)
        if address is not None:
            return self._owner(address)
        parts = reference.split("/")
        if len(parts) == 1:  # a name alone is in the namespace of -n
            if "." in reference and not self._exists(self.default, reference):
                return self._domain(reference.lower().removesuffix("."))
            parts = [self.default, *parts]
        if len(parts) == 2:
            return Target((self._node(parts[1]),)) if parts[0] == "node" else self._named(parts[0], parts[1])
        if len(parts) == 3:
            return self._of_kind((parts[0], parts[1].lower(), parts[2]))
        raise OracleError(f"{reference} is not a reference")

    def _of_kind(self, key: Key) -> Target:
        """ns/Kind/name."""
        if key[1] == "service":
            return self._service(key[0], key[2])
        if key[1] == "pod":
            return self._pod(key[0], key[2])
        found = [k for k in self.picture.workloads() if (k[0], k[1].lower(), k[2]) == key]
        if not found:
            raise OracleError(f"nothing is called {'/'.join(key)}")
        return self._workload(found[0])

    def _named(self, namespace: str, name: str) -> Target:
        """ns/name: a Pod, else a workload, never a Service."""
        if (namespace, name) in self.picture.pods or (namespace, name) in self.picture.finished:
            return self._pod(namespace, name)
        found = [k for k in self.picture.workloads() if (k[0], k[2]) == (namespace, name)]
        if len(found) != 1:
            raise OracleError(f"{namespace}/{name} names {len(found)} things: {found}")
        return self._workload(found[0])

    def _exists(self, namespace: str, name: str) -> bool:
        held = {*self.picture.pods, *self.picture.finished, *((k[0], k[2]) for k in self.picture.workloads())}
        return (namespace, name) in held

    def _domain(self, name: str) -> Target:
        """C12: all addresses of a name that has some, else the name itself, if some rule means it."""
        known = self.picture.resolutions.get(name)
        if known is None:
            if not any(covers(pattern, name) for pattern in self.tiers.names()):
                raise OracleError(f"no rule means {name}")
            return Target((End("domain", name),), by_name=True)
        if not known:
            raise OracleError(f"{name} has no address")
        if any(block.num_addresses > 1 for block in known):
            raise Undecided(f"{name} stands for blocks")
        owners = [self._owner(block.network_address) for block in known]
        if any(owner.service for owner in owners):
            raise OracleError(f"{name} is the name of a Service")
        ends: list[End] = []
        for end in (end for owner in owners for end in owner.ends):
            if end not in ends:
                ends.append(end)
        return Target(tuple(ends), by_name=True)

    def _pod(self, namespace: str, name: str) -> Target:
        if (namespace, name) not in self.picture.pods:
            reason = "is finished (D10)" if (namespace, name) in self.picture.finished else "does not exist"
            raise OracleError(f"pod {namespace}/{name} {reason}")
        return Target((self.picture.pods[namespace, name],))

    def _node(self, name: str) -> End:
        if name in self.picture.nodes:
            return self.picture.nodes[name]
        on_it = [p for p in self.picture.pods.values() if p.node == name and p.node_addresses]
        if not on_it:
            raise OracleError(f"node {name} does not exist")
        return End("node", f"node/{name}", on_it[0].node_addresses, node=name)

    def _workload(self, key: Key) -> Target:
        """A workload's pods; where rules can tell them apart, those of the largest class (interface.md)."""
        members = self.picture.members(key)
        several = self.picture.several.get(key, False) or len(members) > 1
        classes: dict[Any, list[End]] = {}
        for member in members:
            classes.setdefault(self._signature(member), []).append(member)
        most = max(len(c) for c in classes.values())
        largest = [c for c in classes.values() if len(c) == most]
        if len(largest) > 1:
            raise Undecided(f"{'/'.join(key)}: its replicas fall into classes of equal size")
        return Target(tuple(largest[0]), several=several)

    def _signature(self, pod: End) -> tuple[str, ...]:
        """All that any rule can see of a pod; the node it runs on is not part of it (D4)."""
        seen: list[Any] = [pod.host, sorted(a.version for a in pod.addresses)]
        for policy in self.picture.policies:
            for direction in PEERS:
                types = policy_types(policy.get("spec") or {})
                seen.append(direction in types and selects(policy, pod))
                for rule in effective_rules(policy, direction):
                    home = policy["metadata"]["namespace"]
                    seen += [self._peer_sees(p, home, pod) for p in several_items(rule, PEERS[direction])]
                    named = [p for p in several_items(rule, "ports") if isinstance(get(p, "port"), str)]
                    seen += [sorted(port_numbers(pod, p["port"], p.get("protocol") or "TCP")) for p in named]
        seen += self.tiers.seen(pod)
        return tuple(str(s) for s in seen)

    def _peer_sees(self, peer: Object, home: str, pod: End) -> list[bool]:
        """Whether one peer entry matches a pod, in each family."""
        if peer.get("ipBlock") is not None:
            return [end_in_block(peer["ipBlock"], pod, family, self.profile) for family in (4, 6)]
        return [peer_matches(peer, home, pod, 4, (self.profile, self.picture.namespaces))]

    # ---- addresses ----------------------------------------------------------------------------------------------

    def _owner(self, address: Address) -> Target:
        """D19: a pod's address, then a Service's, then a Node's or a hostIP, then external."""
        pods = [e for e in self.picture.ends() if e.plain and address in e.addresses]
        services = [where for where, s in self.picture.services.items() if address in service_addresses(s)]
        if len(pods) > 1 or (not pods and len(services) > 1):
            raise OracleError(f"{address} belongs to {[p.name for p in pods] or services}")
        if pods:
            return Target((replace(pods[0], addresses=(address,)),))
        if services:
            target = self._service(*services[0])
            return replace(target, ends=with_family(target.ends, address.version))
        return Target((self._node_or_external(address),))

    def _node_or_external(self, address: Address) -> End:
        """The last two steps of D19."""
        for node in self.picture.nodes.values():
            if address in node.addresses:
                return replace(node, addresses=(address,))
        for pod in self.picture.pods.values():
            if address in pod.node_addresses or (pod.host and address in pod.addresses):
                return End("node", f"node/{pod.node or address}", (address,), node=pod.node)
        return End("external", str(address), (address,))

    # ---- services -----------------------------------------------------------------------------------------------

    def _service(self, namespace: str, name: str) -> Target:
        """D7: the pods behind a Service, or what its EndpointSlices list where it has no selector."""
        service = self.picture.services.get((namespace, name))
        if service is None:
            raise OracleError(f"service {namespace}/{name} does not exist")
        selector = get(service, "spec", "selector")
        if selector:
            here = [e for e in self.picture.ends() if e.namespace == namespace]
            ends = [e for e in here if all(e.labels.get(k) == v for k, v in selector.items())]
        else:
            ends = [self._endpoint(ipaddress.ip_address(a)) for _, a in self._endpoints(namespace, name)]
        if not ends:
            raise OracleError(f"service {namespace}/{name} has no backend (D7)")
        return Target(tuple(ends), service=service)

    def _endpoints(self, namespace: str, name: str) -> list[tuple[Object, str]]:
        """Every address of a Service's EndpointSlices, with its slice."""
        return [
            (piece, address)
            for piece in self.picture.slices
            if get(piece, "metadata", "namespace") == namespace
            and get(piece, "metadata", "labels", "kubernetes.io/service-name") == name
            and piece.get("addressType") != "FQDN"
            for endpoint in several_items(piece, "endpoints")
            for address in endpoint["addresses"]
        ]

    def _endpoint(self, address: Address) -> End:
        """An EndpointSlice's address is the end that has it (D19), never a Service."""
        for end in self.picture.ends():
            if end.plain and address in end.addresses:
                return replace(end, addresses=(address,))
        return self._node_or_external(address)

    def backends(self, target: Target, port: int | str, protocol: str) -> list[Backend]:
        """The destination ends with the port that each is reached at (D7)."""
        if target.service is None:
            return [Backend(end, number_of(end, port, protocol)) for end in target.ends]
        wanted = "name" if isinstance(port, str) else "port"
        ports = several_items(target.service, "spec", "ports")
        found = [p for p in ports if p.get(wanted) == port and (p.get("protocol") or "TCP") == protocol]
        if not found:
            raise OracleError(f"the service has no port {port}/{protocol} (D7)")
        backends = [Backend(e, n) for e in target.ends for n in [self._arrival(target.service, e, found[0])] if n]
        if not backends:
            raise OracleError(f"no backend has the target port of {port}/{protocol}")
        return backends

    def _arrival(self, service: Object, end: End, port: Object) -> int | None:
        """The number that a Service port arrives at; without a selector, the slice's port of the same name says it."""
        if get(service, "spec", "selector"):
            return target_port(end, port)
        meta = service["metadata"]
        for piece, address in self._endpoints(meta["namespace"], meta["name"]):
            if ipaddress.ip_address(address) not in end.addresses:
                continue
            for entry in several_items(piece, "ports"):
                if port_id(entry) == port_id(port):
                    return int(entry.get("port") or port["port"])
        return None


def allot(picture: Picture, given: Mapping[str, Sequence[str]], cidrs: Sequence[str]) -> None:
    """D2: an end without an address gets the one given for it, else a free one of every pod CIDR."""
    used = {a for e in [*picture.ends(), *picture.nodes.values()] for a in (*e.addresses, *e.node_addresses)}
    used |= {a for s in picture.services.values() for a in service_addresses(s)}
    used |= {a for texts in given.values() for a in addresses_of(texts)}
    pools = [(a for a in ipaddress.ip_network(c).hosts() if a not in used) for c in cidrs]

    def with_address(end: End) -> End:
        namespace, _, name = end.name.split("/")
        texts = given.get(end.name) or given.get(f"{namespace}/{name}")
        if end.addresses:
            return end
        return replace(end, addresses=addresses_of(texts) if texts else tuple(next(pool) for pool in pools))

    for pods in sorted(picture.pods):
        picture.pods[pods] = with_address(picture.pods[pods])
    for key in sorted(picture.bare):
        picture.bare[key] = with_address(picture.bare[key])


def port_id(port: Object) -> tuple[str, str]:
    """What joins a Service's port to an EndpointSlice's: name and protocol."""
    return port.get("name") or "", port.get("protocol") or "TCP"


def parse_address(text: str) -> Address | None:
    """An address, None for anything else."""
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def service_addresses(service: Object) -> tuple[Address, ...]:
    """Every address that a Service is reached at."""
    spec = service.get("spec") or {}
    balancers = [i.get("ip") for i in several_items(service, "status", "loadBalancer", "ingress")]
    texts = [*several_items(spec, "clusterIPs"), spec.get("clusterIP"), *several_items(spec, "externalIPs"), *balancers]
    return addresses_of(t for t in texts if t and t != "None")


def with_family(ends: Sequence[End], family: int) -> tuple[End, ...]:
    """The ends, seen in one family only."""
    return tuple(replace(e, addresses=tuple(a for a in e.addresses if a.version == family)) for e in ends)


def number_of(end: End, port: int | str, protocol: str) -> int:
    """The number that a question's port means at an end."""
    if isinstance(port, int):
        return port
    numbers = {n for name, n, p in end.ports if name == port and p == protocol}
    if len(numbers) != 1:
        raise OracleError(f"{end.name} has {len(numbers)} {protocol} ports called {port}")
    return numbers.pop()


def target_port(end: End, port: Object) -> int | None:
    """Where a Service port arrives at a pod; None if the pod has no port of that name and is no backend of it."""
    wanted = port.get("targetPort")
    if isinstance(wanted, str) and wanted:
        protocol = port.get("protocol") or "TCP"
        return next((n for name, n, p in end.ports if name == wanted and p == protocol), None)
    return int(wanted or port["port"])
