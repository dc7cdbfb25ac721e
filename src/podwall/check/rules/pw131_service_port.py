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

from podwall.author.edit import Edit
from podwall.check.facts import Facts
from podwall.check.portslips import behind_service
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.rules import PortRange

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.network_policies:
        for rule in policy.rules:
            for number, port in enumerate(rule.ports):
                found = behind_service(facts, rule, port) if isinstance(port, PortRange) else None
                if found is not None and isinstance(port, PortRange):
                    path = (*facts.field(rule, port=number), "port")
                    service, target = found
                    yield Finding(
                        policy.what,
                        path,
                        f"{port.first} is the port of Service {service}; its pods listen on {target},"
                        " and policies see the pods' port",
                        f"write port: {target}",
                        fix=Fix(f"port: {target}", (Edit(policy.origin, "replace", path, target),)),
                    )


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
