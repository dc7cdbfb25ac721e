"""Which kinds Podwall reads, by API group, and which policy kinds it knows of but does not analyze."""

from __future__ import annotations

from podwall.api.core import EndpointSlice, Namespace, Node, Pod, Service
from podwall.api.networking import NetworkPolicy
from podwall.api.policy import AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy
from podwall.api.workloads import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)

__all__ = ["ONLY_VERSION", "READ", "UNANALYZED_POLICIES", "KubernetesObject", "group_of", "is_read"]

KubernetesObject = (
    Namespace
    | Node
    | Pod
    | Service
    | EndpointSlice
    | Deployment
    | StatefulSet
    | DaemonSet
    | ReplicaSet
    | ReplicationController
    | Job
    | CronJob
    | NetworkPolicy
    | ClusterNetworkPolicy
    | AdminNetworkPolicy
    | BaselineAdminNetworkPolicy
)

_POLICY = "policy.networking.k8s.io"

# (API group, kind) → Struct. Where ONLY_VERSION names none, no version changed a field that is read here.
READ: dict[tuple[str, str], type] = {
    ("", "Namespace"): Namespace,
    ("", "Node"): Node,
    ("", "Pod"): Pod,
    ("", "ReplicationController"): ReplicationController,
    ("", "Service"): Service,
    ("apps", "DaemonSet"): DaemonSet,
    ("apps", "Deployment"): Deployment,
    ("apps", "ReplicaSet"): ReplicaSet,
    ("apps", "StatefulSet"): StatefulSet,
    ("batch", "CronJob"): CronJob,
    ("batch", "Job"): Job,
    ("discovery.k8s.io", "EndpointSlice"): EndpointSlice,
    ("networking.k8s.io", "NetworkPolicy"): NetworkPolicy,
    (_POLICY, "AdminNetworkPolicy"): AdminNetworkPolicy,
    (_POLICY, "BaselineAdminNetworkPolicy"): BaselineAdminNetworkPolicy,
    (_POLICY, "ClusterNetworkPolicy"): ClusterNetworkPolicy,
}

# The apiVersion of kinds that are still in the making: another version may mean other things by the same fields.
ONLY_VERSION: dict[tuple[str, str], str] = {
    (_POLICY, "AdminNetworkPolicy"): f"{_POLICY}/v1alpha1",
    (_POLICY, "BaselineAdminNetworkPolicy"): f"{_POLICY}/v1alpha1",
    (_POLICY, "ClusterNetworkPolicy"): f"{_POLICY}/v1alpha2",
}

# Kinds that open or close connections and that the answer leaves out: it may be wrong without them.
UNANALYZED_POLICIES: frozenset[tuple[str, str]] = frozenset(
    {
        ("cilium.io", "CiliumClusterwideNetworkPolicy"),
        ("cilium.io", "CiliumNetworkPolicy"),
        ("crd.antrea.io", "ClusterNetworkPolicy"),
        ("crd.antrea.io", "NetworkPolicy"),
        ("crd.projectcalico.org", "GlobalNetworkPolicy"),
        ("crd.projectcalico.org", "NetworkPolicy"),
        ("extensions", "NetworkPolicy"),
        ("k8s.cni.cncf.io", "MultiNetworkPolicy"),
        ("k8s.ovn.org", "EgressFirewall"),
        ("network.openshift.io", "EgressNetworkPolicy"),
        ("networking.gke.io", "FQDNNetworkPolicy"),
        ("networking.k8s.aws", "ApplicationNetworkPolicy"),
        ("networking.k8s.aws", "ClusterNetworkPolicy"),
        ("projectcalico.org", "GlobalNetworkPolicy"),
        ("projectcalico.org", "NetworkPolicy"),
    }
)


def group_of(api_version: str) -> str:
    """The API group of an apiVersion: `""` for the core group's `v1`."""
    group, slash, _ = api_version.rpartition("/")
    return group if slash else ""


def is_read(api_version: str, kind: str) -> bool:
    """Whether objects of this apiVersion and kind are what READ decodes; without an apiVersion they are of no kind."""
    known = (group_of(api_version), kind)
    return bool(api_version) and known in READ and ONLY_VERSION.get(known, api_version) == api_version
