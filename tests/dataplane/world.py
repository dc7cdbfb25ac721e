"""A random cluster as the data plane sees it: everyone has a node, every node a compiled table, and packets are asked.

The engine's verdict and the tables' walk are held against each other for single connections.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.hosts import external, hosts
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.packet import Connection, Ends, Fate, Packet
from podwall.dataplane.ruleset import PROTOCOL_NUMBERS, Hook
from podwall.dataplane.walk import Walker
from podwall.engine.index import Index, key_of
from podwall.engine.judge import Judge
from podwall.engine.model import Model
from podwall.engine.rules import AnyPort, PolicyRules
from podwall.engine.sets import IPV6_BASE, address_number
from podwall.engine.verdict import Connection as Asked
from podwall.engine.verdict import End

NODES = ("n1", "n2", "n3")


def packed(address: str) -> bytes:
    """An address as a key."""
    number = address_number(address)
    return number.to_bytes(4) if ":" not in address else (number - IPV6_BASE).to_bytes(16)


def is_host(endpoint: Endpoint) -> bool:
    """Whether it sits in its node's network."""
    return endpoint.host_network or endpoint.kind == "Node"


@dataclass(frozen=True)
class Question:
    """One connection."""

    source: Endpoint
    destination: Endpoint
    protocol: str
    port: int
    family: int

    def __str__(self) -> str:
        one, two = (f"{e.namespace}/{e.kind}/{e.name}@{e.node}" for e in (self.source, self.destination))
        return f"{one} -> {two}:{self.port}/{self.protocol} ipv{self.family}"


@dataclass
class World:
    """A model with everyone on a node; the policies are the model's own unless others are given.

    `homes` are where those are put of whom the model does not know it, `host_home` where those in a node's network are.
    """

    model: Model
    options: Options = field(default_factory=Options)
    others: tuple[PolicyRules, ...] | None = None
    homes: tuple[str, ...] = NODES
    host_home: str = ""

    @cached_property
    def policies(self) -> tuple[PolicyRules, ...]:
        """Those that the engine goes by, and that tables are compiled from."""
        return tuple(self.model.index.policies.values()) if self.others is None else self.others

    @cached_property
    def endpoints(self) -> list[Endpoint]:
        """Pods and nodes; who has no node gets one by its name."""
        pods = [e if e.node else msgspec.structs.replace(e, node=self._home(e)) for e in self.model.endpoints]
        return [*pods, *self.nodes]

    def _home(self, endpoint: Endpoint) -> str:
        if endpoint.host_network and self.host_home:
            return self.host_home
        return self.homes[sum(endpoint.name.encode()) % len(self.homes)]

    @cached_property
    def nodes(self) -> list[Endpoint]:
        """Every node once."""
        return list({key_of(e): e for e in hosts(self.model.cluster).values()}.values())

    @cached_property
    def index(self) -> Index:
        """The index of these endpoints."""
        index = Index(self.model.profile)
        for bucket in self.model.cluster.namespaces.values():
            index.put_namespace(bucket.name, bucket.labels)
        for policy in self.policies:
            index.put_policy(policy)
        for endpoint in self.endpoints:
            if endpoint.kind != "Node":
                index.put_endpoint(endpoint)
        return index

    @cached_property
    def judge(self) -> Judge:
        """The engine."""
        return Judge(self.index)

    @cached_property
    def externals(self) -> list[Endpoint]:
        """One address of each family of each external set."""
        taken = {address for e in self.endpoints for address in e.addresses}
        found = []
        for addresses in self.model.reach.externals:
            for part in (addresses.family(4), addresses.family(6)):
                firsts = (cidr.partition("/")[0] for cidr in part.cidrs())
                found += [external(first) for first in firsts if first not in taken][:1]
        return found

    def compiler(self, node: str) -> Compiler:
        """A compiler that was told everything."""
        compiler = Compiler(node, self.model.profile, self.options)
        for bucket in self.model.cluster.namespaces.values():
            compiler.put_namespace(bucket.name, bucket.labels)
        for endpoint in self.endpoints:
            compiler.put_endpoint(endpoint)
        for policy in self.policies:
            compiler.put_policy(policy)
        compiler.flush()
        return compiler

    @cached_property
    def walkers(self) -> dict[str, Walker]:
        """The tables of all nodes."""
        names = {e.node for e in self.endpoints if e.node}
        return {name: Walker(self.compiler(name).ruleset()) for name in sorted(names)}

    # Questions

    def pairs(self) -> Iterator[tuple[Endpoint, Endpoint, int]]:
        """Every ordered pair that has something to say to each other over some wire, with a family that both have."""
        everyone = [*self.endpoints, *self.externals]
        for source in everyone:
            for destination in everyone:
                if not self.is_pair(source, destination):
                    continue
                for family in (4, 6):
                    if address(source, family) and address(destination, family):
                        yield source, destination, family

    def is_pair(self, source: Endpoint, destination: Endpoint) -> bool:
        """No loopback, nothing between hosts of one node or two that nobody decides about."""
        if key_of(source) == key_of(destination):
            return False
        if is_host(source) and is_host(destination):
            return source.node != destination.node
        return source.kind != "External" or destination.kind != "External"

    def wanted(self, asked: Question) -> tuple[bool, bool]:
        """What the engine says: egress, ingress."""
        one, two = self.end(asked.source), self.end(asked.destination)
        verdict = self.judge.verdict(Asked(one, two, asked.protocol, asked.port, asked.family), evidence=False)
        return verdict.egress.allowed, verdict.ingress.allowed

    def allowed_on(self, node: str, asked: Question) -> bool:
        """What one node says: it judges its own pods, and no others."""
        egress, ingress = self.wanted(asked)
        return (egress or asked.source.node != node) and (ingress or asked.destination.node != node)

    @cached_property
    def without_ports(self) -> World:
        """The same, where only rules about any port are left: what ICMP is judged by (D15)."""
        return World(self.model, self.options, tuple(map(_without_ports, self.policies)))

    def end(self, endpoint: Endpoint) -> End:
        """An end as the engine is asked about it."""
        inside = endpoint.kind not in ("Node", "External")
        slot = self.index.slot(endpoint) if inside else -1
        return End(endpoint.name, endpoint, slot, endpoint.many, endpoint.node)

    # Packets

    def hops(self, source: Endpoint, destination: Endpoint) -> Iterator[tuple[str, Hook]]:
        """The nodes and hooks that the first packet passes; output is not hooked (N17)."""
        start, end = source.node, destination.node
        if start and not is_host(source):
            yield start, Hook.INPUT if is_host(destination) and start == end else Hook.FORWARD
        if end and end != start:
            yield end, Hook.INPUT if is_host(destination) else Hook.FORWARD

    def fates(self, asked: Question, state: str = "new") -> list[Fate]:
        """What becomes of a connection's first packet at every hook."""
        packet = packet_of(asked, state)
        return [self.walkers[node].walk(hook, packet) for node, hook in self.hops(asked.source, asked.destination)]


def _without_ports(policy: PolicyRules) -> PolicyRules:
    kept = [(rule, tuple(port for port in rule.ports if isinstance(port, AnyPort))) for rule in policy.rules]
    rules = tuple(msgspec.structs.replace(rule, ports=ports) for rule, ports in kept if ports)
    return msgspec.structs.replace(policy, rules=rules)


def address(endpoint: Endpoint, family: int) -> str | None:
    """The address of one family."""
    return next((a for a in endpoint.addresses if (":" in a) == (family == 6)), None)


def packet_of(asked: Question, state: str = "new", source_port: int = 40000, *, syn: bool = True) -> Packet:
    """The first packet that conntrack sees of a connection."""
    source, destination = address(asked.source, asked.family), address(asked.destination, asked.family)
    assert source
    assert destination
    ends = Ends(packed(source), packed(destination), source_port, asked.port)
    tracked = Connection(ends, ends.turned()) if state not in ("untracked", "invalid") else None
    return Packet(
        ends.source,
        ends.destination,
        PROTOCOL_NUMBERS[asked.protocol],
        ends.source_port,
        ends.port,
        syn=syn,
        icmp={1: 8, 58: 128}.get(PROTOCOL_NUMBERS[asked.protocol], 0),
        state=state,
        connection=tracked,
    )


def answer_to(asked: Question) -> Packet:
    """A packet that comes back, of a connection without a mark."""
    first = packet_of(asked)
    return msgspec.structs.replace(
        first,
        source=first.destination,
        destination=first.source,
        source_port=first.port,
        port=first.source_port,
        ack=True,
        icmp=0,
        state="established",
    )


def questions(world: World, rng: random.Random, ports: Sequence[tuple[str, int]], each: int) -> Iterator[Question]:
    """Some ports of every pair."""
    for source, destination, family in world.pairs():
        for protocol, port in rng.sample(ports, min(each, len(ports))):
            yield Question(source, destination, protocol, port, family)
