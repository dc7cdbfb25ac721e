"""networking.k8s.io Ingress and IngressClass: where requests from outside are led to."""

from __future__ import annotations

from msgspec import Struct

from podwall.api.meta import ObjectMeta

__all__ = [
    "BackendPort",
    "BackendService",
    "Ingress",
    "IngressBackend",
    "IngressClass",
    "IngressClassSpec",
    "IngressHTTP",
    "IngressPath",
    "IngressRule",
    "IngressSpec",
]


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
