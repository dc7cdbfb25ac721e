"""Ingress backends: which ports, and from which controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.objects import check, service, workload

WEB = workload("web") + service("web")
TO_WEB = "{service: {name: web, port: {name: http}}}"
EVERYONE = {"* -> shop/web 8080/TCP"}


def ingress(backend: str = TO_WEB, *, spec: str = "", annotations: str = "") -> str:
    return f"""
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: i, namespace: shop, annotations: {{{annotations}}}}}
spec:
  {spec}
  rules: [{{host: shop.example, http: {{paths: [{{path: /, pathType: Prefix, backend: {backend}}}]}}}}]
"""


def ingress_class(name: str, controller: str) -> str:
    return f"""
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: {name}}}
spec: {{controller: {controller}}}
"""


NGINX = workload("ingress-nginx-controller", namespace="edge", labels="app.kubernetes.io/name: ingress-nginx")
TRAEFIK = workload("traefik", namespace="edge")
FROM_NGINX, FROM_TRAEFIK = {"edge/ingress-nginx-controller -> shop/web 8080/TCP"}, {"edge/traefik -> shop/web 8080/TCP"}

PORTS = {
    "by name": (WEB + ingress(), EVERYONE),
    "by number": (WEB + ingress("{service: {name: web, port: {number: 80}}}"), EVERYONE),
    "the default backend": (
        WEB
        + ingress(
            "{resource: {kind: Bucket, name: b}}", spec="defaultBackend: {service: {name: web, port: {number: 80}}}"
        ),
        EVERYONE,
    ),
    "the Service's own port only": (
        workload("web")
        + service("web", ports="{name: http, port: 80, targetPort: http}, {name: m, port: 9, targetPort: metrics}")
        + ingress(),
        EVERYONE,
    ),
    "nothing over UDP": (
        workload("web")
        + service(
            "web",
            ports="{name: http, port: 80, targetPort: 8080}, {name: h3, port: 80, targetPort: 8080, protocol: UDP}",
        )
        + ingress("{service: {name: web, port: {number: 80}}}"),
        EVERYONE,
    ),
    "no backend": (WEB + ingress("{}"), set()),
    "a Service of another namespace": (
        workload("web", namespace="b") + service("web", namespace="b") + ingress(),
        set(),
    ),
}


@pytest.mark.parametrize("case", PORTS)
def test_ports(case: str, tmp_path: Path) -> None:
    check(tmp_path, "ingress", *PORTS[case])


CONTROLLERS = {
    "by its label": (NGINX, "", "", FROM_NGINX),
    "by its name": (TRAEFIK, "", "", FROM_TRAEFIK),
    "by its image": (
        workload("front", namespace="edge", image="registry.example/ingress-nginx/controller:v1@sha256:0a"),
        "",
        "",
        {"edge/front -> shop/web 8080/TCP"},
    ),
    "in a namespace called ingress": (
        workload("controller", namespace="ingress", image="registry.example/x"),
        "",
        "",
        {"ingress/controller -> shop/web 8080/TCP"},
    ),
    "Contour's Envoy, not Contour": (
        workload("contour", namespace="projectcontour")
        + workload("envoy", namespace="projectcontour", kind="DaemonSet"),
        "",
        "",
        {"projectcontour/envoy -> shop/web 8080/TCP"},
    ),
    "all that there are": (NGINX + TRAEFIK, "", "", FROM_NGINX | FROM_TRAEFIK),
    "the class by its name": (NGINX + TRAEFIK, "ingressClassName: traefik", "", FROM_TRAEFIK),
    "the class by its controller": (
        NGINX + TRAEFIK + ingress_class("internal", "k8s.io/ingress-nginx"),
        "ingressClassName: internal",
        "",
        FROM_NGINX,
    ),
    "the class as an annotation": (NGINX + TRAEFIK, "", "kubernetes.io/ingress.class: nginx", FROM_NGINX),
    "a class that nobody knows": (NGINX + TRAEFIK, "ingressClassName: ours", "", FROM_NGINX | FROM_TRAEFIK),
    "a class whose controller is not seen": (NGINX, "ingressClassName: traefik", "", EVERYONE),
    "a load balancer of the cloud": (NGINX, "ingressClassName: alb", "", EVERYONE),
    "another one": (NGINX, "", "kubernetes.io/ingress.class: gce", EVERYONE),
    "on its host's network, nobody knows where": (
        workload("ingress-nginx", namespace="edge", kind="DaemonSet", spec="hostNetwork: true"),
        "",
        "",
        EVERYONE,
    ),
    "its job that makes certificates": (
        workload(
            "ingress-nginx-admission-create",
            namespace="edge",
            kind="Job",
            labels="app.kubernetes.io/name: ingress-nginx",
        ),
        "",
        "",
        EVERYONE,
    ),
    "its default backend": (
        workload("nginx-ingress-default-backend", namespace="edge", labels="app.kubernetes.io/name: ingress-nginx"),
        "",
        "",
        EVERYONE,
    ),
    "Kong's control plane": (
        workload(
            "kong-controller",
            namespace="edge",
            labels="app.kubernetes.io/name: kong",
            image="kong/kubernetes-ingress-controller:3",
        ),
        "",
        "",
        EVERYONE,
    ),
    "an image that only looks like it": (
        workload("whoami", namespace="edge", image="traefik/whoami"),
        "",
        "",
        EVERYONE,
    ),
}


@pytest.mark.parametrize("case", CONTROLLERS)
def test_controllers(case: str, tmp_path: Path) -> None:
    others, spec, annotations, wanted = CONTROLLERS[case]
    check(tmp_path, "ingress", WEB + others + ingress(spec=spec, annotations=annotations), wanted)


def test_what_is_not_in_the_input(tmp_path: Path) -> None:
    out = check(
        tmp_path, "ingress", workload("web") + NGINX + ingress(), [], ["edge/ingress-nginx-controller -> web.shop"]
    )
    assert out.questions[0].asks == "edge/ingress-nginx-controller names web.shop, a Service which is not in the input"
    alone = check(tmp_path, "ingress", workload("web") + ingress(), [])
    assert [one.what for one in alone.unseen] == ["names web.shop, a Service which is not in the input"]


def test_evidence(tmp_path: Path) -> None:
    (need,) = check(tmp_path, "ingress", WEB + ingress(), EVERYONE).needs
    (evidence,) = need.evidence
    assert evidence.about == ("Ingress", "shop", "i")
    assert evidence.path == ("spec", "rules", 0, "http", "paths", 0, "backend")
    assert evidence.says == "shop.example leads to Service web:http"
