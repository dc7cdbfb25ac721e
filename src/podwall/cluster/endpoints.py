"""Endpoints: what can open or accept a connection. Here Pods and templates become endpoints.

An endpoint is a Pod, or a workload where no unfinished Pod of it is in the input (interface.md, "Endpoints"). Which
Pods are shown as one is decided by the engine, because it depends on what the rules can tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from podwall.api.core import Container, ContainerPort, Pod, PodIP, PodSpec, PodStatus
from podwall.api.meta import ObjectMeta, PlainMeta
from podwall.api.workloads import CronJob, DaemonSet, Job, Workload, WorkloadSpec
from podwall.cluster.objects import Bucket, Cluster, kind_of, name_of

__all__ = [
    "Controller",
    "Endpoint",
    "PortName",
    "container_ports",
    "endpoints_of",
    "finished",
    "pod_spec",
    "template_meta",
]

# A ReplicaSet of a Deployment is named after the pod template's hash, spelled in Kubernetes' "safe" letters.
_HASH_SUFFIX = re.compile(r"-[bcdf2456789ghjklmnpqrstvwxz]{6,10}$")


class Controller(Struct, frozen=True, gc=False, order=True):
    """The topmost controller of a Pod that is known."""

    kind: str
    name: str


class PortName(Struct, frozen=True, gc=False, order=True):
    """A container port that has a name (N13)."""

    name: str
    protocol: str
    number: int


class Endpoint(Struct, frozen=True, gc=False):
    """One end of connections.

    `kind` is Pod, a workload's kind, Node, External or Domain. `addresses` holds at most one of each family for a Pod,
    IPv4 first; `ports` are in the order of the containers. `controller` of a workload is itself; `many` says that it
    stands for, or has, more than one replica (D5). `assumed` says that the addresses were allotted (D2). `host_labels`
    are the labels of a host-network Pod's node, None where that is not known.
    """

    kind: str
    namespace: str
    name: str
    labels: dict[str, str]
    addresses: tuple[str, ...] = ()
    ports: tuple[PortName, ...] = ()
    host_network: bool = False
    host_labels: dict[str, str] | None = None
    node: str | None = None
    controller: Controller | None = None
    replicas: int = 1
    many: bool = False
    assumed: bool = False


def finished(pod: Pod) -> bool:
    """Whether the Pod has no traffic any more and its address may be another's (N18, D10)."""
    return pod.status is not None and pod.status.phase in ("Succeeded", "Failed")


def endpoints_of(cluster: Cluster) -> Iterator[Endpoint]:
    """Every endpoint of the cluster, by namespace; addresses only where the input has them."""
    hosts = _host_labels(cluster)
    for bucket in cluster.namespaces.values():
        yield from _bucket_endpoints(bucket, hosts)


def _host_labels(cluster: Cluster) -> dict[str, dict[str, str]]:
    """The labels of every node, by its name and by each of its addresses."""
    out: dict[str, dict[str, str]] = {}
    for located in cluster.nodes:
        node = located.object
        labels = node.metadata.labels or {}
        out[name_of(node.metadata)] = labels
        for address in (node.status.addresses if node.status else None) or ():
            out[address.address] = labels
    return out


def _bucket_endpoints(bucket: Bucket, hosts: Mapping[str, dict[str, str]]) -> Iterator[Endpoint]:
    owners = _Owners(bucket)
    seen: set[Controller] = set()
    for pod in bucket.pods:
        if not finished(pod.object):
            endpoint = _pod_endpoint(pod.object, bucket.name, owners, hosts)
            if endpoint.controller is not None:
                seen.add(endpoint.controller)
            yield endpoint
    for workload, itself in owners.standing_for_themselves():
        if itself not in seen:
            yield _workload_endpoint(workload, bucket.name, itself)


class _Owners:
    """Controllers of one namespace: chains of owners resolved to the topmost one known."""

    def __init__(self, bucket: Bucket) -> None:
        self._workloads: dict[Controller, Workload] = {
            Controller(kind_of(w.object), name_of(w.object.metadata)): w.object for w in bucket.workloads
        }
        self._memo: dict[tuple[Controller, str | None], Controller] = {}

    def top(self, meta: PlainMeta) -> Controller | None:
        """The topmost controller of an object with this metadata."""
        owner = _controller_of(meta)
        if owner is None:
            return None
        key = (owner, (meta.labels or {}).get("pod-template-hash"))
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._climb(*key)
        return found

    def _climb(self, controller: Controller, template_hash: str | None) -> Controller:
        passed = [controller]
        while (known := self._workloads.get(controller)) is not None:
            owner = _controller_of(known.metadata)
            if owner is None:
                return controller
            if owner in passed:  # owners in a circle: garbage, but the same for every order of the input
                return min(passed)
            template_hash = (known.metadata.labels or {}).get("pod-template-hash")
            controller = owner
            passed.append(owner)
        return _deployment_of(controller, template_hash)

    def replicas(self, controller: Controller) -> int | None:
        """How many replicas its object asks for; None where the input does not say."""
        workload = self._workloads.get(controller)
        return None if workload is None else replicas_of(workload)

    def standing_for_themselves(self) -> Iterator[tuple[Workload, Controller]]:
        """One workload for each topmost controller: itself, else the largest of those that it made."""
        chosen: dict[Controller, tuple[tuple[bool, int, str], Workload]] = {}
        for itself, workload in sorted(self._workloads.items()):
            top = self.top(workload.metadata) or itself
            rank = (top == itself, replicas_of(workload), itself.name)
            if top not in chosen or chosen[top][0] < rank:
                chosen[top] = (rank, workload)
        for controller, (_, workload) in sorted(chosen.items(), key=lambda item: item[0]):
            yield workload, controller


def _controller_of(meta: PlainMeta) -> Controller | None:
    for owner in meta.ownerReferences or ():
        if owner.controller and owner.kind != "Node":  # a static Pod's owner is its node
            return Controller(owner.kind, owner.name)
    return None


def _deployment_of(controller: Controller, template_hash: str | None) -> Controller:
    """The Deployment of a ReplicaSet that is not in the input, by its name."""
    if controller.kind != "ReplicaSet":
        return controller
    if template_hash and controller.name.endswith(f"-{template_hash}"):
        return Controller("Deployment", controller.name[: -len(template_hash) - 1])
    base = _HASH_SUFFIX.sub("", controller.name)
    return Controller("Deployment", base) if base and base != controller.name else controller


def _spec(workload: Workload) -> WorkloadSpec:
    if isinstance(workload, CronJob):
        job = workload.spec.jobTemplate if workload.spec else None
        return (job.spec if job else None) or WorkloadSpec()
    return workload.spec or WorkloadSpec()


def replicas_of(workload: Workload) -> int:
    """The replicas that a workload asks for, 1 unless it says otherwise; a DaemonSet's are unknown, so 0."""
    spec = _spec(workload)
    match workload:
        case DaemonSet():
            return 0
        case Job() | CronJob():
            count = spec.parallelism
        case _:
            count = spec.replicas
    return 1 if count is None else count


def _pod_endpoint(pod: Pod, namespace: str, owners: _Owners, hosts: Mapping[str, dict[str, str]]) -> Endpoint:
    spec, status = pod.spec or PodSpec(), pod.status or PodStatus()
    node = spec.nodeName or status.hostIP
    controller = owners.top(pod.metadata)
    return Endpoint(
        kind="Pod",
        namespace=namespace,
        name=name_of(pod.metadata),
        labels=pod.metadata.labels or {},
        addresses=_pod_addresses(status, host_network=bool(spec.hostNetwork)),
        ports=_port_names(spec),
        host_network=bool(spec.hostNetwork),
        host_labels=hosts.get(node, {}) if spec.hostNetwork and node else None,
        node=node,
        controller=controller,
        many=controller is not None and owners.replicas(controller) not in (None, 1),
    )


def _workload_endpoint(workload: Workload, namespace: str, controller: Controller) -> Endpoint:
    template = _spec(workload).template
    spec = pod_spec(workload)
    replicas = replicas_of(workload)
    return Endpoint(
        kind=controller.kind,
        namespace=namespace,
        name=controller.name,
        labels=(template.metadata.labels if template else None) or {},
        ports=_port_names(spec),
        host_network=bool(spec.hostNetwork),
        controller=controller,
        replicas=replicas,
        many=replicas != 1,
    )


def _pod_addresses(status: PodStatus, *, host_network: bool) -> tuple[str, ...]:
    addresses = _listed(status.podIPs, status.podIP)
    if host_network and not addresses:  # a host-network Pod's address is its node's (D3)
        addresses = _listed(status.hostIPs, status.hostIP)
    return tuple(sorted(addresses, key=lambda a: ":" in a)) if len(addresses) > 1 else tuple(addresses)


def _listed(several: list[PodIP] | None, first: str | None) -> list[str]:
    return [ip.ip for ip in several or () if ip.ip] or ([first] if first else [])


def _port_names(spec: PodSpec) -> tuple[PortName, ...]:
    """The named ports of app and sidecar containers, in that order; a name may stand for several numbers (N13)."""
    found = (
        PortName(port.name, port.protocol or "TCP", port.containerPort) for port in container_ports(spec) if port.name
    )
    return tuple(dict.fromkeys(found))


def pod_spec(item: Pod | Workload) -> PodSpec:
    """The spec of a Pod, or of the Pods that a workload makes."""
    if isinstance(item, Pod):
        return item.spec or PodSpec()
    template = _spec(item).template
    return (template.spec if template else None) or PodSpec()


def template_meta(workload: Workload) -> ObjectMeta:
    """The metadata of the Pods that a workload makes."""
    template = _spec(workload).template
    return template.metadata if template else ObjectMeta()


def container_ports(spec: PodSpec) -> Iterator[ContainerPort]:
    """The ports that app and sidecar containers declare, named or not; informational to Kubernetes."""
    for container in _lasting(spec):
        yield from container.ports or ()


def _lasting(spec: PodSpec) -> Iterable[Container]:
    yield from spec.containers or ()
    for container in spec.initContainers or ():
        if container.restartPolicy == "Always":
            yield container
