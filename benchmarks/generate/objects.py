"""Kubernetes objects as a cluster prints them, for generated clusters."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

__all__ = [
    "Object",
    "Workload",
    "filled",
    "ipv4",
    "make_namespace",
    "make_pod",
    "make_policy",
    "namespace_name",
    "pod_name",
    "pods_in",
]

Object = dict[str, Any]

NAME_LABEL = "kubernetes.io/metadata.name"
TEMPLATE_HASH = "6c9f7d8b5d"


class Workload(msgspec.Struct, frozen=True):
    """What the pods of one ReplicaSet share. `ports` are (name, number, protocol)."""

    namespace: str
    name: str
    labels: dict[str, str]
    ports: tuple[tuple[str, int, str], ...]


def make_namespace(name: str, **labels: str) -> Object:
    """A Namespace with these labels and the one that the API server adds (N21)."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": {NAME_LABEL: name, **labels}, "name": name}}


def make_pod(workload: Workload, replica: int, number: int) -> Object:
    """A running pod as `kubectl get` has it; `number` counts the cluster's pods and gives its addresses."""
    owner = f"{workload.name}-{TEMPLATE_HASH}"
    ports = [{"containerPort": port, "name": name, "protocol": protocol} for name, port, protocol in workload.ports]
    address = ipv4(10, number + 256)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "labels": workload.labels,
            "name": pod_name(workload.name, replica),
            "namespace": workload.namespace,
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "blockOwnerDeletion": True,
                    "controller": True,
                    "kind": "ReplicaSet",
                    "name": owner,
                    "uid": _uid(f"{workload.namespace}/{owner}"),
                }
            ],
        },
        "spec": {
            "containers": [{"image": f"registry.example/{workload.name}:1.4.2", "name": "main", "ports": ports}],
            "nodeName": f"node-{number // 100:05d}",
        },
        "status": {
            "hostIP": ipv4(172, (16 << 16) + number // 100 + 1),
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
        },
    }


def namespace_name(number: int) -> str:
    """The name of the namespace of this number."""
    return f"team-{number:04d}"


def pod_name(workload: str, replica: int) -> str:
    """The name of one pod of a workload."""
    return f"{workload}-{TEMPLATE_HASH}-{replica:05d}"


def ipv4(first: int, rest: int) -> str:
    """The address with this first byte and these other three."""
    return f"{first}.{rest >> 16 & 255}.{rest >> 8 & 255}.{rest & 255}"


def _uid(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}-0000-4000-8000-{zlib.adler32(text.encode()):012x}"


def make_policy(namespace: str, name: str, subject: Object, **rules: list[Object] | None) -> Object:
    """A NetworkPolicy for the directions given as `ingress=` and `egress=`; None denies a direction without rules."""
    spec: Object = {"podSelector": subject, "policyTypes": [direction.capitalize() for direction in rules]}
    spec |= {direction: entries for direction, entries in rules.items() if entries is not None}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def pods_in(namespace: str, selector: Object) -> Object:
    """The peer: pods of this selector in one namespace."""
    return {"namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}}, "podSelector": selector}


def filled(pod: Object) -> Object:
    """The pod with what Podwall does not read and a real dump is full of: about 3 KB as compact JSON."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod["status"]
    uid = _uid(f"{metadata['namespace']}/{metadata['name']}")
    metadata |= {
        "annotations": {
            "checksum/config": zlib.crc32(uid.encode()).to_bytes(4, "big").hex() * 8,
            "cni.example/network-status": f'[{{"default":true,"interface":"eth0","ips":["{status["podIP"]}"]}}]',
            "prometheus.io/path": "/metrics",
            "prometheus.io/scrape": "true",
        },
        "creationTimestamp": "2025-03-04T05:06:07Z",
        "generateName": metadata["name"][:-5],
        "managedFields": [
            {
                "apiVersion": "v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:metadata": {"f:labels": {f"f:{key}": {} for key in sorted(metadata["labels"])}}},
                "manager": "kubelet",
            }
        ],
        "resourceVersion": str(zlib.crc32(uid.encode())),
        "uid": uid,
    }
    spec["containers"] = [container | _container_rest() for container in spec["containers"]]
    pod["spec"] = spec | _spec_rest()
    pod["status"] = status | _status_rest(status["hostIP"])
    return pod


def _container_rest() -> Object:
    secret = {"valueFrom": {"secretKeyRef": {"key": "password", "name": "database"}}}
    return {
        "env": [
            *({"name": f"SERVICE_{n}_URL", "value": f"http://service-{n}.example.com:8080"} for n in range(4)),
            {"name": "DATABASE_PASSWORD", **secret},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http", "scheme": "HTTP"}, "periodSeconds": 5},
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "runAsNonRoot": True},
        "volumeMounts": [
            {"mountPath": "/etc/app", "name": "config", "readOnly": True},
            {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "token", "readOnly": True},
        ],
    }


def _spec_rest() -> Object:
    token = [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]
    return {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "serviceAccountName": "default",
        "terminationGracePeriodSeconds": 30,
        "volumes": [
            {"configMap": {"defaultMode": 420, "name": "app"}, "name": "config"},
            {"name": "token", "projected": {"defaultMode": 420, "sources": token}},
        ],
    }


def _status_rest(host: str) -> Object:
    since = "2025-03-04T05:06:09Z"
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "conditions": [
            {"lastProbeTime": None, "lastTransitionTime": since, "status": "True", "type": kind} for kind in kinds
        ],
        "containerStatuses": [
            {
                "image": "registry.example/app:1.4.2",
                "imageID": f"registry.example/app@sha256:{'5e' * 32}",
                "name": "main",
                "ready": True,
                "restartCount": 0,
                "started": True,
                "state": {"running": {"startedAt": since}},
            }
        ],
        "hostIPs": [{"ip": host}],
        "qosClass": "Burstable",
        "startTime": since,
    }
