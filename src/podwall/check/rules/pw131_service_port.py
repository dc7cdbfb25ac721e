"""A Service's port stands in a rule where the port of the pods is needed.

Policies see connections behind the Service, after its address and port were rewritten. So a rule names the port that
the container listens on (`targetPort`), not the one that clients dial (`port`). With `port: 80` in the policy and 8080
in the container, the rule allows nothing that anybody uses.

Said where no pod that the rule is about declares the port, and a Service in front of every one of them maps exactly
this port to another.

**What to do:** write the targetPort, or better its name, if the containers name their ports.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.core import Service, ServicePort
from podwall.author.edit import Edit
from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import name_of
from podwall.cluster.services import target_numbers
from podwall.engine.rules import PortRange
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    ports = facts.once(_service_ports)
    for policy in facts.network_policies if ports else ():
        for rule in policy.rules:
            for number, port in enumerate(rule.ports):
                if not isinstance(port, PortRange) or port.first != port.last:
                    continue
                if (port.protocol, port.first) not in ports:
                    continue
                found = _meant(facts, rule, port)
                if found is None:
                    continue
                path = facts.field(rule, port=number)
                service, target = found
                edit = Edit(policy.origin, "replace", (*path, "port"), target)
                yield Finding(
                    policy.what,
                    (*path, "port"),
                    f"{port.first} is the port of Service {service}; its pods listen on {target},"
                    " and policies see the pods' port",
                    f"write port: {target}",
                    fix=Fix(f"port: {target}", (edit,)),
                )


def _service_ports(facts: Facts) -> set[tuple[str, int]]:
    """Protocol and number of every port of a Service."""
    services = (located.object for bucket in facts.model.cluster.namespaces.values() for located in bucket.services)
    return {(p.protocol or "TCP", p.port) for s in services for p in (s.spec.ports if s.spec else None) or ()}


def _meant(facts: Facts, rule: PolicyRule, port: PortRange) -> tuple[str, int] | None:
    """The Service whose port it is, and the one port behind it on every pod that the rule is about."""
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


def _port(service: Service, wanted: PortRange) -> ServicePort | None:
    ports = (service.spec.ports if service.spec else None) or ()
    return next((p for p in ports if (p.protocol or "TCP", p.port) == (wanted.protocol, wanted.first)), None)


def _declares(facts: Facts, pod: Endpoint, protocol: str, numbers: set[int]) -> bool:
    """Whether the pod declares the target, or declares nothing at all."""
    declared = facts.declared(pod)
    return not declared or all((protocol, number) in declared for number in numbers)


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - ports:
    - port: %s
"""

RULE = Rule(
    id="PW131",
    severity=Severity.ERROR,
    says="a Service port stands where the targetPort is needed",
    check=_check,
    good=(
        Good(_CLUSTER % "8080"),
        Good(_CLUSTER % "http"),
        Good(_CLUSTER % "9090", because="no Service has it: it may be a port that the container does not declare"),
    ),
    bad=(Bad(_CLUSTER % "80", ("shop/web spec.ingress[0].ports[0].port",), fixed=_CLUSTER % "8080"),),
)
