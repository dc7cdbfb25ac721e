"""The objects of a random cluster as events to a compiler, in a random order, with detours that lead back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from podwall.cluster.endpoints import Endpoint
from podwall.dataplane.compiler import Compiler
from podwall.engine.index import EndpointKey, key_of
from podwall.engine.rules import Mode, PolicyRef, PolicyRules
from tests.dataplane.world import World


@dataclass
class Present:
    """What is there after some events: they are told it as they are told a compiler, and a new one can be told it."""

    namespaces: dict[str, Mapping[str, str]] = field(default_factory=dict)
    endpoints: dict[EndpointKey, Endpoint] = field(default_factory=dict)
    policies: dict[PolicyRef, PolicyRules] = field(default_factory=dict)
    staged: dict[PolicyRef, PolicyRules | None] = field(default_factory=dict)
    modes: dict[str, Mode] = field(default_factory=dict)
    picking_up: bool = True

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        self.namespaces[name] = labels

    def put_endpoint(self, endpoint: Endpoint) -> None:
        self.endpoints[key_of(endpoint)] = endpoint

    def drop_endpoint(self, key: EndpointKey) -> None:
        self.endpoints.pop(key, None)

    def put_policy(self, policy: PolicyRules) -> None:
        self.policies[policy.policy] = policy

    def drop_policy(self, ref: PolicyRef) -> None:
        self.policies.pop(ref, None)

    def stage(self, ref: PolicyRef, policy: PolicyRules | None) -> None:
        self.staged[ref] = policy

    def unstage(self, ref: PolicyRef) -> None:
        self.staged.pop(ref, None)

    def set_mode(self, namespace: str, mode: Mode) -> None:
        self.modes[namespace] = mode

    def pick_up(self, *, on: bool) -> None:
        self.picking_up = on

    def tell(self, compiler: Compiler) -> None:
        """All of it, in one go."""
        for name, labels in self.namespaces.items():
            compiler.put_namespace(name, labels)
        for endpoint in self.endpoints.values():
            compiler.put_endpoint(endpoint)
        for policy in self.policies.values():
            compiler.put_policy(policy)
        for ref, tried in self.staged.items():
            compiler.stage(ref, tried)
        for name, mode in self.modes.items():
            compiler.set_mode(name, mode)
        compiler.pick_up(on=self.picking_up)
        compiler.flush()


Event = Callable[[Compiler | Present], None]


def arrivals(world: World) -> list[Event]:
    """Everything that a batch puts."""
    buckets = world.model.cluster.namespaces.values()
    namespaces = [_namespace(bucket.name, bucket.labels) for bucket in buckets]
    return [*namespaces, *map(_put, world.endpoints), *map(_policy, world.model.index.policies.values())]


def detours(world: World, rng: random.Random) -> Iterator[tuple[Event, Event]]:
    """Things that happen for a while: an event, and the one that undoes it where everything else is there."""
    for endpoint in world.endpoints:
        others = [other for other in world.endpoints if other.kind == endpoint.kind]
        labels = rng.choice(others).labels
        changed = rng.choice(
            (
                msgspec.structs.replace(endpoint, labels=labels),
                msgspec.structs.replace(endpoint, node=rng.choice(("n1", "n2", "n3"))),
                msgspec.structs.replace(endpoint, addresses=rng.choice(others).addresses),
                msgspec.structs.replace(endpoint, ports=rng.choice(others).ports),
                _in_the_network_of(endpoint, rng.choice(world.endpoints)),
                _at(endpoint, rng.choice(world.externals or world.endpoints)),
            )
        )
        back = _put(endpoint)
        yield _put(changed), back
        yield _drop(endpoint), back
    buckets = list(world.model.cluster.namespaces.values())
    for bucket in buckets:
        labels = rng.choice(buckets).labels
        yield _namespace(bucket.name, labels), _namespace(bucket.name, bucket.labels)
        yield _mode(bucket.name, Mode.AUDIT), _mode(bucket.name, Mode.ENFORCE)
    policies = list(world.model.index.policies.values())
    for policy in policies:
        other = msgspec.structs.replace(rng.choice(policies), policy=policy.policy)
        yield _withdraw(policy), _policy(policy)
        yield _policy(other), _policy(policy)
        yield _stage(policy, rng.choice((None, other))), _unstage(policy)
    yield _pick_up(on=False), _pick_up(on=True)


def _in_the_network_of(endpoint: Endpoint, other: Endpoint) -> Endpoint:
    """A pod that is in its node's network now, or was; a node that has other labels."""
    if endpoint.kind == "Node":
        return msgspec.structs.replace(endpoint, labels=other.labels)
    return msgspec.structs.replace(endpoint, host_network=not endpoint.host_network, host_labels=other.labels)


def _at(endpoint: Endpoint, other: Endpoint) -> Endpoint:
    """At an address that was nobody's: blocks mean it, and it is outside no more."""
    return msgspec.structs.replace(endpoint, addresses=other.addresses)


def _put(endpoint: Endpoint) -> Event:
    return lambda c: c.put_endpoint(endpoint)


def _drop(endpoint: Endpoint) -> Event:
    return lambda c: c.drop_endpoint(key_of(endpoint))


def _policy(policy: PolicyRules) -> Event:
    return lambda c: c.put_policy(policy)


def _withdraw(policy: PolicyRules) -> Event:
    return lambda c: c.drop_policy(policy.policy)


def _stage(policy: PolicyRules, tried: PolicyRules | None) -> Event:
    return lambda c: c.stage(policy.policy, tried)


def _unstage(policy: PolicyRules) -> Event:
    return lambda c: c.unstage(policy.policy)


def _namespace(name: str, labels: dict[str, str]) -> Event:
    return lambda c: c.put_namespace(name, labels)


def _mode(name: str, mode: Mode) -> Event:
    return lambda c: c.set_mode(name, mode)


def _pick_up(*, on: bool) -> Event:
    return lambda c: c.pick_up(on=on)


def story(world: World, rng: random.Random) -> Iterator[Event]:
    """Arrivals in some order; then detours, some of them at the same time; then the ways back."""
    first = arrivals(world)
    rng.shuffle(first)
    yield from first
    found = list(detours(world, rng))
    rng.shuffle(found)
    while found:
        some, found = found[:4], found[4:]
        for away, _ in some:
            yield away
        rng.shuffle(some)
        for _, back in some:
            yield back
