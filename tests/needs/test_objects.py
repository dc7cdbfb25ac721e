"""What the finders that read objects find: cases by finder, each with what must not be found beside what must."""

from __future__ import annotations

import pytest

from podwall.needs.registry import all_finders
from tests.needs.objects import found, needs, questions

CASES: list[tuple[str, str, str, set[str], set[str]]] = []


def case(finder: str, name: str, text: str, wanted: set[str], asked: set[str] | None = None) -> None:
    CASES.append((finder, name, text, wanted, asked or set()))


def deployment(name: str, namespace: str = "shop", extra: str = "", meta: str = "", kind: str = "Deployment") -> str:
    """A workload whose pods listen at 8080 (http) and 9100 (metrics)."""
    return f"""
---
apiVersion: {"batch/v1" if kind == "Job" else "apps/v1"}
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}{meta}}}
    spec:
      {extra}
      containers:
      - name: c
        image: registry.example/{name}:1
        ports: [{{name: http, containerPort: 8080}}, {{name: metrics, containerPort: 9100}}]
"""


def service(
    name: str, spec: str = "", namespace: str = "shop", ports: str = "{name: http, port: 80, targetPort: http}"
) -> str:
    return f"""
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  selector: {{app: {name}}}
  ports: [{ports}]
  {spec}
"""


WEB = deployment("web") + service("web")


def ingress(backend: str, spec: str = "", meta: str = "") -> str:
    return f"""
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: i, namespace: shop{meta}}}
spec:
  {spec}
  rules: [{{host: shop.example, http: {{paths: [{{path: /, pathType: Prefix, backend: {backend}}}]}}}}]
"""


TO_WEB = "{service: {name: web, port: {name: http}}}"
NGINX = deployment("ingress-nginx-controller", "edge").replace(
    "labels: {app: ingress-nginx-controller}",
    "labels: {app: ingress-nginx-controller, app.kubernetes.io/name: ingress-nginx}",
)
TRAEFIK = deployment("traefik", "edge")

case("ingress", "nobody in the input serves it", WEB + ingress(TO_WEB), {"* -> shop/web 8080/TCP"})
case(
    "ingress",
    "by the port's number",
    WEB + ingress("{service: {name: web, port: {number: 80}}}"),
    {"* -> shop/web 8080/TCP"},
)
case("ingress", "the controller", WEB + NGINX + ingress(TO_WEB), {"edge/ingress-nginx-controller -> shop/web 8080/TCP"})


@pytest.mark.parametrize(("finder", "name", "text", "wanted", "asked"), CASES, ids=[f"{c[0]}: {c[1]}" for c in CASES])
def test_found(finder: str, name: str, text: str, wanted: set[str], asked: set[str]) -> None:
    chosen = next(one for one in all_finders() if one.name == finder)
    out = found(text, chosen)
    assert (needs(out.needs), questions(out.questions)) == (wanted, asked)
