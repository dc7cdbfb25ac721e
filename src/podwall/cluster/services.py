"""Services as references: which addresses they have, who stands behind them, and which of their ports is meant (D7)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from podwall.api.core import EndpointSlice, Service, ServicePort, ServiceSpec
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Bucket, name_of
from podwall.errors import UnknownReference

__all__ = [
    "SERVICE_NAME_LABEL",
    "SliceAddress",
    "addresses_of",
    "port_of",
    "selects",
    "slice_addresses",
    "target_numbers",
]

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class SliceAddress(Struct, frozen=True, gc=False):
    """One address behind a Service without selector; `port` is None where the slice leaves it to the Service."""

    address: str
    port: int | None


def addresses_of(service: Service) -> Iterator[str]:
    """Every address that stands for the Service: its ClusterIPs, external IPs and load balancer's."""
    spec = service.spec or ServiceSpec()
    yield from (a for a in spec.clusterIPs or [spec.clusterIP or ""] if a and a != "None")
    yield from spec.externalIPs or ()
    if service.status and service.status.loadBalancer:
        yield from (i.ip for i in service.status.loadBalancer.ingress or () if i.ip)


def selects(service: Service, endpoint: Endpoint) -> bool:
    """Whether the endpoint is one of the pods behind the Service, which is in the same namespace."""
    selector = service.spec.selector if service.spec else None
    return bool(selector) and selector.items() <= endpoint.labels.items()  # type: ignore[union-attr]


def port_of(service: Service, name: str, protocol: str, port: int | str) -> ServicePort:
    """The Service's port of this number or name. Raises UnknownReference that lists those there are."""
    ports = (service.spec.ports if service.spec else None) or []
    for candidate in ports:
        if (candidate.protocol or "TCP") == protocol and port in (candidate.port, candidate.name):
            return candidate
    have = ", ".join(f"{p.port}/{p.protocol or 'TCP'}" + (f" ({p.name})" if p.name else "") for p in ports) or "none"
    raise UnknownReference(f"Service {name} has no port {port}/{protocol}; it has: {have}")


def target_numbers(port: ServicePort, endpoint: Endpoint) -> list[int]:
    """The number that a Service's port goes to on an endpoint; none where a named targetPort is not there.

    Where containers share the name, the first one has it: so the endpoint controllers of Kubernetes choose.
    """
    target = port.targetPort
    if isinstance(target, str) and target and not target.isdigit():
        protocol = port.protocol or "TCP"
        return [p.number for p in endpoint.ports if (p.name, p.protocol) == (target, protocol)][:1]
    return [int(target)] if target else [port.port]


def slice_addresses(bucket: Bucket, service: Service, port: ServicePort | None) -> list[SliceAddress]:
    """The addresses that EndpointSlices give for a port of a Service, or for any, in order."""
    found = {
        (address, number)
        for located in bucket.slices
        if _belongs(located.object, service) and located.object.addressType != "FQDN"
        for number in (_numbers(located.object, port) if port else (None,))
        for endpoint in located.object.endpoints or ()
        for address in endpoint.addresses or ()
    }
    return [SliceAddress(a, n) for a, n in sorted(found, key=lambda item: (item[0], item[1] or 0))]


def _belongs(item: EndpointSlice, service: Service) -> bool:
    return (item.metadata.labels or {}).get(SERVICE_NAME_LABEL) == name_of(service.metadata)


def _numbers(item: EndpointSlice, port: ServicePort) -> Iterator[int | None]:
    for candidate in item.ports or ():
        same = (candidate.name or "", candidate.protocol or "TCP") == (port.name or "", port.protocol or "TCP")
        if same:
            yield candidate.port
