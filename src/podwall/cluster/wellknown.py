"""The sets that assertions and policies name without saying where they are: dns, internet, apiserver, monitoring.

What each stands for in one cluster is found from what the input holds; a `Definition` replaces that, or adds a set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from podwall.api.core import Service, ServicePort, ServiceSpec
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.hosts import node_endpoints, single
from podwall.cluster.objects import Bucket, Cluster, name_of
from podwall.cluster.services import selects, slice_addresses, target_numbers

__all__ = ["BUILT_IN", "METADATA", "PRIVATE", "SYSTEM_NAMESPACES", "Definition", "Members", "WellKnown"]

BUILT_IN = ("apiserver", "dns", "internet", "monitoring")

# Not the internet: addresses that no router outside of a site forwards (RFC 6890). Those for documentation stay in.
PRIVATE = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
    "::/127",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
)
# Where clouds tell an instance its credentials: AWS, Google, Azure and others by IPv4, AWS also by IPv6.
METADATA = ("169.254.169.254/32", "fd00:ec2::254/128")
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
_SYSTEM = "kube-system"
_DNS_PORTS = ("53/UDP", "53/TCP")
_DNS_NAMES = frozenset(("kube-dns", "coredns"))
_APP_LABELS = ("app", "app.kubernetes.io/name", "k8s-app")
_SCRAPERS = frozenset(("alloy", "grafana-agent", "prometheus", "prometheus-agent", "prometheus-server", "vmagent"))
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_SECURE_PORT = 6443  # kube-apiserver's own default


class Definition(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    rename={"namespace_labels": "namespaceLabels", "pod_labels": "podLabels", "excepts": "except"},
):
    """A set by what it holds: the pods that meet all of the first three, and the addresses of `cidrs` but `excepts`.

    `ports` are those of an assertion that names none, as assertions write them (`53/udp`, `6443`, `http`); without
    them, any.
    """

    namespace: str | None = None
    namespace_labels: dict[str, str] | None = None
    pod_labels: dict[str, str] | None = None
    cidrs: list[str] | None = None
    excepts: list[str] | None = None
    ports: list[int | str] | None = None

    @property
    def has_pods(self) -> bool:
        """Whether it says anything about pods."""
        return any(part is not None for part in (self.namespace, self.namespace_labels, self.pod_labels))


class Members(Struct, frozen=True):
    """A part of a set: endpoints and blocks of addresses (whoever has these, D19), with the ports they answer at.

    `ports` are as assertions write them; None for any.
    """

    endpoints: tuple[Endpoint, ...] = ()
    cidrs: tuple[str, ...] = ()
    excepts: tuple[str, ...] = ()
    ports: tuple[str, ...] | None = None


class WellKnown:
    """What the names stand for in one cluster, whose endpoints have their addresses."""

    def __init__(self, cluster: Cluster, endpoints: Sequence[Endpoint]) -> None:
        self._cluster = cluster
        self._endpoints = endpoints
        self._found: dict[str, tuple[Members, ...]] = {}

    def defined(self, definition: Definition) -> tuple[Members, ...]:
        """The set of a definition."""
        inside = tuple(self._matching(definition)) if definition.has_pods else ()
        ports = None if definition.ports is None else tuple(map(str, definition.ports))
        return (Members(inside, tuple(definition.cidrs or ()), tuple(definition.excepts or ()), ports),)

    def built_in(self, name: str) -> tuple[Members, ...]:
        """The set of one of the names in BUILT_IN; empty where the input does not tell what it is."""
        if name not in self._found:
            found = {
                "apiserver": self._apiserver,
                "dns": self._dns,
                "internet": self._internet,
                "monitoring": self._monitoring,
            }[name]()
            self._found[name] = tuple(part for part in found if part.endpoints or part.cidrs)
        return self._found[name]

    def _matching(self, definition: Definition) -> Iterator[Endpoint]:
        for endpoint in self._endpoints:
            if definition.namespace in (None, endpoint.namespace):
                bucket = self._cluster.namespaces.get(endpoint.namespace)
                labels = bucket.labels if bucket else {}
                if _has(labels, definition.namespace_labels) and _has(endpoint.labels, definition.pod_labels):
                    yield endpoint

    # DNS

    def _dns(self) -> Iterator[Members]:
        """The pods behind the DNS Service at their own ports; without one, the pods that are labeled as DNS."""
        bucket = self._cluster.namespaces.get(_SYSTEM)
        at: dict[tuple[str, ...], list[Endpoint]] = {}
        for endpoint in self._in(_SYSTEM):
            ports = tuple(_dns_ports(bucket, endpoint)) if bucket else ()
            if not ports and _labeled(endpoint, _DNS_NAMES):
                ports = _DNS_PORTS
            if ports:
                at.setdefault(ports, []).append(endpoint)
        for ports, endpoints in sorted(at.items()):
            yield Members(tuple(endpoints), ports=ports)

    def _in(self, namespace: str) -> Iterator[Endpoint]:
        return (endpoint for endpoint in self._endpoints if endpoint.namespace == namespace)

    # API server

    def _apiserver(self) -> Iterator[Members]:
        """Where the Service default/kubernetes leads; else kube-apiserver's pods; else the control plane's nodes."""
        bucket = self._cluster.namespaces.get("default")
        service = _service(bucket, "kubernetes")
        ports = (service.spec or ServiceSpec()).ports if service else None
        if bucket and service and ports:
            found = slice_addresses(bucket, service, ports[0])
            at: dict[int, list[str]] = {}
            for address in found:
                at.setdefault(address.port or ports[0].port, []).append(single(address.address))
            if at:
                yield from (Members(cidrs=tuple(held), ports=(f"{port}/TCP",)) for port, held in sorted(at.items()))
                return
        yield from self._control_plane((f"{_secure_port(ports)}/TCP",))

    def _control_plane(self, ports: tuple[str, ...]) -> Iterator[Members]:
        pods = tuple(e for e in self._in(_SYSTEM) if _is_apiserver(e))
        if pods:
            yield Members(pods, ports=ports)
            return
        nodes = (n for n in node_endpoints(self._cluster) if any(label in n.labels for label in _CONTROL_PLANE))
        yield Members(cidrs=tuple(single(address) for node in nodes for address in node.addresses), ports=ports)

    # Internet and monitoring

    def _internet(self) -> Iterator[Members]:
        """Every address that is not PRIVATE; those that somebody in the cluster has are theirs, and not of the set."""
        yield Members(cidrs=("0.0.0.0/0", "::/0"), excepts=PRIVATE)

    def _monitoring(self) -> Iterator[Members]:
        """The pods that look like Prometheus or what stands in for it: by their app label, else by their name."""
        labeled = tuple(e for e in self._endpoints if _labeled(e, _SCRAPERS))
        yield Members(labeled or tuple(e for e in self._endpoints if _app_name(e).startswith("prometheus")))


def _has(labels: Mapping[str, str], wanted: Mapping[str, str] | None) -> bool:
    return wanted is None or wanted.items() <= labels.items()


def _labeled(endpoint: Endpoint, names: frozenset[str]) -> bool:
    return any(endpoint.labels.get(key, "") in names for key in _APP_LABELS)


def _app_name(endpoint: Endpoint) -> str:
    return endpoint.controller.name if endpoint.controller else endpoint.name


def _is_apiserver(endpoint: Endpoint) -> bool:
    return any(endpoint.labels.get(key) == "kube-apiserver" for key in ("component", *_APP_LABELS))


def _dns_ports(bucket: Bucket, endpoint: Endpoint) -> Iterator[str]:
    """Where the DNS Services of a namespace lead on an endpoint."""
    for located in bucket.services:
        service = located.object
        labels = service.metadata.labels or {}
        named = name_of(service.metadata) in _DNS_NAMES or labels.get("k8s-app") in _DNS_NAMES
        if named and selects(service, endpoint):
            for port in (service.spec or ServiceSpec()).ports or ():
                if port.port == 53:
                    yield from (f"{number}/{port.protocol or 'TCP'}" for number in target_numbers(port, endpoint))


def _service(bucket: Bucket | None, name: str) -> Service | None:
    found = (s.object for s in (bucket.services if bucket else ()) if name_of(s.object.metadata) == name)
    return next(found, None)


def _secure_port(ports: Sequence[ServicePort] | None) -> int:
    target = ports[0].targetPort if ports else None
    return target if isinstance(target, int) else _SECURE_PORT
