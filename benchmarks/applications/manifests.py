"""Worlds and sheets as Kubernetes objects, and objects as files in random styles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

import yaml

from benchmarks.applications.application import Object
from benchmarks.applications.sheet import Sheet
from benchmarks.applications.world import Service

__all__ = ["api_server", "as_texts", "cluster_dns", "namespace", "service_object", "workload_objects"]

_HOOKS = ("pre-install", "post-install,post-upgrade", "pre-upgrade")


def namespace(name: str) -> Object:
    """A Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def workload_objects(sheet: Sheet) -> Iterator[Object]:
    """A workload as its controller or Pod, with the objects that it refers to."""
    one, rng = sheet.workload, sheet.rng
    spec: Object = {"containers": sheet.containers}
    if sheet.init:
        spec["initContainers"] = sheet.init
    if sheet.account:
        spec["serviceAccountName"] = sheet.account
    if sheet.volumes:
        spec["volumes"] = sheet.volumes
    meta: Object = {"labels": one.labels}
    if sheet.annotations:
        meta["annotations"] = sheet.annotations
    whole: Object = {"name": one.name, "namespace": one.namespace}
    version = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}.get(one.kind, "apps/v1")
    if one.kind == "Pod":
        yield {"apiVersion": version, "kind": one.kind, "metadata": {**whole, **meta}, "spec": spec}
    else:
        if rng.random() < 0.5:
            whole["labels"] = dict(one.labels)
        if one.kind == "Job" and rng.random() < 0.5:
            whole["annotations"] = {"helm.sh/hook": rng.choice(_HOOKS), "helm.sh/hook-weight": "-5"}
        inner = {"metadata": meta, "spec": spec}
        yield {"apiVersion": version, "kind": one.kind, "metadata": whole, "spec": _controller(sheet, inner)}
    yield from sheet.extra


def _controller(sheet: Sheet, template: Object) -> Object:
    one = sheet.workload
    if one.kind in ("Job", "CronJob"):
        template["spec"]["restartPolicy"] = "Never"
        job = {"template": template}
        return job if one.kind == "Job" else {"schedule": "15 3 * * *", "jobTemplate": {"spec": job}}
    spec: Object = {"selector": {"matchLabels": one.selector}, "template": template}
    if one.kind != "DaemonSet":
        spec["replicas"] = one.replicas
    if one.governing:
        spec["serviceName"] = one.governing
    return spec


def service_object(service: Service) -> Object:
    """A Service."""
    ports = [
        {
            **({"name": p.name} if p.name else {}),
            "port": p.number,
            **({"targetPort": p.target} if p.target != p.number else {}),
            **({"protocol": p.protocol} if p.protocol != "TCP" else {}),
        }
        for p in service.ports
    ]
    spec: Object = {"selector": service.selector, "ports": ports}
    if service.type != "ClusterIP":
        spec["type"] = service.type
    if service.address:
        spec["clusterIP"] = service.address
    meta: Object = {"name": service.name, "namespace": service.namespace}
    if service.labels:
        meta["labels"] = service.labels
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def cluster_dns() -> list[Object]:
    """CoreDNS as installers set it up."""
    labels, system = {"k8s-app": "kube-dns"}, "kube-system"
    ports = [
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
    ]
    container = {"name": "coredns", "image": "registry.example/coredns:1.11.3", "ports": ports}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], "dnsPolicy": "Default"}}
    fronts = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"},
    ]
    return [
        namespace(system),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "coredns", "namespace": system, "labels": labels},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": system, "labels": labels},
            "spec": {"clusterIP": "10.96.0.10", "selector": labels, "ports": fronts},
        },
    ]


def api_server(rng: Random) -> list[Object]:
    """What tells where the API server is: its Service with an EndpointSlice, or a node of the control plane."""
    if rng.random() < 0.5:
        addresses = [{"type": "InternalIP", "address": "172.18.0.2"}]
        meta = {"name": "control-plane", "labels": {"node-role.kubernetes.io/control-plane": ""}}
        return [{"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": {"addresses": addresses}}]
    service: Object = {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]}
    meta = {"name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"}}
    return [
        namespace("default"),
        {"apiVersion": "v1", "kind": "Service", "metadata": {**meta, "labels": {}}, "spec": service},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": meta,
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["172.18.0.2"]}],
            "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
        },
    ]


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as people write them."""

    def ignore_aliases(self, _: object) -> bool:
        return True


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represented)


def as_texts(rng: Random, objects: list[Object]) -> dict[str, bytes]:
    """The objects in files: one, one each, or some; as YAML, JSON or a list."""
    few = rng.choice((1, 1, 3, len(objects)))
    parts: dict[int, list[Object]] = {}
    for item in objects:
        parts.setdefault(rng.randrange(few), []).append(item)
    return dict(_text(rng, number, found) for number, found in sorted(parts.items()))


def _text(rng: Random, number: int, found: list[Object]) -> tuple[str, bytes]:
    sort = rng.choice(("yaml", "yaml", "yaml", "json"))
    if sort == "json":
        whole = found[0] if len(found) == 1 else {"apiVersion": "v1", "kind": "List", "items": found}
        return f"part-{number:03d}.json", json.dumps(whole, indent=rng.choice((None, 2, 4))).encode() + b"\n"
    documents = []
    for item in found:
        remark = b"# talks to http://cart:80 and db:5432, but that is only a remark\n" if rng.random() < 0.1 else b""
        documents.append(remark + yaml.dump(item, Dumper=_Dumper, sort_keys=False, width=1000).encode())
    return f"part-{number:03d}.yaml", b"---\n".join(documents)
