"""Small clusters for the lab's tests, through the product's own reader."""

from __future__ import annotations

from collections.abc import Sequence

from podwall.cluster.profile import KUBERNETES
from podwall.engine.model import Model
from tests.truth.engine import as_json, read_text
from tests.truth.vocabulary import Object


def model(objects: Sequence[Object], cidrs: Sequence[str] = ()) -> Model:
    """The objects as a model."""
    given = read_text(as_json(objects))
    assert (given.unreadable, given.problems) == ((), ())
    return Model(given.assembled.cluster, KUBERNETES, cidrs)


def deployment(name: str, *ports: tuple[str, int], kind: str = "Deployment", **spec: object) -> Object:
    """A workload in namespace default; its label is `app: NAME`, its ports are TCP's."""
    listed = [{"name": port, "containerPort": number} for port, number in ports]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"ports": listed}], **spec}}
    return {"kind": kind, "apiVersion": "apps/v1", "metadata": {"name": name}, "spec": {"template": template}}


def service(name: str, port: int, target: int | str, **spec: object) -> Object:
    """A Service of the workload of its name."""
    ports = [{"port": port, "targetPort": target}]
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }


def pod(name: str, *addresses: str, node: str | None = None, host: bool = False, **labels: str) -> Object:
    """A running Pod in namespace default."""
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels},
        "spec": {"nodeName": node, "hostNetwork": host},
        "status": {"phase": "Running", "podIPs": [{"ip": a} for a in addresses]},
    }


def node(name: str, *addresses: str, **labels: str) -> Object:
    """A Node."""
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": name, "labels": labels},
        "status": {"addresses": [{"type": "InternalIP", "address": a} for a in addresses]},
    }


def policy(name: str, **spec: object) -> Object:
    """A NetworkPolicy in namespace default."""
    return {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", "metadata": {"name": name}, "spec": spec}


# Its block is one of the external sets of a map.
BLOCK = policy("outside", podSelector={}, egress=[{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}])
