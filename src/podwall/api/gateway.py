"""gateway.networking.k8s.io: Gateways and the routes of all protocols."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import ObjectMeta

__all__ = [
    "BackendObject",
    "BackendRef",
    "GRPCRoute",
    "Gateway",
    "GatewaySpec",
    "HTTPRoute",
    "Listener",
    "Mirror",
    "ParentRef",
    "Route",
    "RouteFilter",
    "RouteRule",
    "RouteSpec",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
]


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
