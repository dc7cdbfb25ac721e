"""networking.k8s.io/v1 NetworkPolicy → rules (semantics.md, section 1)."""

from __future__ import annotations

from collections.abc import Iterable

from podwall.api.networking import (
    IPBlock,
    NetworkPolicy,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from podwall.engine.labels import EVERYTHING, selector
from podwall.engine.policies.tiered import port_range
from podwall.engine.rules import (
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    InNamespace,
    Isolation,
    NamedPort,
    NamespacesMatching,
    NoPort,
    Peer,
    Pods,
    PolicyRef,
    PolicyRules,
    PortRange,
    PortTerm,
    Rule,
    Tier,
)
from podwall.engine.sets import NO_ADDRESSES, PROTOCOLS, AddrSet

__all__ = ["policy_types", "rules_of"]

_ApiRule = NetworkPolicyIngressRule | NetworkPolicyEgressRule

_ANY_PEER: tuple[Peer, ...] = (AnyPeer(),)
_ANY_PORT: tuple[PortTerm, ...] = (AnyPort(),)
_NOBODY = Block(NO_ADDRESSES)
_EMPTY_PEER = NetworkPolicyPeer()
_EMPTY_PORT = NetworkPolicyPort()


def rules_of(policy: NetworkPolicy, namespace: str) -> PolicyRules:
    """The policy in the normal form; `namespace` is the one it belongs to (D12).

    Valid or not, it is read (D14): a peer or port that says nothing that is known matches nothing.
    """
    spec = policy.spec or NetworkPolicySpec()
    ref = PolicyRef("NetworkPolicy", namespace, policy.metadata.name or policy.metadata.generateName or "")
    # An absent podSelector is {}: every pod of the namespace (N2).
    subject = Pods(InNamespace(namespace), selector(spec.podSelector) if spec.podSelector else EVERYTHING)
    directions = policy_types(spec)
    rules: list[Rule] = []
    # Rules of a direction that is not listed are ignored (N4).
    if Direction.EGRESS in directions:
        rules += _rules(ref, subject, Direction.EGRESS, spec.egress or ())
    if Direction.INGRESS in directions:
        rules += _rules(ref, subject, Direction.INGRESS, spec.ingress or ())
    return PolicyRules(ref, tuple(Isolation(ref, d, subject) for d in directions), tuple(rules))


def policy_types(spec: NetworkPolicySpec) -> tuple[Direction, ...]:
    """The directions that the policy isolates: as listed (N4), else Ingress, and Egress if it has egress rules (N3)."""
    if spec.policyTypes:
        listed = set(spec.policyTypes)
        return tuple(d for d in Direction if d.value.capitalize() in listed)
    return (Direction.EGRESS, Direction.INGRESS) if spec.egress else (Direction.INGRESS,)


def _rules(ref: PolicyRef, subject: Pods, direction: Direction, source: Iterable[_ApiRule | None]) -> Iterable[Rule]:
    for number, rule in enumerate(source):
        # A null rule is {} to the API server: everyone, on every port (N6).
        peers = tuple(_peer(p or _EMPTY_PEER, ref.namespace) for p in (rule.peers or () if rule else ()))
        ports = tuple(_port(p or _EMPTY_PORT) for p in (rule.ports or () if rule else ()))
        yield Rule(
            policy=ref,
            path=f"spec.{direction.value}[{number}]",
            tier=Tier.NETWORK_POLICY,
            order=(0, ref.name, number),
            direction=direction,
            subject=subject,
            peers=peers or _ANY_PEER,
            ports=ports or _ANY_PORT,
        )


def _peer(peer: NetworkPolicyPeer, namespace: str) -> Peer:
    if peer.ipBlock is not None:
        return _block(peer.ipBlock)
    if peer.namespaceSelector is None and peer.podSelector is None:
        return _NOBODY  # refused by admission (V1); what gets here anyway fails closed
    # nil namespaceSelector: the policy's own namespace; {}: all; nil podSelector: no restriction (N8).
    wanted = peer.namespaceSelector
    scope = InNamespace(namespace) if wanted is None else NamespacesMatching(selector(wanted))
    return Pods(scope, selector(peer.podSelector) if peer.podSelector else EVERYTHING)


def _block(block: IPBlock) -> Block:
    try:
        return Block(AddrSet.of(block.cidr, (e for e in block.excepts or () if e)))
    except ValueError:  # refused by admission (V2); what gets here anyway fails closed
        return _NOBODY


def _port(port: NetworkPolicyPort) -> PortTerm:
    protocol = port.protocol or "TCP"  # also for an empty entry (N11)
    if protocol not in PROTOCOLS:  # refused by admission (V6), as are numbers that are no ports (V4)
        return NoPort()
    match port.port:
        case None:
            return PortRange(protocol, 1, 65535)
        case str() as name:
            return NamedPort(protocol, name)
        case int() as number:
            return port_range(protocol, number, port.endPort if port.endPort is not None else number) or NoPort()
