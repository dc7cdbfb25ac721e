"""A failed assertion → the question that `explain` answers about it: the first of its pairs, at one of the ports."""

from __future__ import annotations

from itertools import islice, product

from podwall.engine.sets import AddrSet
from podwall.expect.judge import Breach, Outcome
from podwall.expect.sides import Unit, is_pair
from podwall.expect.world import World
from podwall.ops.explaining import Asking

__all__ = ["question"]

_MOST_TRIED = 4096  # pairs of replicas, to find two that show what is meant


def question(world: World, outcome: Outcome) -> Asking | None:
    """What to ask; None where no question is about this pair: a pod and itself by its Service, replicas of one pod."""
    breach, allow = outcome.breaches[0], outcome.expectation.allow
    source, destination = _pair(world, breach, allow=allow)
    by_service = outcome.destination is not None and outcome.destination.service
    itself = source == destination >= 0
    if itself and (by_service or (is_pair(breach.source, breach.destination) and not world.groups[source].many)):
        return None
    replicas = itself and world.groups[source].many and is_pair(breach.source, breach.destination)
    exact = not replicas and _is_exact(world, source, destination)
    protocol, port = _port(world, breach, destination)
    return Asking(
        _reference(world, breach.source, source, breach.family, exact=exact),
        _reference(world, breach.destination, destination, breach.family, exact=exact),
        port,
        protocol,
        breach.family,
        change=not allow,
    )


def _pair(world: World, breach: Breach, *, allow: bool) -> tuple[int, int]:
    """An endpoint of each unit, two if that can be; -1 outside. What is open may be so on the source's node only."""
    pairs = product(breach.source.numbers or (-1,), breach.destination.numbers or (-1,))
    return min(islice(pairs, _MOST_TRIED), key=lambda pair: (pair[0] == pair[1], _near(world, *pair) is allow))


def _near(world: World, source: int, destination: int) -> bool:
    return source >= 0 and destination >= 0 and world.own_node(source, destination)


def _is_exact(world: World, source: int, destination: int) -> bool:
    """Whether the two pods are to be asked about, and not their workloads: where nodes count, and within a workload."""
    if source < 0 or destination < 0:
        return False
    return world.is_host(source) or world.name(source) == world.name(destination)


def _port(world: World, breach: Breach, destination: int) -> tuple[str, int]:
    """One of the ports, the destination's own if there is one."""
    own = world.endpoints[destination].ports if destination >= 0 else ()
    declared = ((port.protocol, port.number) for port in own)
    first = next((protocol, number) for protocol, number, _ in breach.ports.ranges())
    return next((port for port in declared if port in breach.ports), first)


def _reference(world: World, unit: Unit, number: int, family: int, *, exact: bool) -> str:
    if number < 0:
        return _address(unit, family)
    endpoint = world.endpoints[number]
    if endpoint.kind == "Node":
        return next(a for a in endpoint.addresses if (":" in a) == (family == 6))
    return f"{endpoint.namespace}/{endpoint.kind}/{endpoint.name}" if exact else world.name(number)


def _address(unit: Unit, family: int) -> str:
    """One of the addresses, not the first of a block, which is not a host's."""
    first, last = unit.addresses.family(family).spans[0]
    return AddrSet(((min(first + 1, last),) * 2,)).cidrs()[0].partition("/")[0]
