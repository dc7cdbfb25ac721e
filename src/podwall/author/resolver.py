"""Where the pods of a cluster ask for names: its DNS pods, at their own ports, and a cache on each node."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from podwall.api.core import Pod, PodSpec
from podwall.api.meta import PlainMeta
from podwall.author.compose import IGNORE, Said, open_side, permit
from podwall.author.recipe import Draft
from podwall.cluster.endpoints import Endpoint, endpoints_of
from podwall.cluster.hosts import single
from podwall.cluster.objects import Bucket, Cluster, Located, Origin, name_of, namespace_labels
from podwall.cluster.services import addresses_of
from podwall.cluster.wellknown import WellKnown
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite
from podwall.needs.need import Grant, Need
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["allow_dns", "asked_for_names", "let_in_by_dns", "with_dns"]

_SYSTEM = "kube-system"
_CACHE = "node-local-dns"
_CACHE_ADDRESS = "169.254.20.10/32"  # the link-local address that NodeLocal DNSCache listens at unless told otherwise
_BOTH = PortSet.of("UDP", 53) | PortSet.of("TCP", 53)
# What installers set up, where the input says nothing about kube-system.
_TAKEN = "the input has no DNS in kube-system: it is taken to be pods labeled k8s-app=kube-dns there, at port 53"
_STANDARD = Endpoint("Pod", _SYSTEM, "coredns", {"k8s-app": "kube-dns"}, ("198.18.255.53", "2001:2:0:255::53"))


def allow_dns(site: Site, subjects: Party, cache: tuple[str, ...] = ()) -> Draft:
    """Lets some pods ask for names: at their own end, and at the DNS pods' where these are isolated.

    Raises CannotWrite where kube-system is in the input without DNS.
    """
    pods, local = _pods(site), _local(site, cache)
    grants = asked_for_names(site, cache)
    ignore = {IGNORE: "PW152: NodeLocal DNSCache answers at the address of the DNS Service"} if len(local) > 1 else None
    about = f"Every pod of {subjects.namespace} may ask {' and '.join(g.peers.name for g in grants)} for names."
    out = permit(site, Direction.EGRESS, subjects, grants, Said("allow-dns", (about,), ignore))
    if not site.endpoints(_SYSTEM):
        return out + Draft(notes=(_TAKEN,))
    return out + let_in_by_dns(site, subjects, pods)


def let_in_by_dns(site: Site, subjects: Party, pods: Sequence[Grant]) -> Draft:
    """What the DNS pods themselves must let in, where they are isolated."""
    out = Draft()
    for grant in pods:
        out += open_side(site, Direction.INGRESS, subjects, grant.peers, grant.ports)
        out += Draft(needs=(Need(subjects, grant.peers, grant.ports),), sudden=False)
    return out


def asked_for_names(site: Site, cache: tuple[str, ...] = ()) -> list[Grant]:
    """Whom pods ask for names: the DNS pods, and a cache on each node; what installers set up, without kube-system.

    Raises CannotWrite where kube-system is in the input without DNS.
    """
    pods, local = _pods(site), _local(site, cache)
    if not pods and not local:
        raise CannotWrite(
            "kube-system has pods in the input, and none of them is DNS that Podwall knows: add the rest of it"
        )
    return [*pods, *([Grant(Party("the DNS cache of each node", cidrs=local), _BOTH)] if local else [])]


def with_dns(cluster: Cluster) -> tuple[Cluster, str]:
    """The cluster with what installers set up as DNS where it has none, and the note that says so, else empty."""
    known = list(endpoints_of(cluster))
    if WellKnown(cluster, known).built_in("dns"):
        return cluster, ""
    bucket = cluster.namespaces.get(_SYSTEM) or Bucket(_SYSTEM, namespace_labels(_SYSTEM, None), None)
    pod = Pod("v1", PlainMeta(name="podwall-dns", namespace=_SYSTEM, labels=dict(_STANDARD.labels)), PodSpec())
    pods = (*bucket.pods, Located(pod, Origin("")))
    return cluster.replace([structs.replace(bucket, pods=pods)]), _TAKEN


def _local(site: Site, cache: tuple[str, ...]) -> tuple[str, ...]:
    return cache or tuple(sorted(_caches(site)))


def _pods(site: Site) -> list[Grant]:
    """The DNS pods with their real ports, UDP and TCP; without any pod of kube-system, what installers set up."""
    if not site.endpoints(_SYSTEM):
        return [Grant(Party("the cluster's DNS", _SYSTEM, (_STANDARD,)), _BOTH)]
    found = []
    for members in site.well_known.built_in("dns"):
        ports = NO_PORTS
        for number in {int(port.partition("/")[0]) for port in members.ports or ()}:
            ports |= PortSet.of("UDP", number) | PortSet.of("TCP", number)
        pods = [e for e in members.endpoints if e.labels.get("k8s-app") != _CACHE]
        if pods:
            found.append(Grant(site.of_pods("the cluster's DNS", pods), ports))
    return found


def _caches(site: Site) -> set[str]:
    """NodeLocal DNSCache, where it runs: at its own address, and at that of the DNS Service, which it takes over."""
    running = any(_CACHE in (e.name, e.labels.get("k8s-app")) for e in site.endpoints(_SYSTEM))
    return {_CACHE_ADDRESS} | _service_addresses(site) if running else set()


def _service_addresses(site: Site) -> set[str]:
    bucket = site.bucket(_SYSTEM)
    found = (
        s.object for s in (bucket.services if bucket else ()) if name_of(s.object.metadata) in ("kube-dns", "coredns")
    )
    return {single(a) for service in found for a in addresses_of(service)}
