"""Traffic that was seen to go through, and that the policies as they are now deny.

This is the outage before it happens: the policies are a proposal, or have changed since the traffic was watched, or
nobody enforces them yet. The edges come from a file (`--flows`, as `podwall flows show -o json` writes it); without it,
nothing is said.

Said of edges with connections that went through: allowed ones, and those that an auditing plugin let pass. Attempts
that were denied are no need, so a scan makes no finding. An edge whose ends are not in the input any more is left out,
and so is one to a port of clients (32768–60999) that nobody is known to listen on: it may be a reply that was taken for
a request. Of external addresses that several rules tell apart, all must be denied.

The object is the policy that a rule belongs into: the narrowest one that isolates the denied end, or the one of a
higher tier that denies. An edge that both ends deny is said of both.

**What to do:** add the rule that `podwall explain` prints for the connection. If nobody needs the traffic, stop it at
its source, or suppress the finding with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts, Policy, Witness
from podwall.check.rule import Bad, Finding, Good, Rule, Severity, Skipped
from podwall.check.traffic import NOT_GIVEN, Use, is_ambiguous, left_out, uses
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import Direction, PolicyRef
from podwall.engine.verdict import Connection, Side
from podwall.flows.edges import Edge
from podwall.text.where import Path, parse_field

__all__ = ["RULE"]

_ADVICE = "add the rule that podwall explain prints for it, or stop it at its source if nobody needs it"


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    if facts.options.edges is None:
        yield NOT_GIVEN
        return
    policies = {policy.ref: policy for policy in facts.policies}
    wanted = [edge for edge in facts.options.edges if edge.let_through]
    lost: list[Edge] = []
    ambiguous: list[Edge] = []
    for use in uses(facts, wanted, lost):
        if use.connections and all(is_ambiguous(facts, asked) for asked in use.connections):
            ambiguous.append(use.edge)
        else:
            for asked, side in _denied(facts, use):
                policy, path = _place(side, policies)
                said, witness = _said(use.edge, asked, side)
                yield Finding(policy.what, path, said, _ADVICE, witness=witness)
    yield from left_out(lost, "both ends")
    yield from left_out(ambiguous, "who listens on a port of clients")
    unknown = [e for e in facts.options.edges if e.port is not None and not e.let_through and not e.only_refused]
    yield from left_out(unknown, "whether it went through")


def _denied(facts: Facts, use: Use) -> Iterator[tuple[Connection, Side]]:
    """The sides that deny; none where one of several addresses gets through."""
    judged = [(asked, facts.model.judge.verdict(asked)) for asked in use.connections]
    if use.one_of and any(verdict.allowed for _, verdict in judged):
        return
    for asked, verdict in judged[:1] if use.one_of else judged:
        for side in (verdict.egress, verdict.ingress):
            if not side.allowed:
                yield asked, side


def _place(side: Side, policies: dict[PolicyRef, Policy]) -> tuple[Policy, Path]:
    """Where somebody would write: the rule that denies, or the section of the narrowest policy that isolates."""
    for match in side.matches:
        return policies[match.rule.policy], parse_field(match.rule.path)
    found = {isolation.policy: isolation for isolation in side.isolated_by}
    chosen = min(
        (policies[ref] for ref in found),
        key=lambda p: (found[p.ref].subject.selector == EVERYTHING, not _says(p, side.direction), p.ref),
    )
    return chosen, ("spec", side.direction.value)


def _says(policy: Policy, direction: Direction) -> bool:
    return any(rule.direction is direction for rule in policy.rules)


def _said(edge: Edge, asked: Connection, side: Side) -> tuple[str, Witness]:
    witness = Witness(asked.source.name, asked.destination.name, asked.protocol, asked.port)
    subject = witness.src if side.direction is Direction.EGRESS else witness.dst
    what = f"{witness.src} -> {witness.dst} {witness.protocol} {witness.port}"
    seen = f"{_times(edge.let_through, 'time')} on {_times(edge.days, 'day')}, last on {edge.ended.date()}"
    return f"denies what is in use, as {side.direction.value} of {subject}: {what}, seen {seen}", witness


def _times(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


_CLUSTER = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432}]
"""
_DENY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""
_ADMIN = """\
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: closed}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}
  ingress:
  - {action: Deny, from: [{namespaces: {}}]}
"""
_OUT = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: 203.0.113.0/25}}]
"""
_SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, ports: [{port: 41000, targetPort: 41000}]}
"""


def _edge(src: str, dst: str, port: int, **verdicts: int) -> Edge:
    seen = sum(verdicts.values())
    return Edge(src, dst, "TCP", port, "2026-11-01T08:00:00Z", "2026-11-20T17:30:00Z", seen, 12, verdicts)


_QUERY = _edge("shop/web", "shop/db", 5432, allow=1204)
_METRICS = _edge("shop/web", "shop/db", 9187, allow=310)

RULE = Rule(
    id="PW181",
    severity=Severity.ERROR,
    says="traffic that was observed, and went through, is denied",
    check=_check,
    good=(
        Good(_CLUSTER, because="nobody knows what is in use without flows"),
        Good(_CLUSTER, flows=(_QUERY,)),
        Good(_CLUSTER, flows=(_edge("shop/web", "shop/db", 22, deny=9),), because="what was denied is no need"),
        Good(_CLUSTER, flows=(_edge("shop/web", "shop/db", 22, unknown=9),), because="nobody knows if it went through"),
        Good(_CLUSTER, flows=(_edge("shop/old", "shop/db", 22, allow=9),), because="shop/old is gone"),
        Good(_CLUSTER, flows=(_edge("shop/web", "shop/db", 41000, allow=9),), because="a reply, for all one knows"),
        Good(
            _CLUSTER + _OUT,
            flows=(_edge("shop/web", "203.0.113.0/24", 443, allow=9),),
            because="the address may have been in the half that is allowed",
        ),
    ),
    bad=(
        Bad(_CLUSTER, ("shop/db spec.ingress",), flows=(_QUERY, _METRICS)),
        Bad(_CLUSTER, ("shop/db spec.ingress",), flows=(_edge("shop/web", "shop/db", 22, would_deny=1),)),
        Bad(
            _CLUSTER + _DENY,
            ("shop/deny spec.egress", "shop/db spec.ingress"),
            "both ends deny",
            flows=(_METRICS,),
        ),
        Bad(_CLUSTER + _ADMIN, ("closed spec.ingress[0]",), "the tier above denies", flows=(_QUERY,)),
        Bad(_CLUSTER + _OUT, ("shop/web spec.egress",), flows=(_edge("shop/web", "198.51.100.0/24", 443, allow=9),)),
        Bad(
            _CLUSTER + _SERVICE,
            ("shop/db spec.ingress",),
            "a Service leads there, so somebody listens",
            flows=(_edge("shop/web", "shop/db", 41000, allow=9),),
        ),
    ),
)
