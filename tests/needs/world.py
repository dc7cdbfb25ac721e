"""A small application for tables: `web` is what a case makes of it, everybody else is there to be named."""

from __future__ import annotations

import json
from typing import Any

from podwall.needs.need import Found
from tests.needs.found import found

TEXTS = ("arguments", "configuration", "environment", "unread")
_HEADLESS = {"clusterIP": "None"}


def workload(name: str, kind: str = "Deployment", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A workload; `spec` is its PodSpec, with one container that does nothing unless it says otherwise."""
    pod = {"containers": [{"name": "main"}], **spec}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    inner: dict[str, Any] = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if kind == "StatefulSet":
        inner["serviceName"] = name
    if kind in ("Job", "CronJob"):
        inner = {"template": template}
    if kind == "CronJob":
        inner = {"schedule": "@daily", "jobTemplate": {"spec": inner}}
    version = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": inner}


def service(name: str, *ports: int, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A Service in front of the workload of its name."""
    listed = [{"name": f"p{port}", "port": port} for port in ports]
    meta = {"name": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": {"app": name}, "ports": listed, **spec},
    }


def config(name: str, data: dict[str, str], namespace: str = "shop") -> dict[str, Any]:
    """A ConfigMap."""
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


OTHERS = (
    service("web", 80),
    *(part for name in ("cart", "api", "redis", "smtp") for part in (workload(name),)),
    service("cart", 7070),
    service("api", 8080, clusterIP="10.96.7.7"),
    service("redis", 6379),
    service("smtp", 25, 587),
    workload("db", "StatefulSet"),
    service("db", 5432, **_HEADLESS),
    workload("kafka", "StatefulSet"),
    service("kafka", 9092, 9093, **_HEADLESS),
    workload("mongo", "StatefulSet"),
    service("mongo", 27017, **_HEADLESS),
    workload("pg", namespace="data"),
    service("pg", 5432, namespace="data"),
    service("kube-dns", 53, namespace="kube-system", clusterIP="10.96.0.10"),
    service("legacy", type="ExternalName", externalName="db.legacy.example.com", selector=None),
    service("alias", type="ExternalName", externalName="pg.data.svc.cluster.local", selector=None),
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"rules": [{"host": "shop.example.com"}, {"host": "*.apps.example.com"}]},
    },
)


def seen(*objects: dict[str, Any], **spec: Any) -> Found:
    """What is found in texts where `web` has this PodSpec, beside others and more objects."""
    items = [*OTHERS, workload("web", **spec), *objects]
    return found(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), only=TEXTS)


def container(**fields: Any) -> list[dict[str, Any]]:
    """A pod's only container."""
    return [{"name": "main", **fields}]


def env(**values: str) -> list[dict[str, str]]:
    """Variables, with `.` and `-` in their names written as in YAML."""
    return [{"name": name, "value": value} for name, value in values.items()]
