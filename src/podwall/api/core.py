"""core/v1: Namespace, Node, Pod and Service; discovery.k8s.io/v1: EndpointSlice. Only the fields that Podwall reads."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import ObjectMeta, PlainMeta

__all__ = [
    "Address",
    "Container",
    "ContainerPort",
    "Endpoint",
    "EndpointPort",
    "EndpointSlice",
    "LoadBalancerStatus",
    "Namespace",
    "Node",
    "NodeStatus",
    "Pod",
    "PodIP",
    "PodSpec",
    "PodStatus",
    "Service",
    "ServicePort",
    "ServiceSpec",
    "ServiceStatus",
    "TargetRef",
]


class ContainerPort(Struct, frozen=True, gc=False):
    """A port that a container names; informational but for its name (N13)."""

    containerPort: int = 0
    name: str | None = None
    protocol: str | None = None


class Container(Struct, frozen=True, gc=False):
    """A container; `restartPolicy: Always` on an init container makes it a sidecar (N13)."""

    ports: list[ContainerPort] | None = None
    restartPolicy: str | None = None


class PodSpec(Struct, frozen=True, gc=False):
    """The part of a PodSpec that the network sees."""

    containers: list[Container] | None = None
    initContainers: list[Container] | None = None
    hostNetwork: bool | None = None
    nodeName: str | None = None
    dnsPolicy: str | None = None


class PodIP(Struct, frozen=True, gc=False):
    """One address of a Pod or of its host."""

    ip: str = ""


class PodStatus(Struct, frozen=True, gc=False):
    """Where a Pod runs, and whether it still does (N18)."""

    phase: str | None = None
    podIP: str | None = None
    podIPs: list[PodIP] | None = None
    hostIP: str | None = None
    hostIPs: list[PodIP] | None = None


class Pod(Struct, frozen=True, gc=False, tag_field="kind", tag="Pod"):
    """core/v1 Pod."""

    apiVersion: str = ""
    metadata: PlainMeta = PlainMeta()
    spec: PodSpec | None = None
    status: PodStatus | None = None


class Namespace(Struct, frozen=True, gc=False, tag_field="kind", tag="Namespace"):
    """core/v1 Namespace."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()


class Address(Struct, frozen=True, gc=False):
    """One of a Node's addresses; `type` is InternalIP, ExternalIP, Hostname, …"""

    type: str = ""
    address: str = ""


class NodeStatus(Struct, frozen=True, gc=False):
    """A Node's addresses."""

    addresses: list[Address] | None = None


class Node(Struct, frozen=True, gc=False, tag_field="kind", tag="Node"):
    """core/v1 Node."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    status: NodeStatus | None = None


class ServicePort(Struct, frozen=True, gc=False):
    """A port of a Service; `targetPort` defaults to `port`."""

    port: int = 0
    name: str | None = None
    protocol: str | None = None
    targetPort: int | str | None = None


class ServiceSpec(Struct, frozen=True, gc=False):
    """A Service's addresses, ports and selector. `clusterIP` is `None` (the word) where it is headless."""

    type: str | None = None
    selector: dict[str, str] | None = None
    ports: list[ServicePort] | None = None
    clusterIP: str | None = None
    clusterIPs: list[str] | None = None
    externalIPs: list[str] | None = None
    externalName: str | None = None
    externalTrafficPolicy: str | None = None
    publishNotReadyAddresses: bool | None = None


class LoadBalancerStatus(Struct, frozen=True, gc=False):
    """The addresses that a load balancer took for a Service."""

    ingress: list[PodIP] | None = None


class ServiceStatus(Struct, frozen=True, gc=False):
    """A Service's status."""

    loadBalancer: LoadBalancerStatus | None = None


class Service(Struct, frozen=True, gc=False, tag_field="kind", tag="Service"):
    """core/v1 Service."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceSpec | None = None
    status: ServiceStatus | None = None


class TargetRef(Struct, frozen=True, gc=False):
    """The object behind an address of an EndpointSlice."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None


class Endpoint(Struct, frozen=True, gc=False):
    """One endpoint of an EndpointSlice."""

    addresses: list[str] | None = None
    targetRef: TargetRef | None = None
    nodeName: str | None = None


class EndpointPort(Struct, frozen=True, gc=False):
    """One port of an EndpointSlice; a null port means all."""

    name: str | None = None
    protocol: str | None = None
    port: int | None = None


class EndpointSlice(Struct, frozen=True, gc=False, tag_field="kind", tag="EndpointSlice"):
    """discovery.k8s.io/v1 EndpointSlice."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    addressType: str = ""
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None
