"""What Services lead to in a lab, and what the names of cluster.local stand for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from podwall.api.core import Service, ServicePort, ServiceSpec
from podwall.cluster.addresses import allot
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Bucket, Cluster, name_of
from podwall.cluster.services import addresses_of, selects, slice_addresses, target_numbers
from podwall.lab.hosting import canonical, family_of
from podwall.lab.plan import Seat, SeatKind, Translation

__all__ = ["CLUSTER_DOMAIN", "DNS_NAMES", "DNS_SERVICE", "Serving", "serving_of"]

CLUSTER_DOMAIN = "cluster.local"
DNS_SERVICE = ("kube-system", "kube-dns")
DNS_NAMES = ("kube-dns", "coredns")
# Where kubeadm puts ClusterIPs, and the one that it gives to DNS.
_RANGES = {4: "10.96.0.0/16", 6: "fd00:10:96::/112"}
_DNS_ADDRESSES = {4: "10.96.0.10", 6: "fd00:10:96::a"}

_Target = tuple[str, int]


class Serving(Struct, frozen=True):
    """As in Plan; `beyond` are addresses behind Services that nobody in the lab has."""

    translations: tuple[Translation, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...]
    beyond: tuple[str, ...]


class _Served(Struct, frozen=True):
    """A Service with its namespace, and the addresses that it has in the lab; none for a headless one."""

    bucket: Bucket
    service: Service
    addresses: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.bucket.name}/{name_of(self.service.metadata)}"

    @property
    def domain(self) -> str:
        return f"{name_of(self.service.metadata)}.{self.bucket.name}.svc.{CLUSTER_DOMAIN}"

    @property
    def ports(self) -> list[ServicePort]:
        return (self.service.spec or ServiceSpec()).ports or []


def serving_of(
    cluster: Cluster, seats: Sequence[Seat], dns: Sequence[str], space: tuple[set[int], set[str]]
) -> Serving:
    """What every Service of the cluster leads to among the seats, `dns` being those that answer DNS.

    `space` holds the families of the lab and the addresses that are somebody's.
    """
    families, taken = space
    backends = [seat for seat in seats if seat.endpoint.kind != "Node"]
    services = list(_served(cluster, families, taken, assumed_dns=bool(dns)))
    translations: list[Translation] = []
    names: dict[str, tuple[str, ...]] = {}
    for served in services:
        found = [(port, _targets(served, port, backends)) for port in served.ports]
        translations.extend(t for port, targets in found for t in _translations(served, port, targets))
        names.update(_names(served, backends, [a for _, targets in found for a, _ in targets]))
    if dns and not any(_is_dns(served.bucket.name, served.service) for served in services):
        translations.extend(_assumed_dns([seat for seat in seats if seat.name in dns], families))
        names[f"{DNS_SERVICE[1]}.{DNS_SERVICE[0]}.svc.{CLUSTER_DOMAIN}"] = _dns_addresses(families)
    owned = {canonical(address) for seat in seats for address in seat.endpoint.addresses}
    behind = {address for translation in translations for address, _ in translation.targets}
    ordered = sorted(translations, key=lambda t: (t.service, t.address, t.protocol, t.port))
    return Serving(tuple(ordered), tuple(sorted(names.items())), tuple(sorted(behind - owned)))


def _served(cluster: Cluster, families: set[int], taken: set[str], *, assumed_dns: bool) -> Iterator[_Served]:
    """Every Service with its addresses; one that is not headless and has none gets one by its name, as pods do (D2)."""
    found = [(b, s.object) for b in cluster.namespaces.values() for s in b.services]
    without = [
        Endpoint("Service", bucket.name, name_of(service.metadata), {})
        for bucket, service in found
        if _wants_address(service) and not _is_dns(bucket.name, service)
    ]
    used = {*taken, *(a for _, service in found for a in addresses_of(service))}
    used |= set(_DNS_ADDRESSES.values()) if assumed_dns or without else set()
    allotted = {
        (e.namespace, e.name): e.addresses for e in allot(without, [_RANGES[f] for f in sorted(families)], used)
    }
    for bucket, service in found:
        addresses = tuple(dict.fromkeys(filter(None, map(canonical, addresses_of(service)))))
        if not _wants_address(service):
            yield _Served(bucket, service, addresses)
        elif _is_dns(bucket.name, service):
            yield _Served(bucket, service, _dns_addresses(families) + addresses)
        else:
            yield _Served(bucket, service, allotted[bucket.name, name_of(service.metadata)] + addresses)


def _wants_address(service: Service) -> bool:
    spec = service.spec or ServiceSpec()
    return not spec.clusterIP and not spec.clusterIPs and spec.type != "ExternalName"


def _is_headless(service: Service) -> bool:
    spec = service.spec or ServiceSpec()
    return "None" in (spec.clusterIP, *(spec.clusterIPs or ()))


def _is_dns(namespace: str, service: Service) -> bool:
    return namespace == DNS_SERVICE[0] and name_of(service.metadata) in DNS_NAMES


def _dns_addresses(families: Iterable[int]) -> tuple[str, ...]:
    return tuple(_DNS_ADDRESSES[family] for family in sorted(families))


def _targets(served: _Served, port: ServicePort, backends: Sequence[Seat]) -> list[_Target]:
    """(address, port) of everyone behind a port of a Service, of all families (D7)."""
    if served.service.spec is not None and served.service.spec.selector:
        return sorted(
            (address, number)
            for seat in _behind(served, backends)
            for number in target_numbers(port, seat.endpoint)
            for address in seat.endpoint.addresses
        )
    slices = slice_addresses(served.bucket, served.service, port)
    return [(text, found.port or port.port) for found in slices if (text := canonical(found.address))]


def _behind(served: _Served, backends: Iterable[Seat]) -> Iterator[Seat]:
    for seat in backends:
        if seat.endpoint.namespace == served.bucket.name and selects(served.service, seat.endpoint):
            yield seat


def _translations(served: _Served, port: ServicePort, targets: Iterable[_Target]) -> Iterator[Translation]:
    protocol = port.protocol or "TCP"
    for address in served.addresses:
        same = tuple(target for target in targets if family_of(target[0]) == family_of(address))
        yield Translation(served.name, address, protocol, port.port, same)


def _names(served: _Served, backends: Sequence[Seat], targets: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The Service's own name; of a headless one also those of the StatefulSets' pods behind it."""
    if not _is_headless(served.service):
        own = [a for a in served.addresses if a not in _outer(served.service)]
        if own:
            yield served.domain, tuple(own)
        return
    behind = list(_behind(served, backends))
    addresses = {a for seat in behind for a in seat.endpoint.addresses} | set(targets)
    yield served.domain, tuple(sorted(addresses, key=lambda a: (family_of(a), a)))
    for seat in behind:
        if seat.kind is SeatKind.POD:
            yield f"{_host_name(seat, behind)}.{served.domain}", seat.endpoint.addresses


def _outer(service: Service) -> set[str]:
    """The addresses that are for clients outside; cluster.local does not tell them."""
    spec = service.spec or ServiceSpec()
    balanced = service.status.loadBalancer if service.status else None
    return {
        canonical(a)
        for a in (*(spec.externalIPs or ()), *(i.ip for i in (balanced.ingress if balanced else None) or ()))
    }


def _host_name(seat: Seat, behind: Sequence[Seat]) -> str:
    """A pod's own name; a template's replicas are numbered as a StatefulSet numbers them."""
    if seat.endpoint.kind == "Pod":
        return seat.endpoint.name
    same = [other.name for other in behind if other.stands_for == seat.stands_for]
    return f"{seat.stands_for.rpartition('/')[2]}-{same.index(seat.name)}"


def _assumed_dns(seats: Sequence[Seat], families: set[int]) -> Iterator[Translation]:
    """The Service that a cluster's DNS pods are behind where the input has none."""
    for address in _dns_addresses(families):
        targets = sorted(
            (a, 53) for seat in seats for a in seat.endpoint.addresses if family_of(a) == family_of(address)
        )
        for protocol in ("TCP", "UDP"):
            yield Translation("/".join(DNS_SERVICE), address, protocol, 53, tuple(targets))
