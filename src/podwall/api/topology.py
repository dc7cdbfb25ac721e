"""Objects that say who is to reach whom, and have no say in who may: configuration, routes, hooks, monitors, bindings.

Decoded only where needs are looked for; of each kind only the fields that are read then.
"""

from __future__ import annotations

from msgspec import Struct, field

from podwall.api.meta import LabelSelector, ObjectMeta
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

__all__ = [
    "TOPOLOGY",
    "APIService",
    "APIServiceSpec",
    "BackendObject",
    "BackendRef",
    "ClientConfig",
    "ClusterRoleBinding",
    "ConfigMap",
    "CustomResourceDefinition",
    "GRPCRoute",
    "Gateway",
    "HTTPRoute",
    "Ingress",
    "IngressBackend",
    "IngressClass",
    "IngressSpec",
    "MonitorEndpoint",
    "MutatingWebhookConfiguration",
    "NamespaceNotes",
    "NamespaceSelector",
    "PodMonitor",
    "RoleBinding",
    "Route",
    "RouteFilter",
    "RouteRule",
    "RouteSpec",
    "ServiceAccount",
    "ServiceMonitor",
    "ServiceNotes",
    "ServiceReference",
    "TCPRoute",
    "TLSRoute",
    "TopologyObject",
    "UDPRoute",
    "ValidatingWebhookConfiguration",
    "Webhook",
]


class ConfigMap(Struct, frozen=True, gc=False, tag_field="kind", tag="ConfigMap"):
    """core/v1 ConfigMap; binary data says nothing."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    data: dict[str, str | None] | None = None


class ServiceAccount(Struct, frozen=True, gc=False, tag_field="kind", tag="ServiceAccount"):
    """core/v1 ServiceAccount: its annotations bind it to an identity of a cloud."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    automountServiceAccountToken: bool | None = None


class NamespaceNotes(Struct, frozen=True, gc=False, tag_field="kind", tag="Namespace"):
    """core/v1 Namespace: its annotations, by which meshes are told whom to take in."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()


class ServiceNotes(Struct, frozen=True, gc=False, tag_field="kind", tag="Service"):
    """core/v1 Service: the labels that monitors select it by, and its annotations about scraping."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()


# Ingress


class IngressClassSpec(Struct, frozen=True, gc=False):
    """Which controller serves a class: `k8s.io/ingress-nginx`."""

    controller: str = ""


class IngressClass(Struct, frozen=True, gc=False, tag_field="kind", tag="IngressClass"):
    """networking.k8s.io/v1 IngressClass."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: IngressClassSpec | None = None


class BackendPort(Struct, frozen=True, gc=False):
    """A port of a Service, by number or name."""

    number: int | None = None
    name: str | None = None


class BackendService(Struct, frozen=True, gc=False):
    """A Service of the Ingress's namespace."""

    name: str = ""
    port: BackendPort | None = None


class IngressBackend(Struct, frozen=True, gc=False):
    """Where requests go."""

    service: BackendService | None = None


class IngressPath(Struct, frozen=True, gc=False):
    """One path of a host."""

    backend: IngressBackend | None = None


class IngressHTTP(Struct, frozen=True, gc=False):
    """The paths of a host."""

    paths: list[IngressPath] | None = None


class IngressRule(Struct, frozen=True, gc=False):
    """One host."""

    host: str | None = None
    http: IngressHTTP | None = None


class IngressSpec(Struct, frozen=True, gc=False):
    """An Ingress's spec."""

    ingressClassName: str | None = None
    defaultBackend: IngressBackend | None = None
    rules: list[IngressRule] | None = None


class Ingress(Struct, frozen=True, gc=False, tag_field="kind", tag="Ingress"):
    """networking.k8s.io/v1 Ingress."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: IngressSpec | None = None


# Gateway API


class BackendObject(Struct, frozen=True, gc=False):
    """Where requests go; `kind` is Service where it is left out."""

    name: str = ""
    namespace: str | None = None
    port: int | None = None
    kind: str | None = None
    group: str | None = None


class Mirror(Struct, frozen=True, gc=False):
    """A copy of each request goes here as well."""

    backendRef: BackendObject | None = None


class RouteFilter(Struct, frozen=True, gc=False):
    """A filter, as far as it leads anywhere."""

    requestMirror: Mirror | None = None


class BackendRef(BackendObject, frozen=True, gc=False):
    """Where a route leads, with what is done to the requests that go there."""

    filters: list[RouteFilter] | None = None


class RouteRule(Struct, frozen=True, gc=False):
    """One rule of a route."""

    backendRefs: list[BackendRef] | None = None
    filters: list[RouteFilter] | None = None


class ParentRef(Struct, frozen=True, gc=False):
    """The Gateway (or, in a mesh, the Service) that a route is attached to."""

    name: str = ""
    namespace: str | None = None
    kind: str | None = None


class RouteSpec(Struct, frozen=True, gc=False):
    """What all kinds of routes have in common."""

    parentRefs: list[ParentRef] | None = None
    hostnames: list[str] | None = None
    rules: list[RouteRule] | None = None


class HTTPRoute(Struct, frozen=True, gc=False, tag_field="kind", tag="HTTPRoute"):
    """gateway.networking.k8s.io HTTPRoute."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RouteSpec | None = None


class GRPCRoute(Struct, frozen=True, gc=False, tag_field="kind", tag="GRPCRoute"):
    """gateway.networking.k8s.io GRPCRoute."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RouteSpec | None = None


class TCPRoute(Struct, frozen=True, gc=False, tag_field="kind", tag="TCPRoute"):
    """gateway.networking.k8s.io TCPRoute."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RouteSpec | None = None


class TLSRoute(Struct, frozen=True, gc=False, tag_field="kind", tag="TLSRoute"):
    """gateway.networking.k8s.io TLSRoute."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RouteSpec | None = None


class UDPRoute(Struct, frozen=True, gc=False, tag_field="kind", tag="UDPRoute"):
    """gateway.networking.k8s.io UDPRoute."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RouteSpec | None = None


Route = HTTPRoute | GRPCRoute | TCPRoute | TLSRoute | UDPRoute


class Listener(Struct, frozen=True, gc=False):
    """One port of a Gateway."""

    name: str = ""
    port: int = 0
    protocol: str = ""


class GatewaySpec(Struct, frozen=True, gc=False):
    """A Gateway's spec."""

    gatewayClassName: str | None = None
    listeners: list[Listener] | None = None


class Gateway(Struct, frozen=True, gc=False, tag_field="kind", tag="Gateway"):
    """gateway.networking.k8s.io Gateway."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: GatewaySpec | None = None


# What the API server calls


class ServiceReference(Struct, frozen=True, gc=False):
    """A Service that the API server calls; its port is 443 where none is given."""

    namespace: str = ""
    name: str = ""
    port: int | None = None


class ClientConfig(Struct, frozen=True, gc=False):
    """Where a webhook is."""

    service: ServiceReference | None = None


class Webhook(Struct, frozen=True, gc=False):
    """One webhook of a configuration."""

    name: str = ""
    clientConfig: ClientConfig | None = None


class ValidatingWebhookConfiguration(
    Struct, frozen=True, gc=False, tag_field="kind", tag="ValidatingWebhookConfiguration"
):
    """admissionregistration.k8s.io ValidatingWebhookConfiguration."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    webhooks: list[Webhook] | None = None


class MutatingWebhookConfiguration(Struct, frozen=True, gc=False, tag_field="kind", tag="MutatingWebhookConfiguration"):
    """admissionregistration.k8s.io MutatingWebhookConfiguration."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    webhooks: list[Webhook] | None = None


class ConversionWebhook(Struct, frozen=True, gc=False):
    """What converts between versions of a custom resource."""

    clientConfig: ClientConfig | None = None


class Conversion(Struct, frozen=True, gc=False):
    """How a custom resource is converted."""

    webhook: ConversionWebhook | None = None


class CustomResourceDefinitionSpec(Struct, frozen=True, gc=False):
    """Of a CustomResourceDefinition, what the API server calls for it."""

    conversion: Conversion | None = None


class CustomResourceDefinition(Struct, frozen=True, gc=False, tag_field="kind", tag="CustomResourceDefinition"):
    """apiextensions.k8s.io CustomResourceDefinition."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: CustomResourceDefinitionSpec | None = None


class APIServiceSpec(Struct, frozen=True, gc=False):
    """Who serves a group of the API; nobody else than the API server itself where there is no Service."""

    service: ServiceReference | None = None


class APIService(Struct, frozen=True, gc=False, tag_field="kind", tag="APIService"):
    """apiregistration.k8s.io APIService."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: APIServiceSpec | None = None


# Monitors


class NamespaceSelector(Struct, frozen=True, gc=False):
    """Namespaces by name; without either field, the monitor's own."""

    any: bool | None = None
    matchNames: list[str] | None = None


class MonitorEndpoint(Struct, frozen=True, gc=False):
    """One scrape: `port` is the name of a Service's port, or of a container's for a PodMonitor."""

    port: str | None = None
    targetPort: int | str | None = None
    portNumber: int | None = None


class ServiceMonitorSpec(Struct, frozen=True, gc=False):
    """Which Services are scraped at which ports."""

    selector: LabelSelector = LabelSelector()
    namespaceSelector: NamespaceSelector = NamespaceSelector()
    endpoints: list[MonitorEndpoint] | None = None


class ServiceMonitor(Struct, frozen=True, gc=False, tag_field="kind", tag="ServiceMonitor"):
    """monitoring.coreos.com ServiceMonitor."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceMonitorSpec | None = None


class PodMonitorSpec(Struct, frozen=True, gc=False):
    """Which pods are scraped at which ports."""

    selector: LabelSelector = LabelSelector()
    namespaceSelector: NamespaceSelector = NamespaceSelector()
    podMetricsEndpoints: list[MonitorEndpoint] | None = None


class PodMonitor(Struct, frozen=True, gc=False, tag_field="kind", tag="PodMonitor"):
    """monitoring.coreos.com PodMonitor."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PodMonitorSpec | None = None


# Who may use the API


class Subject(Struct, frozen=True, gc=False):
    """Whom a role is bound to."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None


class RoleRef(Struct, frozen=True, gc=False):
    """The role that is bound."""

    kind: str = ""
    name: str = ""


class RoleBinding(Struct, frozen=True, gc=False, tag_field="kind", tag="RoleBinding"):
    """rbac.authorization.k8s.io RoleBinding."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    subjects: list[Subject] | None = None
    roleRef: RoleRef = field(default_factory=RoleRef)


class ClusterRoleBinding(Struct, frozen=True, gc=False, tag_field="kind", tag="ClusterRoleBinding"):
    """rbac.authorization.k8s.io ClusterRoleBinding."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    subjects: list[Subject] | None = None
    roleRef: RoleRef = field(default_factory=RoleRef)


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
