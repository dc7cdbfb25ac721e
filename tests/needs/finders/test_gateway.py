"""Backends of the Gateway API's routes: which ports, and from which gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.objects import check, service, workload

BOTH = "{name: a, port: 80, targetPort: 8080}, {name: b, port: 80, targetPort: 8080, protocol: UDP}"
WEB = workload("web") + service("web", ports=BOTH)
EVERYONE = {"* -> shop/web 8080/TCP"}


def route(rules: str = "{backendRefs: [{name: web, port: 80}]}", *, kind: str = "HTTPRoute", parent: str = "") -> str:
    return f"""
---
apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: r, namespace: shop}}
spec:
  parentRefs: [{parent or "{name: gw, namespace: infra}"}]
  rules: [{rules}]
"""


def gateway(chosen: str) -> str:
    return f"""
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gw, namespace: infra}}
spec: {{gatewayClassName: {chosen}, listeners: [{{name: http, port: 80, protocol: HTTP}}]}}
"""


ROUTES = {
    "HTTP": (WEB + route(), EVERYONE),
    "gRPC": (WEB + route(kind="GRPCRoute"), EVERYONE),
    "TCP": (WEB + route(kind="TCPRoute"), EVERYONE),
    "TLS": (WEB + route(kind="TLSRoute"), EVERYONE),
    "UDP": (WEB + route(kind="UDPRoute"), {"* -> shop/web 8080/UDP"}),
    "a mirror": (
        WEB + route("{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 80}}}]}"),
        EVERYONE,
    ),
    "a backend's own mirror": (
        WEB
        + workload("b")
        + service("b")
        + route(
            "{backendRefs: [{name: b, port: 80, filters: [{requestMirror: {backendRef: {name: web, port: 80}}}]}]}"
        ),
        EVERYONE | {"* -> shop/b 8080/TCP"},
    ),
    "another filter": (WEB + route("{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}"), set()),
    "another namespace": (
        workload("api", namespace="b")
        + service("api", namespace="b")
        + route("{backendRefs: [{name: api, namespace: b, port: 80}]}"),
        {"* -> b/api 8080/TCP"},
    ),
    "no Service": (
        WEB + route("{backendRefs: [{name: web, kind: ServiceImport, group: multicluster.x-k8s.io}]}"),
        set(),
    ),
    "no port in the Service": (WEB + route("{backendRefs: [{name: web, port: 81}]}"), set()),
}


@pytest.mark.parametrize("case", ROUTES)
def test_routes(case: str, tmp_path: Path) -> None:
    check(tmp_path, "gateway", *ROUTES[case])


PLAIN = workload("p", namespace="infra", labels="gateway.networking.k8s.io/gateway-name: gw")
ENVOY = workload(
    "p",
    namespace="envoy-gateway-system",
    labels="gateway.envoyproxy.io/owning-gateway-name: gw, gateway.envoyproxy.io/owning-gateway-namespace: infra",
)
OF_CLASS = workload("p", namespace="envoy", labels="gateway.envoyproxy.io/owning-gatewayclass: eg")
TRAEFIK = workload("traefik", namespace="edge")
GATEWAYS = {
    "in the gateway's namespace": (PLAIN, "infra/p"),
    "of Envoy Gateway": (ENVOY, "envoy-gateway-system/p"),
    "of Envoy Gateway, for a class": (OF_CLASS + gateway("eg"), "envoy/p"),
    "of Contour": (workload("p", namespace="infra", labels="projectcontour.io/owning-gateway-name: gw"), "infra/p"),
    "Traefik, by the class": (TRAEFIK + gateway("traefik"), "edge/traefik"),
    "another class": (TRAEFIK + gateway("cilium"), "*"),
    "of another gateway": (PLAIN.replace("gateway-name: gw", "gateway-name: other"), "*"),
    "of another namespace": (PLAIN.replace("namespace: infra", "namespace: elsewhere"), "*"),
    "Envoy Gateway itself": (workload("envoy-gateway", namespace="envoy-gateway-system") + gateway("eg"), "*"),
}


@pytest.mark.parametrize("case", GATEWAYS)
def test_gateways(case: str, tmp_path: Path) -> None:
    others, source = GATEWAYS[case]
    check(tmp_path, "gateway", WEB + others + route(), {f"{source} -> shop/web 8080/TCP"})


def test_several_gateways(tmp_path: Path) -> None:
    both = "{name: gw, namespace: infra}, {name: other, namespace: infra}"
    other = PLAIN.replace("name: p,", "name: q,").replace("gateway-name: gw", "gateway-name: other")
    wanted = {"infra/p -> shop/web 8080/TCP", "infra/q -> shop/web 8080/TCP"}
    check(tmp_path, "gateway", WEB + PLAIN + other + route(parent=both), wanted)
    check(tmp_path, "gateway", WEB + PLAIN + route(parent=both), EVERYONE)


def test_a_route_of_a_mesh(tmp_path: Path) -> None:
    out = check(tmp_path, "gateway", WEB + route(parent='{name: web, kind: Service, group: ""}'), set())
    (one,) = out.unseen
    assert one.what == "sends those who call Service web elsewhere, and who these are is not looked at"
