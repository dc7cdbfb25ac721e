"""policy.networking.k8s.io: ClusterNetworkPolicy v1alpha2, AdminNetworkPolicy and BaselineAdminNetworkPolicy v1alpha1.

Field by field, for both channels. Unknown fields are refused by the decoder, so that a slip is seen (D21). Lists may
hold null items, which a server refuses and a file may have. Source: the types of network-policy-api, v0.2.0 and v0.1.7.
"""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import LabelSelector, ObjectMeta

__all__ = [
    "AdminNamespacedPod",
    "AdminNamespaces",
    "AdminNetworkPolicy",
    "AdminNetworkPolicyEgressPeer",
    "AdminNetworkPolicyEgressRule",
    "AdminNetworkPolicyIngressPeer",
    "AdminNetworkPolicyIngressRule",
    "AdminNetworkPolicyPort",
    "AdminNetworkPolicySpec",
    "AdminNetworkPolicySubject",
    "AdminPort",
    "AdminPortRange",
    "BaselineAdminNetworkPolicy",
    "BaselineAdminNetworkPolicyEgressPeer",
    "BaselineAdminNetworkPolicyEgressRule",
    "BaselineAdminNetworkPolicySpec",
    "ClusterNetworkPolicy",
    "ClusterNetworkPolicyEgressPeer",
    "ClusterNetworkPolicyEgressRule",
    "ClusterNetworkPolicyIngressPeer",
    "ClusterNetworkPolicyIngressRule",
    "ClusterNetworkPolicyProtocol",
    "ClusterNetworkPolicySpec",
    "ClusterNetworkPolicySubject",
    "ClusterWidePolicy",
    "NamespaceSet",
    "NamespacedPod",
    "PolicyStatus",
    "Port",
    "PortRange",
    "ProtocolPorts",
]


class PolicyStatus(Struct, frozen=True, gc=False):
    """Conditions, which mean nothing here (C15): two policies that differ in them alone are equal (D16)."""


class NamespacedPod(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Pods by namespace and labels; v1alpha2 takes an absent namespaceSelector for `{}` (C6)."""

    namespaceSelector: LabelSelector | None = None
    podSelector: LabelSelector | None = None


# ------------------------------------------------------------------------------------------------------------- v1alpha2
class ClusterNetworkPolicySubject(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Whom the policy is for: exactly one field (C6)."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None


class PortRange(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Ports `start..end`, inclusive (C10)."""

    start: int | None = None
    end: int | None = None


class Port(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"interval": "range"}):
    """A port or several: exactly one field; `interval` is the field `range`."""

    number: int | None = None
    interval: PortRange | None = None


class ProtocolPorts(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a rule asks of one protocol; without a port it is all of them (C10)."""

    destinationPort: Port | None = None


class ClusterNetworkPolicyProtocol(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `protocols`: exactly one field (C10, C11)."""

    tcp: ProtocolPorts | None = None
    udp: ProtocolPorts | None = None
    sctp: ProtocolPorts | None = None
    destinationNamedPort: str | None = None


class ClusterNetworkPolicyIngressPeer(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `from`: exactly one field (C7)."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None


class ClusterNetworkPolicyEgressPeer(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `to`: exactly one field (C7-C9, C12). Nodes and domainNames are of the experimental channel."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None
    nodes: LabelSelector | None = None
    networks: list[str | None] | None = None
    domainNames: list[str | None] | None = None


class ClusterNetworkPolicyIngressRule(
    Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"peers": "from"}
):
    """One entry of `ingress`; `peers` is the field `from`."""

    name: str | None = None
    action: str | None = None
    peers: list[ClusterNetworkPolicyIngressPeer | None] | None = None
    protocols: list[ClusterNetworkPolicyProtocol | None] | None = None


class ClusterNetworkPolicyEgressRule(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"peers": "to"}):
    """One entry of `egress`; `peers` is the field `to`."""

    name: str | None = None
    action: str | None = None
    peers: list[ClusterNetworkPolicyEgressPeer | None] | None = None
    protocols: list[ClusterNetworkPolicyProtocol | None] | None = None


class ClusterNetworkPolicySpec(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Tier, priority and subject are required (C3)."""

    tier: str | None = None
    priority: int | None = None
    subject: ClusterNetworkPolicySubject | None = None
    ingress: list[ClusterNetworkPolicyIngressRule | None] | None = None
    egress: list[ClusterNetworkPolicyEgressRule | None] | None = None


class ClusterNetworkPolicy(
    Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="kind", tag="ClusterNetworkPolicy"
):
    """policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ClusterNetworkPolicySpec | None = None
    status: PolicyStatus | None = PolicyStatus()


# ------------------------------------------------------------------------------------------------------------- v1alpha1
class NamespaceSet(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """How bundle v0.1.1 and older ones chose namespaces: known, so that what takes its place can be named (2.3)."""

    namespaceSelector: LabelSelector | None = None
    sameLabels: list[str | None] | None = None
    notSameLabels: list[str | None] | None = None


class AdminNamespaces(LabelSelector, frozen=True, gc=False, forbid_unknown_fields=True):
    """A LabelSelector, with the fields of the NamespaceSet that stood in its place up to bundle v0.1.1."""

    namespaceSelector: LabelSelector | None = None
    sameLabels: list[str | None] | None = None
    notSameLabels: list[str | None] | None = None


class AdminNamespacedPod(NamespacedPod, frozen=True, gc=False, forbid_unknown_fields=True):
    """Both selectors are required; `namespaces` stood for the first one up to bundle v0.1.1."""

    namespaces: NamespaceSet | None = None


class AdminNetworkPolicySubject(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Whom the policy is for: exactly one field."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None


class AdminPort(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One port; the protocol defaults to TCP."""

    protocol: str | None = None
    port: int | None = None


class AdminPortRange(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Ports `start..end`, inclusive; the protocol defaults to TCP."""

    protocol: str | None = None
    start: int | None = None
    end: int | None = None


class AdminNetworkPolicyPort(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `ports`: exactly one field. Named ports are of the experimental channel."""

    portNumber: AdminPort | None = None
    namedPort: str | None = None
    portRange: AdminPortRange | None = None


class AdminNetworkPolicyIngressPeer(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `from`, of both kinds: exactly one field."""

    namespaces: AdminNamespaces | None = None
    pods: AdminNamespacedPod | None = None


class BaselineAdminNetworkPolicyEgressPeer(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `to` of the baseline kind: exactly one field. Nodes are of the experimental channel."""

    namespaces: AdminNamespaces | None = None
    pods: AdminNamespacedPod | None = None
    nodes: LabelSelector | None = None
    networks: list[str | None] | None = None


class AdminNetworkPolicyEgressPeer(
    BaselineAdminNetworkPolicyEgressPeer, frozen=True, gc=False, forbid_unknown_fields=True
):
    """One entry of `to`: exactly one field. Domain names are of the experimental channel."""

    domainNames: list[str | None] | None = None


class AdminNetworkPolicyIngressRule(
    Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"peers": "from"}
):
    """One entry of `ingress`, of both kinds; `peers` is the field `from`."""

    name: str | None = None
    action: str | None = None
    peers: list[AdminNetworkPolicyIngressPeer | None] | None = None
    ports: list[AdminNetworkPolicyPort | None] | None = None


class AdminNetworkPolicyEgressRule(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"peers": "to"}):
    """One entry of `egress`; `peers` is the field `to`."""

    name: str | None = None
    action: str | None = None
    peers: list[AdminNetworkPolicyEgressPeer | None] | None = None
    ports: list[AdminNetworkPolicyPort | None] | None = None


class BaselineAdminNetworkPolicyEgressRule(
    Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"peers": "to"}
):
    """One entry of `egress` of the baseline kind; `peers` is the field `to`."""

    name: str | None = None
    action: str | None = None
    peers: list[BaselineAdminNetworkPolicyEgressPeer | None] | None = None
    ports: list[AdminNetworkPolicyPort | None] | None = None


class AdminNetworkPolicySpec(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Priority and subject are required."""

    priority: int | None = None
    subject: AdminNetworkPolicySubject | None = None
    ingress: list[AdminNetworkPolicyIngressRule | None] | None = None
    egress: list[AdminNetworkPolicyEgressRule | None] | None = None


class BaselineAdminNetworkPolicySpec(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The subject is required; there is only one such policy, so it needs no priority."""

    subject: AdminNetworkPolicySubject | None = None
    ingress: list[AdminNetworkPolicyIngressRule | None] | None = None
    egress: list[BaselineAdminNetworkPolicyEgressRule | None] | None = None


class AdminNetworkPolicy(
    Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="kind", tag="AdminNetworkPolicy"
):
    """policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: AdminNetworkPolicySpec | None = None
    status: PolicyStatus | None = PolicyStatus()


class BaselineAdminNetworkPolicy(
    Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="kind", tag="BaselineAdminNetworkPolicy"
):
    """policy.networking.k8s.io/v1alpha1 BaselineAdminNetworkPolicy."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: BaselineAdminNetworkPolicySpec | None = None
    status: PolicyStatus | None = PolicyStatus()


ClusterWidePolicy = ClusterNetworkPolicy | AdminNetworkPolicy | BaselineAdminNetworkPolicy
