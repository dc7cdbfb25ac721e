"""policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy and BaselineAdminNetworkPolicy → rules (semantics.md, 2.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.api.policy import (
    AdminNetworkPolicy,
    AdminNetworkPolicyEgressRule,
    AdminNetworkPolicyIngressRule,
    AdminNetworkPolicyPort,
    AdminNetworkPolicySpec,
    AdminPort,
    AdminPortRange,
    BaselineAdminNetworkPolicy,
    BaselineAdminNetworkPolicyEgressRule,
    BaselineAdminNetworkPolicySpec,
)
from podwall.engine.policies.tiered import (
    Line,
    Standing,
    peer_of,
    port_range,
    ref_of,
    rules_of_line,
    subject_of,
    the_one,
)
from podwall.engine.rules import Action, Direction, NamedPort, PolicyRules, PortTerm, Tier
from podwall.engine.sets import PROTOCOLS

__all__ = ["rules_of"]

# The one BaselineAdminNetworkPolicy has no priority: it stands behind every policy that has one (C3).
_LAST = 1001
_ACTIONS = {"Allow": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS}

_ApiRule = AdminNetworkPolicyIngressRule | AdminNetworkPolicyEgressRule | BaselineAdminNetworkPolicyEgressRule


def rules_of(policy: AdminNetworkPolicy | BaselineAdminNetworkPolicy) -> PolicyRules:
    """The policy in the normal form: rules as written, no isolation (C2).

    Valid or not, it is read (D14). Where its subject is none that this engine knows, it has no rules.
    """
    if isinstance(policy, BaselineAdminNetworkPolicy):
        below = policy.spec or BaselineAdminNetworkPolicySpec()
        return _rules(policy, Tier.BASELINE, _LAST, below)
    spec = policy.spec or AdminNetworkPolicySpec()
    return _rules(policy, Tier.ADMIN, spec.priority or 0, spec)


def _rules(
    policy: AdminNetworkPolicy | BaselineAdminNetworkPolicy,
    tier: Tier,
    priority: int,
    spec: AdminNetworkPolicySpec | BaselineAdminNetworkPolicySpec,
) -> PolicyRules:
    ref = ref_of(str(policy.__struct_config__.tag), policy.metadata)
    subject = subject_of(spec.subject)
    if subject is None:
        return PolicyRules(ref, (), ())
    standing = Standing(ref, tier, priority, subject)
    lines = (*_lines(Direction.EGRESS, spec.egress or ()), *_lines(Direction.INGRESS, spec.ingress or ()))
    return PolicyRules(ref, (), tuple(rule for line in lines for rule in rules_of_line(standing, line)))


def _lines(direction: Direction, rules: Sequence[_ApiRule | None]) -> Iterator[Line]:
    for number, rule in enumerate(rules):
        if rule is None:  # no server holds one: it fails closed like any other rule without an action
            yield Line(direction, number, None, (), ())
        else:
            peers = [peer_of(peer) for peer in rule.peers or ()]
            ports = [_port(port) for port in rule.ports or ()]
            yield Line(direction, number, _ACTIONS.get(rule.action or ""), peers, ports)


def _port(port: AdminNetworkPolicyPort | None) -> PortTerm | None:
    """One entry of `ports`; the protocol defaults to TCP but for a name's, which is its port's (C11)."""
    match the_one(port):
        case "namedPort", str() as name if name:
            return NamedPort("", name)
        case "portNumber", AdminPort(protocol=protocol, port=number):
            return _range(protocol, number, number)
        case "portRange", AdminPortRange(protocol=protocol, start=start, end=end):
            return _range(protocol, start, end)
        case _:
            return None


def _range(protocol: str | None, first: int | None, last: int | None) -> PortTerm | None:
    known = protocol or "TCP"
    return port_range(known, first, last) if known in PROTOCOLS else None
