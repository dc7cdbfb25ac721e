"""Kubernetes objects read into plain ends (pods, nodes), services and policies, for the oracle alone.

Input is decoded YAML or JSON: dicts, lists, strings, numbers. Nothing here decides a verdict.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Object = dict[str, Any]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Key = tuple[str, str, str]  # namespace, kind, name

TIER_KINDS = ("ClusterNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy")
CLUSTER_SCOPED = {"Namespace", "Node", *TIER_KINDS}
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")
NAME_LABEL = "kubernetes.io/metadata.name"
HASH = re.compile(r"[bcdf2456789ghjklmnpqrstvwxz]{6,10}")  # what a Deployment appends to its ReplicaSets' names


class OracleError(Exception):
    """The question or the input has no answer: unknown, ambiguous or finished reference, no common family …"""


class Undecided(OracleError):
    """The design does not say which replica stands for the workload here: a random test should skip the question."""


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod (or a workload standing for its pods), a node, or an external address."""

    kind: str  # "pod", "node", "external", or "domain" for a name that no address is known of
    name: str  # unique: "ns/Pod/name", "ns/Deployment/name", "node/NAME", the address or the domain name
    addresses: tuple[Address, ...] = ()
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[tuple[str, int, str], ...] = ()  # name, number, protocol
    node: str | None = None  # a node's own name; a pod's node
    node_addresses: tuple[Address, ...] = ()  # a pod's hostIPs
    host: bool = False  # hostNetwork
    several: bool = False  # a workload with replicas != 1 (D5)

    @property
    def plain(self) -> bool:
        """True if the policy layer sees this end as a pod: host-network pods count as their node (D3, D19)."""
        return self.kind == "pod" and not self.host

    def address(self, family: int) -> Address | None:
        """The end's (first) address of a family, 4 or 6."""
        return next((a for a in self.addresses if a.version == family), None)

    def has(self, family: int) -> bool:
        """True if the end can be reached in a family; of a domain name, nobody knows that it cannot."""
        return self.kind == "domain" or self.address(family) is not None


@dataclass
class Picture:
    """All that the objects say."""

    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    pods: dict[tuple[str, str], End] = field(default_factory=dict)
    finished: set[tuple[str, str]] = field(default_factory=set)
    groups: dict[Key, list[tuple[str, str]]] = field(default_factory=dict)  # workload: its unfinished Pods
    bare: dict[Key, End] = field(default_factory=dict)  # workload without one: the end that stands for its replicas
    several: dict[Key, bool] = field(default_factory=dict)
    nodes: dict[str, End] = field(default_factory=dict)
    services: dict[tuple[str, str], Object] = field(default_factory=dict)
    slices: list[Object] = field(default_factory=list)
    policies: list[Object] = field(default_factory=list)
    tier_policies: list[Object] = field(default_factory=list)
    resolutions: dict[str, tuple[Network, ...]] = field(default_factory=dict)  # what names are known to mean (C12)

    def ends(self) -> list[End]:
        """Every pod, and every workload that stands for pods which are not in the input."""
        return [*self.pods.values(), *self.bare.values()]

    def members(self, key: Key) -> list[End]:
        """The ends of a workload: its Pods, or the one that stands for them."""
        if key in self.groups:
            return [self.pods[where] for where in self.groups[key]]
        return [self.bare[key]]

    def workloads(self) -> list[Key]:
        """Every workload that can be named."""
        return sorted([*self.groups, *self.bare])


def get(obj: Any, *path: str) -> Any:
    """The value at a path, None where any step is absent or null."""
    for step in path:
        obj = obj.get(step) if obj is not None else None
    return obj


def several_items(obj: Any, *path: str) -> list[Any]:
    """The list at a path; absent and null are empty (N6)."""
    return get(obj, *path) or []


def flat(objects: Iterable[Object | None], default: str) -> Iterator[Object]:
    """Objects one by one: lists opened, a namespace given to those that lack one (D12)."""
    for obj in objects:
        if obj is None:
            continue
        if obj.get("kind", "").endswith("List") and "items" in obj:
            yield from flat(obj["items"], default)
            continue
        meta = dict(obj.get("metadata") or {})
        if obj.get("kind") not in CLUSTER_SCOPED and not meta.get("namespace"):
            meta["namespace"] = default
        yield {**obj, "metadata": meta}


def unique(objects: Iterable[Object]) -> list[Object]:
    """D16: identical duplicates count once, different ones are an error."""
    seen: dict[Key, Object] = {}
    for obj in objects:
        key = key_of(obj)
        if key in seen and seen[key] != obj:
            raise OracleError(f"two different objects {'/'.join(key)} (D16)")
        seen[key] = obj
    return list(seen.values())


def key_of(obj: Object) -> Key:
    """Namespace, kind and name of an object."""
    return (get(obj, "metadata", "namespace") or "", obj["kind"], get(obj, "metadata", "name") or "")


def read(objects: Iterable[Object], default: str) -> Picture:
    """Reads the objects; ends without an address still lack one (D2 comes later)."""
    everything = unique(flat(objects, default))
    picture = Picture()
    by_kind: dict[str, list[Object]] = {}
    for obj in everything:
        by_kind.setdefault(obj["kind"], []).append(obj)
    read_namespaces(picture, everything)
    for obj in by_kind.get("Node", []):
        end = node_end(obj)
        picture.nodes[end.node or ""] = end
    owners = {key_of(o): controller_key(o, {}) for kind in WORKLOADS for o in by_kind.get(kind, [])}
    for obj in by_kind.get("Pod", []):
        read_pod(picture, obj, owners)
    for kind in WORKLOADS:
        for obj in by_kind.get(kind, []):
            read_workload(picture, obj)
    picture.services = {(k[0], k[2]): o for o in by_kind.get("Service", []) for k in [key_of(o)]}
    picture.slices = by_kind.get("EndpointSlice", [])
    picture.policies = by_kind.get("NetworkPolicy", [])
    picture.tier_policies = [o for kind in TIER_KINDS for o in by_kind.get(kind, [])]
    return picture


def read_namespaces(picture: Picture, everything: Sequence[Object]) -> None:
    """Labels of every namespace that is declared or used (D11), each with its name as a label (N21)."""
    for obj in everything:
        namespace = get(obj, "metadata", "namespace")
        if namespace:
            picture.namespaces.setdefault(namespace, {})
    for obj in everything:
        if obj["kind"] == "Namespace":
            picture.namespaces[key_of(obj)[2]] = dict(get(obj, "metadata", "labels") or {})
    for name, labels in picture.namespaces.items():
        labels[NAME_LABEL] = name  # the API server adds it and keeps it (N21)


def node_end(obj: Object) -> End:
    """A Node with its internal addresses before its external ones."""
    name = key_of(obj)[2]
    listed = several_items(obj, "status", "addresses")
    texts = [a["address"] for wanted in ("InternalIP", "ExternalIP") for a in listed if a.get("type") == wanted]
    labels = dict(get(obj, "metadata", "labels") or {})
    return End("node", f"node/{name}", addresses_of(texts), labels=labels, node=name)


def addresses_of(texts: Iterable[str | None]) -> tuple[Address, ...]:
    """Addresses in order, each once."""
    return tuple(dict.fromkeys(ipaddress.ip_address(t) for t in texts if t))


def read_pod(picture: Picture, obj: Object, owners: Mapping[Key, Key | None]) -> None:
    """Adds a Pod, unless it is finished (N18, D10: left out before anything else is decided)."""
    namespace, _, name = key_of(obj)
    if get(obj, "status", "phase") in ("Succeeded", "Failed"):
        picture.finished.add((namespace, name))
        return  # Terminating pods (deletionTimestamp) still count (N18)
    status = obj.get("status") or {}
    spec = obj.get("spec") or {}
    own = addresses_of([*[i["ip"] for i in several_items(status, "podIPs")], status.get("podIP")])
    hosts = addresses_of([*[i["ip"] for i in several_items(status, "hostIPs")], status.get("hostIP")])
    end = pod_end((namespace, "Pod", name), get(obj, "metadata", "labels"), spec)
    end = replace(end, addresses=own, node_addresses=hosts)
    if end.host and not own:  # a host-network pod's address is its node's (D3)
        node = picture.nodes.get(end.node or "")
        end = replace(end, addresses=hosts or (node.addresses if node else ()))
    picture.pods[namespace, name] = end
    key = controller_key(obj, owners)
    if key:
        picture.groups.setdefault(key, []).append((namespace, name))


def pod_end(key: Key, labels: Mapping[str, str] | None, spec: Object) -> End:
    """What a pod's or a template's labels and spec say."""
    return End(
        "pod",
        "/".join(key),
        namespace=key[0],
        labels=dict(labels or {}),
        ports=tuple(container_ports(spec)),
        node=spec.get("nodeName"),
        host=bool(spec.get("hostNetwork")),
    )


def container_ports(spec: Object) -> Iterator[tuple[str, int, str]]:
    """Ports of the app containers and of sidecars, that is restartable init containers (N13)."""
    sidecars = [c for c in several_items(spec, "initContainers") if c.get("restartPolicy") == "Always"]
    for container in [*several_items(spec, "containers"), *sidecars]:
        for port in several_items(container, "ports"):
            yield port.get("name") or "", port["containerPort"], port.get("protocol") or "TCP"


def controller_key(obj: Object, owners: Mapping[Key, Key | None]) -> Key | None:
    """The workload that an object's controller ownerReference names, followed as far up as the input goes."""
    namespace = key_of(obj)[0]
    refs = [r for r in several_items(obj, "metadata", "ownerReferences") if r.get("controller")]
    if not refs or refs[0]["kind"] not in WORKLOADS:
        return None
    key: Key = (namespace, refs[0]["kind"], refs[0]["name"])
    if key in owners:
        return owners[key] or key
    stem, _, suffix = key[2].rpartition("-")
    label = get(obj, "metadata", "labels", "pod-template-hash")
    if key[1] == "ReplicaSet" and stem and (suffix == label or HASH.fullmatch(suffix)):
        return namespace, "Deployment", stem
    return key


def read_workload(picture: Picture, obj: Object) -> None:
    """Adds a workload: by name for its Pods, or as an end of its own where no unfinished Pod of it is given."""
    key = controller_key(obj, {}) or key_of(obj)
    spec = obj.get("spec") or {}
    picture.several.setdefault(key, has_replicas(key[1], spec))
    if key in picture.groups or key in picture.bare:
        return
    job = get(spec, "jobTemplate", "spec") if obj["kind"] == "CronJob" else spec
    template = get(job, "template") or {}
    end = pod_end(key, get(template, "metadata", "labels"), template.get("spec") or {})
    picture.bare[key] = replace(end, several=picture.several[key])


def has_replicas(kind: str, spec: Object) -> bool:
    """D5: a controller with replicas != 1 counts as several; a DaemonSet has one pod a node."""
    if kind == "DaemonSet":
        return True
    if kind in ("Job", "CronJob"):
        job = spec if kind == "Job" else get(spec, "jobTemplate", "spec")
        count = get(job, "parallelism")
    else:
        count = spec.get("replicas")
    return count is not None and count != 1
