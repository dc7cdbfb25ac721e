"""Somebody whose job it is to reach a workload is denied: an Ingress, a Gateway, the API server, Prometheus, a caller.

The object that says so is right, and so is each policy as it is written; the two were just never compared. Users see a
gateway error, the API server a webhook that does not answer, and Prometheus a target that is down.

An error for the backends of Ingresses and Gateway routes, for webhooks and for what is scraped; a warning where a
workload names a Service in its environment, arguments or configuration that it cannot reach. Where the input does not
tell who the controller is, the finding is made only where no rule opens the port to anybody.

**What to do:** allow it: `podwall new ingress-controller`, `webhook`, `monitoring` or `allow` write the policy, and
`podwall lockdown` all that is missing at once.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Object, Witness
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.engine.judge import ports_on
from podwall.engine.rules import Direction
from podwall.needs.met import Closed, closed
from podwall.needs.need import Evidence, Need, Sureness
from podwall.needs.site import Site

__all__ = ["RULE"]

# By finder: what an object does that wants the need, how bad it is when that is denied, and the recipe that opens it.
_CONSUMERS = {
    "arguments": ("names", Severity.WARNING, "allow"),
    "configuration": ("names", Severity.WARNING, "allow"),
    "environment": ("names", Severity.WARNING, "allow"),
    "gateway": ("leads to", Severity.ERROR, "ingress-controller"),
    "ingress": ("leads to", Severity.ERROR, "ingress-controller"),
    "scrape": ("asks for a scrape of", Severity.ERROR, "monitoring"),
    "webhooks": ("makes the API server call", Severity.ERROR, "webhook"),
}


def _check(facts: Facts) -> Iterator[Finding]:
    if not facts.policies:
        return
    site = Site(facts.model, given=True)
    wanted = [n for n in facts.needs if n.by in _CONSUMERS and n.sureness > Sureness.INFERRED]
    seen: set[tuple[Evidence, str]] = set()
    for one in closed(site, wanted)[1]:
        evidence = min(one.need.evidence)
        if (evidence, one.dst) not in seen and not (one.need.sources.anyone and _is_open_to_somebody(site, one.need)):
            seen.add((evidence, one.dst))
            yield _finding(one, evidence)


def _is_open_to_somebody(site: Site, need: Need) -> bool:
    """Whether some rule opens a port of it, to whomever: it may be the one that is meant."""
    return any(
        ports_on(rule.ports, endpoint).overlaps(need.ports)
        for endpoint in need.destinations.endpoints
        for rule in site.model.judge.rules(Direction.INGRESS, site.end(endpoint))
    )


def _finding(one: Closed, evidence: Evidence) -> Finding:
    does, severity, recipe = _CONSUMERS[one.need.by]
    source = "" if severity is Severity.WARNING else "everyone " if one.need.sources.anyone else f"{one.src} "
    by = f" by {', '.join(one.by[:3])}" if one.by else ""
    return Finding(
        Object(*evidence.about, evidence.origin),
        evidence.path,
        f"{does} {one.dst}, and {source}is denied it at {one.protocol} {one.port}, as {one.direction.value}{by}",
        f"allow it: podwall new {recipe}, or podwall lockdown for all that is missing",
        witness=Witness(one.src, one.dst, one.protocol, one.port),
        severity=severity,
    )


_APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
%s"""
_RULE = """\
  ingress:
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}}]
    ports: [{port: %s}]
"""
_INGRESS = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
"""
_CALLER = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: job, namespace: shop}
spec:
  selector: {matchLabels: {app: job}}
  template:
    metadata: {labels: {app: job}}
    spec: {containers: [{name: job, env: [{name: WEB_URL, value: "%s"}]}]}
"""

RULE = Rule(
    id="PW141",
    severity=Severity.ERROR,
    says="a consumer is cut off: an Ingress backend, a webhook, a scrape, a Service that somebody names",
    check=_check,
    good=(
        Good(_APP % (_RULE % 8080) + _INGRESS, because="the controller may be in edge, which the input does not have"),
        Good(_APP % "" + _CALLER % "http://www.example.com"),
    ),
    bad=(
        Bad(_APP % "" + _INGRESS, ("shop/web spec.defaultBackend",)),
        Bad(_APP % (_RULE % 80) + _INGRESS, ("shop/web spec.defaultBackend",), because="pods listen at 8080"),
        Bad(_APP % "" + _CALLER % "http://web", ("shop/job spec.template.spec.containers[0].env[0].value",)),
    ),
)
