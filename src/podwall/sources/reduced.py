"""What a snapshot keeps of an object: the fields, labels and annotations that are listed here, and no others.

Listed by name, so that a field that `api` comes to read stays out until somebody adds it here on purpose.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Iterator
from functools import cache, reduce
from operator import or_
from typing import Any

import msgspec
from msgspec import Raw, Struct

from podwall.api import core, meta, networking, policy, workloads
from podwall.api.kinds import KubernetesObject

__all__ = [
    "ANNOTATIONS",
    "LABELS",
    "fields_of",
    "is_customary",
    "is_policy",
    "keys_of_selectors",
    "permitted",
    "reduced",
]

ANNOTATIONS = ("podwall.io/",)
"""How the annotations begin that Podwall reads."""
_NEVER = "podwall.io/needs"  # what lockdown wrote a policy for, with values of env: for people, and read by nobody
LABELS = (*ANNOTATIONS, "pod-template-hash", "kubernetes.io/service-name")
"""How the labels begin that Podwall reads by name: an owner's, and those that Pods and slices find each other by."""
_SCRAPED = ("prometheus.io/scrape", "prometheus.io/port")  # whose ports `new monitoring` opens
# Others that people tell workloads apart by: kept with `--labels used` even where no selector of the input has them.
_CUSTOMARY = (*LABELS, "kubernetes.io/metadata.name", "app", "app.kubernetes.io/", "k8s-app")

_META = ("name", "generateName", "namespace", "labels", "ownerReferences")
_OBJECT = ("apiVersion", "metadata", "spec")
_FIELDS: dict[type[Struct], tuple[str, ...]] = {
    meta.OwnerReference: ("kind", "name", "controller"),
    meta.PlainMeta: _META,
    meta.ObjectMeta: (*_META, "annotations"),
    core.Namespace: ("apiVersion", "metadata"),
    core.Node: ("apiVersion", "metadata", "status"),
    core.NodeStatus: ("addresses",),
    core.Address: ("type", "address"),
    core.Pod: (*_OBJECT, "status"),
    core.PodSpec: ("containers", "initContainers", "hostNetwork", "nodeName", "dnsPolicy"),
    core.Container: ("ports", "restartPolicy"),
    core.ContainerPort: ("containerPort", "name", "protocol"),
    core.PodStatus: ("phase", "podIP", "podIPs", "hostIP", "hostIPs"),
    core.PodIP: ("ip",),
    core.Service: (*_OBJECT, "status"),
    core.ServiceSpec: (
        *("type", "selector", "ports", "clusterIP", "clusterIPs", "externalIPs", "externalName"),
        *("publishNotReadyAddresses", "externalTrafficPolicy"),
    ),
    core.ServicePort: ("port", "name", "protocol", "targetPort"),
    core.ServiceStatus: ("loadBalancer",),
    core.LoadBalancerStatus: ("ingress",),
    core.EndpointSlice: ("apiVersion", "metadata", "addressType", "endpoints", "ports"),
    core.Endpoint: ("addresses", "targetRef", "nodeName"),
    core.EndpointPort: ("name", "protocol", "port"),
    core.TargetRef: ("kind", "name", "namespace"),
    **dict.fromkeys(typing.get_args(workloads.Workload), _OBJECT),
    workloads.WorkloadSpec: ("template", "replicas", "parallelism"),
    workloads.PodTemplate: ("metadata", "spec"),
    workloads.JobTemplate: ("spec",),
    workloads.CronJobSpec: ("jobTemplate",),
    networking.NetworkPolicy: _OBJECT,
    **dict.fromkeys(typing.get_args(policy.ClusterWidePolicy), _OBJECT),
}
# Of policies the whole spec is kept: any part of it decides.
_WHOLE = (networking.__name__, policy.__name__)
_SELECTORS = (meta.LabelSelector, meta.LabelSelectorRequirement)
_POLICIES = (networking.NetworkPolicy, *typing.get_args(policy.ClusterWidePolicy))
_SELECTED = (core.Namespace, core.Node, core.Pod)  # the labels of other kinds are read by no selector


def is_policy(item: KubernetesObject) -> bool:
    """Whether an object is a policy, of a namespace or of the cluster."""
    return isinstance(item, _POLICIES)


def fields_of(kind: type[Struct]) -> tuple[str, ...]:
    """The fields that are kept of a Struct of `api`. Raises KeyError for one that nobody has decided about."""
    if kind in _FIELDS:
        return _FIELDS[kind]
    if kind.__module__ in _WHOLE or kind in _SELECTORS:
        return tuple(field.name for field in msgspec.structs.fields(kind) if field.type is not Raw)
    raise KeyError(kind)


def reduced(item: KubernetesObject, namespace: str, keep: Callable[[str], bool] | None = None) -> Struct:
    """The object with what is kept of it, ready to be encoded; `namespace` is where it is (empty: in none).

    `keep` says which labels of Pods, nodes and namespaces stay; all by default.
    """
    out: Any = msgspec.convert(item, _twin(type(item)), from_attributes=True)
    if namespace:
        out.metadata.namespace = namespace
    _cut(out.metadata, keep if isinstance(item, _SELECTED) else permitted)
    template = _template(out)
    if template is not None:
        _cut(template.metadata, keep)
    return out  # type: ignore[no-any-return]


def permitted(key: str) -> bool:
    """Whether Podwall reads a label by its name."""
    return key.startswith(LABELS)


def keys_of_selectors(objects: Iterable[KubernetesObject]) -> Iterator[str]:
    """Every label that a selector of these objects speaks of; a label may come more than once."""
    for item in objects:
        if isinstance(item, _POLICIES):
            yield from _keys(msgspec.to_builtins(item.spec))
        elif isinstance(item, core.Service) and item.spec is not None:
            yield from item.spec.selector or ()


def is_customary(key: str) -> bool:
    """Whether a label stays although no selector speaks of it."""
    return key.startswith(_CUSTOMARY)


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _keys(inner)
    elif isinstance(value, dict):
        yield from value.get("matchLabels") or ()
        yield from (requirement["key"] for requirement in value.get("matchExpressions") or ())
        for inner in value.values():
            yield from _keys(inner)


def _cut(metadata: Any, keep: Callable[[str], bool] | None) -> None:  # noqa: ANN401 - a twin
    if metadata.labels and keep is not None:
        metadata.labels = {key: value for key, value in metadata.labels.items() if keep(key)} or None
    if getattr(metadata, "annotations", None):
        kept = {k: v for k, v in metadata.annotations.items() if k.startswith(ANNOTATIONS) or k in _SCRAPED}
        kept.pop(_NEVER, None)
        metadata.annotations = kept or None


def _template(item: Any) -> Any:  # noqa: ANN401 - a twin
    spec = getattr(item, "spec", None)
    job = getattr(spec, "jobTemplate", None)
    return getattr(job.spec if job is not None else spec, "template", None)


@cache
def _twin(kind: type[Struct]) -> type[Struct]:
    """A Struct of the fields that are kept, which leaves out what has its default when it is encoded."""
    config, kept = kind.__struct_config__, fields_of(kind)
    fields = [field for field in msgspec.structs.fields(kind) if field.name in kept]
    return msgspec.defstruct(
        kind.__name__,
        [(field.name, _twinned(field.type), field.default) for field in fields],
        rename={field.name: field.encode_name for field in fields},
        tag_field=config.tag_field,
        tag=config.tag,
        omit_defaults=True,
        gc=False,
    )


def _twinned(annotation: Any) -> Any:  # noqa: ANN401 - types as values
    arguments = typing.get_args(annotation)
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return reduce(or_, map(_twinned, arguments))
    if typing.get_origin(annotation) is list:
        return list[_twinned(*arguments)]  # type: ignore[misc]
    is_struct = isinstance(annotation, type) and issubclass(annotation, Struct)
    return _twin(annotation) if is_struct else annotation
