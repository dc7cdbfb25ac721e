"""What assertions mean, the slow and obvious way: every pair of ends, and one verdict of the oracle for each port.

Assertions are drawn at random as values of this file's own; the product gets their text.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.truth.compare import boundaries
from tests.truth.oracle import Oracle
from tests.truth.picture import Address, End, Object, OracleError, Undecided, get, several_items
from tests.truth.targets import Backend, Target, parse_address, service_addresses
from tests.truth.vocabulary import BLOCKS, EXTERNAL, LABELS, NAMESPACE_LABELS, NUMBERS, PORT_NAMES, PROTOCOLS, maybe

Port = tuple[str, int]
_NOT_INTERNET = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3"
_NOT_INTERNET_V6 = "::/127 fc00::/7 fe80::/10 ff00::/8"
_MOST_STEPS = 6  # from a boundary on to an address that nobody has


@dataclass(frozen=True)
class Drawn:
    """A random assertion: its ends as (sort, value), ports as texts."""

    source: tuple[str, Any]
    destination: tuple[str, Any]
    ports: tuple[str, ...]
    allow: bool
    some: bool

    def value(self) -> dict[str, object]:
        """The long form."""
        out: dict[str, object] = {"from": end_value(self.source), "to": end_value(self.destination)}
        if self.ports:
            out["ports"] = list(self.ports)
        out["verdict"] = "allow" if self.allow else "deny"
        return {**out, "some": True} if self.some else out


def end_value(end: tuple[str, Any]) -> object:
    """How an end is written."""
    sort, value = end
    return f"{value}/*" if sort == "everyone" else value


@dataclass(frozen=True)
class Party:
    """One end of a pair: the oracle's, the families that are meant, and the ports where it is a destination."""

    end: End
    families: frozenset[int]
    ports: frozenset[Port]
    target: Target


@dataclass
class Verdict:
    """What naive judging finds."""

    pairs: int = 0
    open: int = 0
    wrong: list[str] = field(default_factory=list)

    def holds(self, asked: Drawn) -> bool:
        """As interface.md has it."""
        if not self.pairs:
            return False
        if asked.some:
            return self.open > 0
        return self.open == self.pairs if asked.allow else self.open == 0


# Random assertions


def draw(rng: random.Random, objects: Sequence[Object], oracle: Oracle) -> Drawn:
    """One assertion about a cluster."""
    allow = maybe(rng, 0.5)
    destination = random_end(rng, objects, oracle)
    ports = tuple(random_port(rng) for _ in range(rng.choice((0, 1, 1, 2))))
    if destination[0] == "service":
        spec = oracle.picture.services[service_key(destination[1])]["spec"]
        chosen = rng.choice(several_items(spec, "ports"))
        ports = (f"{chosen['port']}/{(chosen.get('protocol') or 'TCP').lower()}",)
    some = allow and maybe(rng, 0.3)
    return Drawn(random_end(rng, objects, oracle, service=False), destination, ports, allow, some)


def random_port(rng: random.Random) -> str:
    protocol = rng.choice(("", "/udp", "/tcp", "/sctp"))
    if maybe(rng, 0.2):
        return "any"
    if maybe(rng, 0.25):
        return rng.choice(PORT_NAMES) + protocol
    number = rng.choice(NUMBERS)
    return (f"{number}-{number + rng.randint(1, 40)}" if maybe(rng, 0.2) else str(number)) + protocol


def random_end(
    rng: random.Random, objects: Sequence[Object], oracle: Oracle, *, service: bool = True
) -> tuple[str, Any]:
    """One end, of a random sort that the cluster has."""
    picture = oracle.picture
    served = sorted(key for key, found in picture.services.items() if service and several_items(found, "spec", "ports"))
    blocks = {*BLOCKS, *(inner for found in BLOCKS.values() for inner in found), "10.244.2.0/29"}
    choices: dict[str, list[Any]] = {
        "everyone": [*sorted(picture.namespaces), "*"],
        "labels": [random_labels(rng)],
        "one": names(oracle),
        "cidr": sorted(blocks),
        "address": [*EXTERNAL, *(str(a) for e in picture.ends() for a in e.addresses)],
        "internet": ["internet"],
        "node": [f"node/{name}" for name in sorted(picture.nodes)],
        "service": [f"{namespace}/service/{name}" for namespace, name in served],
    }
    sort = rng.choice([sort for sort, found in choices.items() for _ in range(1 + (sort == "one")) if found])
    return sort, rng.choice(choices[sort])


def random_labels(rng: random.Random) -> dict[str, object]:
    out: dict[str, object] = {}
    if maybe(rng, 0.3):
        out["namespace"] = rng.choice(("alpha", "beta", "default"))
    if maybe(rng, 0.5):
        key = rng.choice(sorted(NAMESPACE_LABELS))
        out["namespaceLabels"] = {key: rng.choice(NAMESPACE_LABELS[key])}
    if maybe(rng, 0.7) or not out:
        key = rng.choice(sorted(LABELS))
        out["podLabels"] = {key: rng.choice(LABELS[key])}
    return out


def names(oracle: Oracle) -> list[str]:
    """References to pods and workloads that nothing else is called like."""
    picture = oracle.picture
    found = [f"{ns}/Pod/{name}" for ns, name in picture.pods]
    found += ["/".join(key) for key in picture.workloads()]
    return sorted(found) or ["default/nobody"]


def service_key(reference: str) -> tuple[str, str]:
    namespace, _, name = reference.split("/")
    return namespace, name


# Judging


class Naive:
    """Judges assertions about one cluster."""

    def __init__(self, objects: Sequence[Object], oracle: Oracle) -> None:
        self.objects = objects
        self.oracle = oracle
        self.boundaries = set(boundaries(objects))
        self.taken = self._taken()

    def _taken(self) -> set[Address]:
        picture = self.oracle.picture
        services = {a for s in picture.services.values() for a in service_addresses(s)}
        return services | self._hosts() | {a for e in picture.ends() if e.plain for a in e.addresses}

    def _hosts(self) -> set[Address]:
        picture = self.oracle.picture
        nodes = {a for n in picture.nodes.values() for a in n.addresses}
        return nodes | {a for e in picture.ends() for a in e.node_addresses}

    @property
    def is_open_question(self) -> bool:
        """Whether finished Pods alone tell of a node: the design does not say whether it is there (D10, D19)."""
        told = {
            parse_address(host["ip"])
            for pod in self.objects
            if pod["kind"] == "Pod" and get(pod, "status", "phase") in ("Succeeded", "Failed")
            for host in several_items(pod, "status", "hostIPs")
        }
        return not told <= self._hosts()

    def judge(self, asked: Drawn) -> Verdict:
        """Every pair. Raises Undecided where the design leaves something open."""
        found = Verdict()
        service = asked.destination[0] == "service"
        sources = list(self.parties(asked.source, ("any",)))
        destinations = list(self.parties(asked.destination, asked.ports or ("any",)))
        direct = {asked.source[0], asked.destination[0]} <= {"one", "address", "node", "service"}
        direct = direct and len(sources) == len(destinations) == 1  # else a pod and itself are no pair
        for destination in destinations:
            for source in sources:
                families = source.families & destination.families
                beyond = source.end.kind == destination.end.kind == "external"  # which nobody here decides about
                if families and destination.ports and not beyond and (direct or not is_itself(source, destination)):
                    open_ = self.is_open(source, destination, families, asked, service=service)
                    found.pairs += 1
                    found.open += open_
                    if open_ is not asked.allow:
                        found.wrong.append(f"{source.end.name} -> {destination.end.name}")
        return found

    def is_open(
        self, source: Party, destination: Party, families: frozenset[int], asked: Drawn, *, service: bool
    ) -> bool:
        """All ports in some family (allow), or any port in any (deny)."""
        combine = all if asked.allow else any
        return any(
            combine(self.verdict(source, destination, port, family, service=service) for port in destination.ports)
            for family in families
        )

    def verdict(self, source: Party, destination: Party, port: Port, family: int, *, service: bool) -> bool:
        src, dst = source.end, destination.end
        several = is_itself(source, destination, alone=False) and (source.target.several or destination.target.several)
        goal = Target((dst,), several=several, service={} if service else None)
        answer = self.oracle._pair(  # noqa: SLF001 - parts of one thing
            (src, Target((src,), several=several)), (Backend(dst, port[1]), goal), port[0], family
        )
        assert answer is not None
        return answer[0] and answer[1]

    # Who is meant

    def parties(self, end: tuple[str, Any], ports: Sequence[str]) -> Iterator[Party]:
        """Everyone that an end stands for."""
        sort, value = end
        picture = self.oracle.picture
        match sort:
            case "everyone":
                yield from (self.pod(e, ports) for e in picture.ends() if value in ("*", e.namespace))
            case "labels":
                yield from (self.pod(e, ports) for e in picture.ends() if self.is_labeled(e, value))
            case "cidr":
                yield from self.block([ipaddress.ip_network(value, strict=False)], [], ports)
            case "internet":
                everything = [ipaddress.ip_network(c) for c in ("0.0.0.0/0", "::/0")]
                private = [ipaddress.ip_network(c) for c in (_NOT_INTERNET + " " + _NOT_INTERNET_V6).split()]
                yield from self.block(everything, private, ports)
            case "service":
                yield from self.behind(value, ports)
            case _:
                yield from self.named(value, ports)

    def pod(self, end: End, ports: Sequence[str]) -> Party:
        several = end.several or self._has_replicas(end)
        families = frozenset(a.version for a in end.addresses)
        return Party(end, families, self.numbers(ports, end), Target((end,), several=several))

    def _has_replicas(self, end: End) -> bool:
        """Whether the controller of a Pod asks for more than one."""
        picture = self.oracle.picture
        namespace, kind, name = end.name.split("/")
        for key, members in picture.groups.items():
            if kind == "Pod" and (namespace, name) in members:
                return picture.several.get(key, False)
        return False

    def is_labeled(self, end: End, wanted: Object) -> bool:
        namespace = self.oracle.picture.namespaces.get(end.namespace, {})
        return (
            wanted.get("namespace") in (None, end.namespace)
            and all(namespace.get(k) == v for k, v in (wanted.get("namespaceLabels") or {}).items())
            and all(end.labels.get(k) == v for k, v in (wanted.get("podLabels") or {}).items())
        )

    def named(self, reference: str, ports: Sequence[str]) -> Iterator[Party]:
        """A workload stands for all its pods."""
        key = tuple(reference.split("/"))
        if key in self.oracle.picture.workloads():
            yield from (self.pod(member, ports) for member in self.oracle.picture.members(key))
            return
        found = self.oracle._targets.find(reference)  # noqa: SLF001
        if found.service is not None:
            raise Undecided("by a Service's address")
        for end in found.ends:
            yield Party(end, frozenset(a.version for a in end.addresses), self.numbers(ports, end), Target((end,)))

    def behind(self, reference: str, ports: Sequence[str]) -> Iterator[Party]:
        """The backends of a Service at their own port."""
        number, _, protocol = ports[0].partition("/")
        target = self.oracle._targets.find(reference)  # noqa: SLF001
        held: dict[object, tuple[Backend, set[Port]]] = {}
        for backend in self.oracle._targets.backends(target, int(number), protocol.upper()):  # noqa: SLF001
            held.setdefault((backend.end.name, backend.end.addresses), (backend, set()))[1].add(
                (protocol.upper(), backend.port)
            )
        for backend, at in held.values():
            families = frozenset(a.version for a in backend.end.addresses)
            yield Party(backend.end, families, frozenset(at), Target((backend.end,)))

    def block(self, blocks: Sequence[Any], private: Sequence[Any], ports: Sequence[str]) -> Iterator[Party]:
        """Whoever has an address there, and some address of every sort that nobody has."""

        def inside(address: Address) -> bool:
            return any(address in b for b in blocks) and not any(address in p for p in private)

        for end in self.oracle.picture.ends():
            if end.plain and any(map(inside, end.addresses)):
                party = self.pod(end, ports)
                yield Party(end, frozenset(a.version for a in end.addresses if inside(a)), party.ports, party.target)
        for address in sorted({*self._hosts()}, key=str):
            if inside(address):
                yield from self.of_host(address, ports)
        for address in sorted(self.samples([*blocks, *private]), key=str):
            if address not in self.taken and inside(address):
                end = End("external", str(address), (address,))
                yield Party(end, frozenset((address.version,)), self.numbers(ports, end), Target((end,)))

    def of_host(self, address: Address, ports: Sequence[str]) -> Iterator[Party]:
        target = self.oracle._targets.find(str(address))  # noqa: SLF001
        for end in target.ends if target.service is None else ():
            if end.kind == "node":
                yield Party(end, frozenset((address.version,)), self.numbers(ports, end), Target((end,)))

    def samples(self, blocks: Sequence[Any]) -> Iterator[Address]:
        """Addresses beside every boundary of a block that a policy or the assertion names, that nobody has."""
        known = {ipaddress.ip_network(c, strict=False) for c in cidrs(self.objects)} | set(blocks)
        edges = {a for net in known for a in (net[0], net[-1])} | self.taken
        for edge in edges:
            for step in (-1, 1):
                number = int(edge)
                for _ in range(_MOST_STEPS):
                    if 0 <= number < 1 << edge.max_prefixlen:
                        yield type(edge)(number)
                    number += step

    def numbers(self, ports: Sequence[str], end: End) -> frozenset[Port]:
        """The ports that texts mean on an end, as far as any rule can tell them apart."""
        return frozenset(found for text in ports for found in self._port(text, end))

    def _port(self, text: str, end: End) -> Iterator[Port]:
        name, _, protocol = text.partition("/")
        wanted = protocol.upper() or "TCP"
        if text == "any":
            yield from ((p, n) for p in PROTOCOLS for n in self.boundaries)
        elif name[0].isdigit():
            first, _, last = name.partition("-")
            yield wanted, int(first)
            yield from ((wanted, n) for n in self.boundaries if int(first) <= n <= int(last or first))
        else:
            yield from ((p, n) for known, n, p in end.ports if (known, p) == (name, wanted))


def is_itself(source: Party, destination: Party, *, alone: bool = True) -> bool:
    """One pod twice; with `alone`, one that has no replicas."""
    same = source.end.kind == destination.end.kind != "external" and source.end.name == destination.end.name
    return same and not (alone and (source.target.several or destination.target.several))


def cidrs(value: object) -> Iterator[str]:
    """Every CIDR anywhere in some objects."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "cidr":
                yield inner
            elif key in ("except", "networks"):
                yield from inner or ()
            else:
                yield from cidrs(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from cidrs(inner)


__all__ = ["Drawn", "Naive", "OracleError", "Party", "Verdict", "draw"]
