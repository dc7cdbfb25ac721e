"""Seeded random clusters: every kind of endpoint in every odd state, with policies, Services and nodes.

All objects are plain dicts as decoded from YAML. Nothing is drawn but from the `rng` that comes in.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from tests.truth.cluster_policies import random_cluster_policies, random_resolutions
from tests.truth.policies import random_policy
from tests.truth.queries import random_queries
from tests.truth.vocabulary import (
    EXTERNAL,
    LABELS,
    NAMESPACE_LABELS,
    NAMESPACES,
    NODE_LABELS,
    NODES,
    NUMBERS,
    PORT_NAMES,
    PROTOCOLS,
    Object,
    labels,
    maybe,
    namespace,
)

__all__ = ["random_cluster", "random_queries", "random_resolutions"]
SIZES = {"tiny": (2, 2), "small": (6, 5), "medium": (15, 14), "large": (40, 40)}  # rounds of workloads, policies
CLUSTER_POLICIES = {"tiny": 3, "small": 5, "medium": 8, "large": 12}
HASHES = ("7d4f9c6b5d", "bcdf24", "5c8b9f7zzx")
FAMILIES = ({4}, {4}, {4}, {6}, {4, 6}, {4, 6})


def random_cluster(rng: random.Random, size: str = "small", *, tiers: bool = False) -> list[Object]:
    """A cluster of size tiny, small, medium or large, in random order; with `tiers` there are cluster policies in it.

    A seed's cluster without them stays what it is.
    """
    rounds, policies = SIZES[size]
    maker = Maker(rng, tiers=tiers)
    objects = [*maker.namespaces(), *maker.node_objects()]
    for _ in range(rng.randint(1, rounds)):
        objects += maker.workload()
    for _ in range(rng.randint(0, max(1, rounds // 2))):
        objects += maker.service()
    objects += [random_policy(rng, f"p{i}") for i in range(rng.choice((0, 1, policies, policies)))]
    if tiers:
        objects += random_cluster_policies(rng, CLUSTER_POLICIES[size])
    if maybe(rng, 0.1):
        objects.append(rng.choice(objects))  # an identical duplicate counts once (D16)
    rng.shuffle(objects)
    return objects


class Maker:
    """Names and addresses that are taken, while one cluster is made."""

    def __init__(self, rng: random.Random, *, tiers: bool = False) -> None:
        self.rng = rng
        self.tiers = tiers
        self.families = rng.choice(FAMILIES)
        self.count = 0
        self.live: list[list[str]] = []  # addresses of running pods

    def namespaces(self) -> Iterator[Object]:
        """Some of the namespaces, some with the name label in their own YAML (N21)."""
        for name in NAMESPACES[:-1]:
            if not maybe(self.rng, 0.85):
                continue
            meta: Object = {"name": name, "labels": labels(self.rng, NAMESPACE_LABELS)}
            if maybe(self.rng, 0.5):
                meta["labels"]["kubernetes.io/metadata.name"] = name
            if not meta["labels"]:
                meta["labels"] = None
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}

    def node_objects(self) -> Iterator[Object]:
        """The nodes, or only some: the others are known by the hostIPs of their pods (D19)."""
        for name in NODES:
            if maybe(self.rng, 0.8):
                addresses = [{"type": "InternalIP", "address": a} for a in node_addresses(name, self.families)]
                addresses.insert(0, {"type": "Hostname", "address": name})
                meta: Object = {"name": name}
                if self.tiers:  # nothing but the tiers sees them
                    meta["labels"] = labels(self.rng, NODE_LABELS)
                yield {"apiVersion": "v1", "kind": "Node", "metadata": meta, "status": {"addresses": addresses}}

    def workload(self) -> list[Object]:
        """A bare Pod, a controller with its Pods, or a controller without any."""
        self.count += 1
        kinds = ("Pod", "Pod", "Pods", "Pods", "Pods", "Bare", "Bare")
        shape = self.rng.choice(kinds)
        name = f"{self.rng.choice(LABELS['app'])}-{self.count}"
        home = namespace(self.rng)
        if shape == "Pod":
            return [self.pod(home, name, self.template())]
        if shape == "Bare":
            made = [self.controller(home, name, self.rng.choice(list(BARE)))]
            if maybe(self.rng, 0.05):  # one name, two kinds: ns/name is ambiguous
                made.append(self.controller(home, name, "DaemonSet" if made[0]["kind"] != "DaemonSet" else "Job"))
            return made
        return self.controlled(home, name)

    def controlled(self, home: str, name: str) -> list[Object]:
        """A controller's Pods, which share labels and ports or differ in them, with or without the controller."""
        kind = self.rng.choice(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"))
        shared, number = self.template(), self.rng.randint(1, 3)
        owner, code = name, self.rng.choice(HASHES)
        if kind == "Deployment":
            owner = f"{name}-{code}"
            if maybe(self.rng, 0.7):
                shared["metadata"].setdefault("labels", {})["pod-template-hash"] = code
        ref: Object = {"apiVersion": "apps/v1", "kind": "ReplicaSet" if kind == "Deployment" else kind, "name": owner}
        ref |= {"uid": f"u{self.count}", "controller": True}
        made = []
        for i in range(number):
            template = shared if i < 2 or maybe(self.rng, 0.5) else self.template()
            pod = self.pod(home, f"{owner}-{i}", template)
            pod["metadata"]["ownerReferences"] = [ref]
            made.append(pod)
        if maybe(self.rng, 0.4):
            made.append({**self.controller(home, name, kind), "spec": {"replicas": number, "template": shared}})
        return made

    def controller(self, home: str, name: str, kind: str) -> Object:
        """A workload as its manifest has it."""
        spec: Object = {"selector": {"matchLabels": {"app": "web"}}, "template": self.template()}
        if kind in ("Deployment", "StatefulSet", "ReplicaSet") and maybe(self.rng, 0.6):
            spec["replicas"] = self.rng.choice((0, 1, 1, 2, 3, None))
        if kind == "CronJob":
            spec = {"schedule": "0 1 * * *", "jobTemplate": {"spec": {"template": spec["template"]}}}
        return {
            "apiVersion": BARE.get(kind, "apps/v1"),
            "kind": kind,
            "metadata": self.meta(home, name),
            "spec": spec,
        }

    def meta(self, home: str, name: str) -> Object:
        """Namespace and name; default may be left out (D12)."""
        if home == "default" and maybe(self.rng, 0.5):
            return {"name": name}
        return {"namespace": home, "name": name}

    def template(self) -> Object:
        """What a pod template says: labels in every form, containers with ports."""
        rng, meta = self.rng, Object()
        meta["labels"] = labels(rng, LABELS)
        if not meta["labels"] and maybe(rng, 0.5):
            del meta["labels"]
        spec: Object = {"containers": [container(rng, f"c{i}") for i in range(rng.choice((1, 1, 1, 2)))]}
        if maybe(rng, 0.15):  # a sidecar's ports count, those of other init containers do not (N13)
            spec["initContainers"] = [container(rng, "init")]
            if maybe(rng, 0.6):
                spec["initContainers"][0]["restartPolicy"] = "Always"
        return {"metadata": meta, "spec": spec}

    def pod(self, home: str, name: str, template: Object) -> Object:
        """A Pod in one of its states."""
        rng = self.rng
        node = rng.choice(NODES)
        meta = {**self.meta(home, name), **template["metadata"]}
        spec = {**template["spec"], "nodeName": node}
        status: Object = {"phase": "Running"}
        hosts = node_addresses(node, self.families)
        status |= {"hostIP": hosts[0], "hostIPs": [{"ip": a} for a in hosts]}
        state = rng.random()
        addresses = self.pod_addresses()
        if state < 0.1:  # hostNetwork: the node's addresses (D3)
            spec["hostNetwork"] = True
            addresses = hosts
        elif state < 0.17:  # finished: its address may be another pod's by now (N18)
            status["phase"] = rng.choice(("Succeeded", "Failed"))
            addresses = rng.choice(self.live) if self.live else addresses
        elif state < 0.22:  # Pending: no address, no node (D2)
            del spec["nodeName"]
            return pod_object(meta, spec, {"phase": "Pending"})
        elif state < 0.27:  # Terminating still counts (N18)
            meta["deletionTimestamp"] = "2030-01-01T00:00:00Z"
        if status["phase"] == "Running" and not spec.get("hostNetwork"):
            self.live.append(addresses)
        status |= {"podIP": addresses[0], "podIPs": [{"ip": a} for a in addresses]}
        if maybe(rng, 0.2) and len(addresses) == 1:
            del status["podIPs"]
        return pod_object(meta, spec, status)

    def pod_addresses(self) -> list[str]:
        """One of each family, or of one only; either may come first."""
        self.count += 1
        net, host = 1 + self.count % 3, self.count
        texts = {4: f"10.244.{net}.{host}", 6: f"fd00:10:244:{net}::{host:x}"}
        chosen = self.families
        if len(chosen) == 2 and maybe(self.rng, 0.3):
            chosen = {self.rng.choice((4, 6))}
        listed = [texts[f] for f in sorted(chosen)]
        return listed[::-1] if maybe(self.rng, 0.2) else listed

    def service(self) -> list[Object]:
        """A Service with a selector, a headless one, or one with EndpointSlices instead."""
        rng = self.rng
        self.count += 1
        home, name = namespace(rng), f"svc-{self.count}"
        texts = {4: f"10.96.0.{self.count}", 6: f"fd00:10:96::{self.count:x}"}
        shape = rng.choice(("selector", "selector", "selector", "headless", "slices"))
        ports = [service_port(rng, i, headless=shape == "headless") for i in range(rng.choice((1, 1, 2)))]
        spec: Object = {"ports": ports}
        if shape == "headless":
            spec["clusterIP"] = "None"
        elif maybe(rng, 0.7):
            spec["clusterIPs"] = [texts[f] for f in sorted(self.families)]
            spec["clusterIP"] = spec["clusterIPs"][0]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": self.meta(home, name), "spec": spec}
        if shape != "slices":
            spec["selector"] = {"app": rng.choice(LABELS["app"])}
            return [service]
        return [service, *self.slices(home, name, ports)]

    def slices(self, home: str, name: str, ports: list[Object]) -> Iterator[Object]:
        """EndpointSlices of a Service without selector: pods, nodes and external addresses."""
        pods = [a for addresses in self.live for a in addresses]
        nodes = [a for n in NODES for a in node_addresses(n, self.families)]
        for family in sorted(self.families):
            pool = [a for a in {*pods, *nodes, *EXTERNAL} if (":" in a) == (family == 6)]
            chosen = self.rng.sample(sorted(pool), min(len(pool), self.rng.randint(1, 2)))
            meta = {**self.meta(home, f"{name}-{family}"), "labels": {"kubernetes.io/service-name": name}}
            entries = [{**{k: v for k, v in p.items() if k != "targetPort"}, "port": p["port"] + 1} for p in ports]
            yield {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": meta,
                "addressType": f"IPv{family}",
                "endpoints": [{"addresses": [a]} for a in chosen],
                "ports": entries,
            }


BARE = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}


def pod_object(meta: Object, spec: Object, status: Object) -> Object:
    """A Pod of its three parts."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def node_addresses(name: str, families: set[int]) -> list[str]:
    """A node's addresses, IPv4 first."""
    number = name.removeprefix("n")
    texts = {4: f"192.168.0.{number}", 6: f"fd00:192:168::{number}"}
    return [texts[f] for f in sorted(families)]


def container(rng: random.Random, name: str) -> Object:
    """A container with up to three ports; names are unique in it, but not in the pod (N13)."""
    made: Object = {"name": name, "image": "app:1"}
    names = rng.sample(PORT_NAMES, rng.randint(0, len(PORT_NAMES)))
    ports: list[dict[str, Any]] = [{"name": n, "containerPort": rng.choice(NUMBERS)} for n in names]
    for port in ports:
        if maybe(rng, 0.5):
            port["protocol"] = rng.choice(PROTOCOLS)
        if maybe(rng, 0.1):
            del port["name"]
    if ports or maybe(rng, 0.5):
        made["ports"] = ports
    return made


def service_port(rng: random.Random, index: int, *, headless: bool) -> Object:
    """A Service's port: target by number, by name or the same; a headless Service translates nothing."""
    made: Object = {"name": f"port{index}", "port": rng.choice(NUMBERS) + index * 1000}
    if maybe(rng, 0.4):
        made["protocol"] = rng.choice(("TCP", "UDP"))
    if not headless and maybe(rng, 0.8):
        made["targetPort"] = rng.choice((*NUMBERS, *PORT_NAMES, *PORT_NAMES))
    return made
