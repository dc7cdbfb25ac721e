"""networking.k8s.io/v1 NetworkPolicy, field by field.

Unknown fields are refused by the decoder, so that a slip like `ingres:` is seen (D21). Lists may hold null items, as
the API server decodes them (N6). Source: the networking/v1 API types.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from podwall.api.meta import LabelSelector, ObjectMeta

__all__ = [
    "IPBlock",
    "NetworkPolicy",
    "NetworkPolicyEgressRule",
    "NetworkPolicyIngressRule",
    "NetworkPolicyPeer",
    "NetworkPolicyPort",
    "NetworkPolicySpec",
]


class IPBlock(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"excepts": "except"}):
    """The addresses of a CIDR that are in none of `excepts` (N10)."""

    cidr: str = ""
    excepts: list[str | None] | None = None


class NetworkPolicyPeer(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `from` or `to` (N8)."""

    podSelector: LabelSelector | None = None
    namespaceSelector: LabelSelector | None = None
    ipBlock: IPBlock | None = None


class NetworkPolicyPort(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One entry of `ports` (N11–N13)."""

    protocol: str | None = None
    port: int | str | None = None
    endPort: int | None = None


class NetworkPolicyIngressRule(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"peers": "from"}):
    """One entry of `ingress`; `peers` is the field `from`."""

    peers: list[NetworkPolicyPeer | None] | None = None
    ports: list[NetworkPolicyPort | None] | None = None


class NetworkPolicyEgressRule(Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename={"peers": "to"}):
    """One entry of `egress`; `peers` is the field `to`."""

    peers: list[NetworkPolicyPeer | None] | None = None
    ports: list[NetworkPolicyPort | None] | None = None


class NetworkPolicySpec(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What the policy asks for. An absent podSelector is `{}` (N2)."""

    podSelector: LabelSelector | None = None
    policyTypes: list[str | None] | None = None
    ingress: list[NetworkPolicyIngressRule | None] | None = None
    egress: list[NetworkPolicyEgressRule | None] | None = None


class NetworkPolicy(Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="kind", tag="NetworkPolicy"):
    """A NetworkPolicy. `status` was part of the type in Kubernetes 1.24–1.27 and says nothing here."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: NetworkPolicySpec | None = None
    status: Raw | None = None
