"""Which kinds Podwall reads, by API group, and which policy kinds it knows of but does not analyze."""

from __future__ import annotations

from podwall.api.core import EndpointSlice, Namespace, Node, Pod, Service
from podwall.api.networking import NetworkPolicy
from podwall.api.workloads import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)

__all__ = ["READ", "UNANALYZED_POLICIES", "KubernetesObject", "group_of"]

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
)

# (API group, kind) → Struct. The version is not looked at: these groups changed no field that is read here.
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
        ("policy.networking.k8s.io", "AdminNetworkPolicy"),
        ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
        ("policy.networking.k8s.io", "ClusterNetworkPolicy"),
        ("projectcalico.org", "GlobalNetworkPolicy"),
        ("projectcalico.org", "NetworkPolicy"),
    }
)


def group_of(api_version: str) -> str:
    """The API group of an apiVersion: `""` for the core group's `v1`."""
    group, slash, _ = api_version.rpartition("/")
    return group if slash else ""
