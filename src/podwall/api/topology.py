"""Objects that say who is to reach whom, and have no say in who may: configuration, routes, hooks, monitors, bindings.

Decoded only where needs are looked for; of each kind only the fields that are read then.
"""

from __future__ import annotations

from podwall.api.access import ClusterRoleBinding, RoleBinding, ServiceAccount
from podwall.api.gateway import Gateway, GRPCRoute, HTTPRoute, TCPRoute, TLSRoute, UDPRoute
from podwall.api.hooks import (
    APIService,
    CustomResourceDefinition,
    MutatingWebhookConfiguration,
    ValidatingWebhookConfiguration,
)
from podwall.api.ingress import Ingress, IngressClass
from podwall.api.monitors import PodMonitor, ServiceMonitor
from podwall.api.notes import ConfigMap, NamespaceNotes, ServiceNotes
from podwall.api.running import (
    RunningCronJob,
    RunningDaemonSet,
    RunningDeployment,
    RunningJob,
    RunningPod,
    RunningReplicaSet,
    RunningReplicationController,
    RunningStatefulSet,
)

__all__ = ["TOPOLOGY", "TopologyObject"]

TopologyObject = (
    RunningDeployment
    | RunningStatefulSet
    | RunningDaemonSet
    | RunningReplicaSet
    | RunningReplicationController
    | RunningJob
    | RunningCronJob
    | RunningPod
    | ConfigMap
    | ServiceAccount
    | NamespaceNotes
    | ServiceNotes
    | Ingress
    | IngressClass
    | HTTPRoute
    | GRPCRoute
    | TCPRoute
    | TLSRoute
    | UDPRoute
    | Gateway
    | ValidatingWebhookConfiguration
    | MutatingWebhookConfiguration
    | CustomResourceDefinition
    | APIService
    | ServiceMonitor
    | PodMonitor
    | RoleBinding
    | ClusterRoleBinding
)

_GATEWAY, _HOOKS = "gateway.networking.k8s.io", "admissionregistration.k8s.io"
_MONITORING, _RBAC = "monitoring.coreos.com", "rbac.authorization.k8s.io"

# (API group, kind) → Struct.
TOPOLOGY: dict[tuple[str, str], type[TopologyObject]] = {
    ("", "ConfigMap"): ConfigMap,
    ("", "Namespace"): NamespaceNotes,
    ("", "Pod"): RunningPod,
    ("", "ReplicationController"): RunningReplicationController,
    ("", "Service"): ServiceNotes,
    ("", "ServiceAccount"): ServiceAccount,
    ("apps", "DaemonSet"): RunningDaemonSet,
    ("apps", "Deployment"): RunningDeployment,
    ("apps", "ReplicaSet"): RunningReplicaSet,
    ("apps", "StatefulSet"): RunningStatefulSet,
    ("batch", "CronJob"): RunningCronJob,
    ("batch", "Job"): RunningJob,
    ("networking.k8s.io", "Ingress"): Ingress,
    ("networking.k8s.io", "IngressClass"): IngressClass,
    (_GATEWAY, "GRPCRoute"): GRPCRoute,
    (_GATEWAY, "Gateway"): Gateway,
    (_GATEWAY, "HTTPRoute"): HTTPRoute,
    (_GATEWAY, "TCPRoute"): TCPRoute,
    (_GATEWAY, "TLSRoute"): TLSRoute,
    (_GATEWAY, "UDPRoute"): UDPRoute,
    (_HOOKS, "MutatingWebhookConfiguration"): MutatingWebhookConfiguration,
    (_HOOKS, "ValidatingWebhookConfiguration"): ValidatingWebhookConfiguration,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): CustomResourceDefinition,
    ("apiregistration.k8s.io", "APIService"): APIService,
    (_MONITORING, "PodMonitor"): PodMonitor,
    (_MONITORING, "ServiceMonitor"): ServiceMonitor,
    (_RBAC, "ClusterRoleBinding"): ClusterRoleBinding,
    (_RBAC, "RoleBinding"): RoleBinding,
}
