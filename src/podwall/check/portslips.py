"""Ports that are written one way and meant another: what several checks must agree on, so that one of them says it."""

from __future__ import annotations

from podwall.api.core import Service, ServicePort
from podwall.check.facts import Facts, Policy
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import name_of
from podwall.cluster.services import target_numbers
from podwall.engine.rules import PortRange, Rule
from podwall.text.where import Path

__all__ = ["behind_service", "other_protocols"]


def behind_service(facts: Facts, rule: Rule, port: PortRange) -> tuple[str, int] | None:
    """The Service whose port it is, and the one port behind it on every pod that the rule is about, declared there."""
    if port.first != port.last or (port.protocol, port.first) not in facts.once(_service_ports):
        return None
    if facts.ports.has(facts.about(rule), port.protocol, port.first, port.last):
        return None
    targets: set[int] = set()
    names: set[str] = set()
    for pod in facts.destinations(rule):
        services = [(s, p) for s in facts.services_of(pod) if (p := _port(s, port)) is not None]
        numbers = {n for _, p in services for n in target_numbers(p, pod)} - {port.first}
        if len(numbers) != 1 or not _declares(facts, pod, port.protocol, numbers):
            return None
        targets |= numbers
        names |= {name_of(service.metadata) for service, _ in services}
    return (min(names), targets.pop()) if len(targets) == 1 else None


def _service_ports(facts: Facts) -> set[tuple[str, int]]:
    """Protocol and number of every port of a Service."""
    services = (located.object for bucket in facts.model.cluster.namespaces.values() for located in bucket.services)
    return {(p.protocol or "TCP", p.port) for s in services for p in (s.spec.ports if s.spec else None) or ()}


def _port(service: Service, wanted: PortRange) -> ServicePort | None:
    ports = (service.spec.ports if service.spec else None) or ()
    return next((p for p in ports if (p.protocol or "TCP", p.port) == (wanted.protocol, wanted.first)), None)


def _declares(facts: Facts, pod: Endpoint, protocol: str, numbers: set[int]) -> bool:
    """Whether the pod declares the target, or declares nothing at all."""
    declared = facts.declared(pod)
    return not declared or all((protocol, number) in declared for number in numbers)


def other_protocols(facts: Facts, policy: Policy, rule: Rule, path: Path) -> list[str]:
    """The protocols on which the pods have a port that is written at `path` without one; none where TCP is right."""
    number = path[-1]
    port = rule.ports[number] if isinstance(number, int) else None
    written = facts.written(policy, path)
    if not isinstance(port, PortRange) or not isinstance(written, dict) or written.get("port") is None:
        return []
    where = facts.about(rule)
    if written.get("protocol") is not None or not facts.ports.by_all(where):
        return []
    here = facts.ports.protocols(where, port.first, port.last)
    return [] if "TCP" in here else here
