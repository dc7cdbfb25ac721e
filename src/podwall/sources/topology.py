"""What `--with-topology` adds to a snapshot: how workloads say whom they call, and what leads to them from outside.

Plain objects, reduced to the fields that are listed here. A Secret is never read: of one, only its name can be in it,
where a container or volume refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw

from podwall.api.kinds import group_of
from podwall.errors import InvalidText
from podwall.sources.entries import Entry, entries
from podwall.sources.files import Text
from podwall.sources.reduced import ANNOTATIONS

__all__ = ["MARKS", "asked_labels", "topology"]

_Shape = dict[str, "_Shape | None"]  # the fields that are kept of a mapping, or of each in a list; None: all below

_GATEWAY, _HOOKS = "gateway.networking.k8s.io", "admissionregistration.k8s.io"
_MONITORING, _RBAC = "monitoring.coreos.com", "rbac.authorization.k8s.io"
_PROBE: _Shape = {
    "httpGet": {"host": None, "path": None, "port": None, "scheme": None},
    "tcpSocket": None,
    "grpc": None,
}
_CONTAINER: _Shape = {
    **dict.fromkeys(("name", "image", "env", "envFrom", "command", "args", "ports")),
    **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), _PROBE),
}
_META: _Shape = dict.fromkeys(("name", "generateName", "namespace", "annotations"))
_NAMED: _Shape = {"name": None, "optional": None}
_VOLUME: _Shape = {
    "configMap": _NAMED,
    "secret": {"secretName": None},
    "projected": {"sources": {"configMap": _NAMED, "secret": _NAMED, "serviceAccountToken": {"audience": None}}},
}
_POD: _Shape = {
    "containers": _CONTAINER,
    "initContainers": _CONTAINER,
    "volumes": _VOLUME,
    **dict.fromkeys(("serviceAccountName", "automountServiceAccountToken", "hostNetwork")),
}
_TEMPLATE: _Shape = {"template": {"metadata": _META, "spec": _POD}, "selector": None, "serviceName": None}
_WHOLE: _Shape = {"spec": None}
_CALLED: _Shape = {"clientConfig": {"service": None}}
_MONITOR: _Shape = dict.fromkeys(("port", "targetPort", "portNumber"))
_BINDING: _Shape = {
    "subjects": dict.fromkeys(("kind", "name", "namespace")),
    "roleRef": dict.fromkeys(("kind", "name")),
}
_KINDS: dict[tuple[str, str], _Shape] = {
    ("", "ConfigMap"): {"data": None},
    ("", "Namespace"): {},
    ("", "Pod"): {"spec": _POD},
    ("", "ReplicationController"): {"spec": _TEMPLATE},
    ("", "Service"): {"metadata": {**_META, "labels": None}},
    ("", "ServiceAccount"): {"automountServiceAccountToken": None},
    **{("apps", kind): {"spec": _TEMPLATE} for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")},
    ("batch", "CronJob"): {"spec": {"jobTemplate": {"spec": _TEMPLATE}}},
    ("batch", "Job"): {"spec": _TEMPLATE},
    ("networking.k8s.io", "Ingress"): _WHOLE,
    ("networking.k8s.io", "IngressClass"): {"spec": {"controller": None}},
    **{(_GATEWAY, kind): _WHOLE for kind in ("Gateway", "GRPCRoute", "HTTPRoute", "TCPRoute", "TLSRoute", "UDPRoute")},
    (_HOOKS, "MutatingWebhookConfiguration"): {"webhooks": {"name": None, **_CALLED}},
    (_HOOKS, "ValidatingWebhookConfiguration"): {"webhooks": {"name": None, **_CALLED}},
    ("apiextensions.k8s.io", "CustomResourceDefinition"): {"spec": {"conversion": {"webhook": _CALLED}}},
    ("apiregistration.k8s.io", "APIService"): {"spec": {"service": None}},
    (_MONITORING, "PodMonitor"): {
        "spec": {"selector": None, "namespaceSelector": None, "podMetricsEndpoints": _MONITOR}
    },
    (_MONITORING, "ServiceMonitor"): {"spec": {"selector": None, "namespaceSelector": None, "endpoints": _MONITOR}},
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    (_RBAC, "RoleBinding"): _BINDING,
}
# Left out where nothing is left of them but their names.
_SPARSE = frozenset({"APIService", "CustomResourceDefinition", "Namespace", "Service", "ServiceAccount"})
_READ = (
    *ANNOTATIONS,
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "kubernetes.io/ingress.class",
    "linkerd.io/inject",
    "prometheus.io/",
    "prometheus.istio.io/merge-metrics",
    "sidecar.istio.io/inject",
)
MARKS = (
    "azure.workload.identity/use",
    "component",
    "gateway.envoyproxy.io/owning-gateway-name",
    "gateway.envoyproxy.io/owning-gateway-namespace",
    "gateway.envoyproxy.io/owning-gatewayclass",
    "gateway.networking.k8s.io/gateway-name",
    "istio-injection",
    "istio.io/dataplane-mode",
    "istio.io/rev",
    "linkerd.io/control-plane-component",
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "projectcontour.io/owning-gateway-name",
    "sidecar.istio.io/inject",
)
"""The labels by which needs are found, beside those that people tell workloads apart by."""

Object = dict[str, Any]


def topology(old: Iterable[Raw], texts: Iterable[Text], namespace: str) -> tuple[Raw, ...]:
    """What the snapshots that were read and these texts say, reduced, as sorted JSON; `namespace` as in D12.

    Of two objects of one name a text's stands, and of several the last one.
    """
    held = {_key(found): found for found in (*map(_decoded, old), *_of_texts(texts, namespace))}
    asked = frozenset(_asked(held.values(), "ServiceMonitor"))
    kept = (_cut(found, asked) for found in held.values())
    return tuple(sorted((Raw(_encoded(found)) for found in kept if not _tells_nothing(found)), key=bytes))


def asked_labels(topology: Iterable[Raw]) -> Iterator[str]:
    """The labels of Pods that monitors among these objects speak of; one may come more than once."""
    yield from _asked(map(_decoded, topology), "PodMonitor")


def _decoded(raw: Raw) -> Object:
    found: Object = msgspec.json.decode(raw)
    return found


def _encoded(found: Object) -> bytes:
    return msgspec.json.encode(found, order="deterministic")


def _key(found: Object) -> tuple[str, str, str, str]:
    meta = found["metadata"]
    name = meta.get("name") or meta.get("generateName") or ""
    return group_of(str(found["apiVersion"])), str(found["kind"]), str(meta.get("namespace")), str(name)


def _asked(objects: Iterable[Object], kind: str) -> Iterator[str]:
    """The labels that the selectors of monitors speak of."""
    for found in objects:
        spec = found.get("spec") if found["kind"] == kind else None
        selector = spec.get("selector") if isinstance(spec, dict) else None
        if isinstance(selector, dict):
            yield from _keys(selector)


def _keys(selector: Object) -> Iterator[str]:
    plain, several = selector.get("matchLabels"), selector.get("matchExpressions")
    yield from plain if isinstance(plain, dict) else ()
    found = [one for one in several if isinstance(one, dict)] if isinstance(several, list) else []
    yield from (one["key"] for one in found if isinstance(one.get("key"), str))


def _cut(found: Object, asked: frozenset[str]) -> Object:
    """Of a Service's labels only those by which monitors select; those of Pods are with the Pods themselves."""
    meta = dict(found["metadata"])
    labels = meta.pop("labels", None)
    if isinstance(labels, dict):
        kept = {key: value for key, value in labels.items() if key in asked}
        meta |= {"labels": kept} if kept else {}
    return {**found, "metadata": meta}


def _tells_nothing(found: Object) -> bool:
    meta = found["metadata"]
    told = {key: value for key, value in found.items() if key not in ("apiVersion", "kind", "metadata")}
    return found["kind"] in _SPARSE and not (_has_any(told) or meta.get("labels") or meta.get("annotations"))


def _has_any(value: object) -> bool:
    return any(map(_has_any, value.values())) if isinstance(value, dict) else value is not None


def _of_texts(texts: Iterable[Text], namespace: str) -> Iterator[Object]:
    for text in texts:
        for entry in _entries(text):
            found = _reduced(entry, namespace)
            if found is not None:
                yield found


def _entries(text: Text) -> Iterator[Entry]:
    refused: list[InvalidText] = []  # said already, when the text was read for its policies
    yield from entries(Text(text.name, text.reread()), refused)


def _reduced(entry: Entry, namespace: str) -> Object | None:
    value = entry.plain()
    if not isinstance(value, dict):
        return None
    kind, version = value.get("kind", entry.default.kind), value.get("apiVersion", entry.default.apiVersion)
    shape = _KINDS.get((group_of(str(version)), str(kind)))
    if shape is None:
        return None
    found = _kept(value, {"metadata": _META, **shape})
    metadata = found.get("metadata")
    found["metadata"] = {"namespace": namespace, **(metadata if isinstance(metadata, dict) else {})}
    return {**found, "apiVersion": version, "kind": kind}


def _kept(value: dict[str, object], shape: _Shape) -> dict[str, object]:
    out: dict[str, object] = {}
    for name, below in shape.items():
        found = value.get(name)
        if name == "annotations" and isinstance(found, dict):
            out[name] = {key: said for key, said in found.items() if key.startswith(_READ)}
        elif below is None and found is not None:
            out[name] = found
        elif isinstance(found, dict):
            out[name] = _kept(found, below or {})
        elif isinstance(found, list):
            out[name] = [_kept(one, below or {}) for one in found if isinstance(one, dict)]
    return out
