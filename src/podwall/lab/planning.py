"""From a cluster to the plan of a lab: who gets a seat, where, and with which addresses. Pure.

`hosting` says which nodes there are, `outside` which external addresses, `serving` what Services and names lead to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec
from msgspec import Struct

from podwall.cluster.addresses import allot, pod_cidrs
from podwall.cluster.endpoints import Endpoint, PortName
from podwall.cluster.hosts import hosts
from podwall.cluster.services import addresses_of
from podwall.cluster.wellknown import WellKnown
from podwall.engine.model import Model
from podwall.engine.sets import AddrSet
from podwall.errors import InputError
from podwall.lab.hosting import Hosting, canonical, family_of, hosting_of
from podwall.lab.outside import external_seats
from podwall.lab.plan import Link, Plan, Seat, SeatKind
from podwall.lab.serving import DNS_SERVICE, serving_of

__all__ = ["DNS_CACHE", "LabOptions", "plan_of"]

DNS_CACHE = "169.254.20.10"  # where NodeLocal DNSCache listens unless it is told otherwise
# What a cluster gets whose input has no DNS pods: policies know them by this namespace and label.
_DNS_POD = Endpoint(
    kind="Pod",
    namespace=DNS_SERVICE[0],
    name="podwall-dns",
    labels={"k8s-app": "kube-dns"},
    ports=(PortName("dns", "UDP", 53), PortName("dns-tcp", "TCP", 53)),
)


class LabOptions(Struct, frozen=True):
    """What a user may say of a lab.

    `nodes` is the fewest there are to be, `replicas` how many pods a workload has. With `dns` a cluster whose input
    has no DNS pods gets one; `dns_cache` puts a cache on every node besides.
    """

    nodes: int = 1
    replicas: int = 1
    link: Link = Link.ROUTED
    dns: bool = False
    dns_cache: bool = False


class _Draft(Struct, frozen=True):
    """A seat to be: its name, what it stands for, and its endpoint, which may have no address yet."""

    name: str
    stands_for: str
    endpoint: Endpoint


def plan_of(model: Model, options: LabOptions, further: Sequence[AddrSet] = ()) -> Plan:
    """The lab of a cluster; the same input in another order gives the same plan.

    Somebody stands for each external set of the map, and for what is outside of the cluster of each `further` one.
    Raises InputError where no lab can have the addresses that the input gives.
    """
    cidrs = pod_cidrs(model.cidrs, model.endpoints)
    taken = set(_addresses_of_others(model))
    drafts = _with_addresses(_with_dns(model, options), cidrs, taken)
    taken.update(a for d in drafts if not d.endpoint.host_network for a in d.endpoint.addresses)
    families = {family_of(a) for d in drafts for a in d.endpoint.addresses} or {family_of(c) for c in cidrs}
    hosting = hosting_of(model.cluster, [d.endpoint for d in drafts], max(options.nodes, 1), (families, taken))
    seats = (*_seats(drafts, hosting), *_node_seats(hosting))
    _refuse_shared_addresses(seats)
    taken.update(address for node in hosting.nodes for address in node.addresses)
    dns = _dns(model, seats)
    serving = serving_of(model.cluster, seats, dns, (families, taken))
    taken.update(translation.address for translation in serving.translations)
    sets = (*model.reach.externals, *further)
    families |= {family_of(address) for node in hosting.nodes for address in node.addresses}
    outside = external_seats(sets, serving.beyond, (families, taken), cidrs)
    return Plan(
        nodes=hosting.nodes,
        seats=(*seats, *outside),
        translations=serving.translations,
        names=serving.names,
        dns=dns,
        dns_cache=DNS_CACHE if options.dns_cache else "",
        link=options.link,
        pod_cidrs=cidrs,
    )


def _addresses_of_others(model: Model) -> Iterator[str]:
    """The addresses of Services and of nodes."""
    services = [s.object for bucket in model.cluster.namespaces.values() for s in bucket.services]
    found = chain(hosts(model.cluster), *map(addresses_of, services))
    yield from filter(None, map(canonical, found))


# Drafts


def _with_dns(model: Model, options: LabOptions) -> list[_Draft]:
    drafts = list(_drafts(model.endpoints, options.replicas))
    wanted = options.dns or options.dns_cache
    if wanted and not _dns_endpoints(model, [draft.endpoint for draft in drafts]):
        drafts.append(
            _Draft(f"{_DNS_POD.namespace}/{_DNS_POD.name}", f"{_DNS_POD.namespace}/{_DNS_POD.name}", _DNS_POD)
        )
    return sorted(drafts, key=lambda draft: draft.name)


def _drafts(endpoints: Sequence[Endpoint], replicas: int) -> Iterator[_Draft]:
    """One for a Pod, `replicas` for a workload."""
    counts = Counter((e.namespace, e.name) for e in endpoints)
    taken = {f"{e.namespace}/{e.name}" for e in endpoints}
    for endpoint in sorted(endpoints, key=lambda e: (e.namespace, e.name, e.kind)):
        several = endpoint.kind != "Pod" and counts[endpoint.namespace, endpoint.name] > 1
        kind = f"{endpoint.kind}/" if several or endpoint.namespace == "node" else ""  # node/NAME is a node
        name = f"{endpoint.namespace}/{kind}{endpoint.name}"
        alone = msgspec.structs.replace(endpoint, replicas=1, many=False)
        if endpoint.host_network and endpoint.assumed:  # it has its node's, once that is known
            alone = msgspec.structs.replace(alone, addresses=(), assumed=False)
        yield _Draft(name, name, alone)
        if endpoint.kind != "Pod":
            yield from _replicas(_Draft(name, name, alone), replicas - 1, taken)


def _replicas(first: _Draft, others: int, taken: set[str]) -> Iterator[_Draft]:
    """Further pods of a workload, numbered, but not as anybody else is called."""
    number = 0
    for _ in range(others):
        number += 1
        while f"{first.name}-{number}" in taken:
            number += 1
        name = f"{first.name}-{number}"
        taken.add(name)
        own = name.partition("/")[2]
        yield _Draft(name, first.stands_for, msgspec.structs.replace(first.endpoint, name=own, addresses=()))


def _with_addresses(drafts: Sequence[_Draft], cidrs: Sequence[str], taken: Iterable[str]) -> list[_Draft]:
    """The drafts with an address for everyone who is not on its host's network (D2)."""
    pods = [draft.endpoint for draft in drafts if not draft.endpoint.host_network]
    allotted = iter(allot(pods, cidrs, taken))
    return [d if d.endpoint.host_network else msgspec.structs.replace(d, endpoint=next(allotted)) for d in drafts]


# Seats


def _seats(drafts: Sequence[_Draft], hosting: Hosting) -> Iterator[Seat]:
    """Everyone on a node. Two replicas on one host's network would be one, so further ones are left out."""
    hosted: set[tuple[str, str]] = set()
    for turn, draft in enumerate(drafts):
        endpoint = hosting.seated(draft.endpoint, turn)
        node = endpoint.node or ""
        if not endpoint.host_network:
            yield Seat(draft.name, draft.stands_for, SeatKind.POD, endpoint, node)
        elif (draft.stands_for, node) not in hosted:
            hosted.add((draft.stands_for, node))
            yield Seat(draft.name, draft.stands_for, SeatKind.HOST, endpoint, node)


def _node_seats(hosting: Hosting) -> Iterator[Seat]:
    for node in hosting.nodes:
        labels = dict(hosting.labels.get(node.name, {}))
        endpoint = Endpoint("Node", "", node.name, labels, node.addresses, node=node.name)
        yield Seat(f"node/{node.name}", f"node/{node.name}", SeatKind.HOST, endpoint, node.name)


def _refuse_shared_addresses(seats: Iterable[Seat]) -> None:
    """A packet can be for one namespace only. Raises InputError."""
    owner: dict[str, tuple[str, str]] = {}
    for seat in seats:
        space = seat.node if seat.kind is SeatKind.HOST else seat.name
        for address in map(canonical, seat.endpoint.addresses):
            held, other = owner.setdefault(address, (space, seat.name))
            if held != space:
                raise InputError(
                    f"{other} and {seat.name} both have the address {address}: a lab cannot send to either;"
                    " leave one of them out of the input"
                )


def _dns(model: Model, seats: Sequence[Seat]) -> tuple[str, ...]:
    """The seats that answer DNS."""
    found = {(e.kind, e.namespace, e.name) for e in _dns_endpoints(model, [seat.endpoint for seat in seats])}
    keys = {(s.endpoint.kind, s.endpoint.namespace, s.endpoint.name): s.name for s in seats}
    return tuple(sorted(name for key, name in keys.items() if key in found or key[1:] == _assumed()))


def _assumed() -> tuple[str, str]:
    return _DNS_POD.namespace, _DNS_POD.name


def _dns_endpoints(model: Model, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    return [e for part in WellKnown(model.cluster, endpoints).built_in("dns") for e in part.endpoints]
