"""Names in questions → ends: every reference that interface.md knows, and the Services that some of them stand for.

A reference that stands for nothing, or for several things, is an UnknownReference that says what there is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches

import msgspec
from msgspec import Struct

from podwall.api.core import Service
from podwall.cluster.endpoints import Endpoint, finished
from podwall.cluster.hosts import domain, external, hosts, node_endpoints, single
from podwall.cluster.objects import Cluster, name_of
from podwall.cluster.services import addresses_of
from podwall.engine.domains import Resolutions, canonical, covers, named
from podwall.engine.grouping import Group
from podwall.engine.index import Index
from podwall.engine.sets import AddrSet, address_number
from podwall.engine.verdict import End
from podwall.errors import UnknownReference

__all__ = ["References", "ServiceRef", "Target", "group_end", "with_addresses"]


class ServiceRef(Struct, frozen=True, gc=False):
    """A Service that is asked for, in one family if by an address; who stands behind it depends on the port."""

    namespace: str
    service: Service
    family: int | None = None

    @property
    def name(self) -> str:
        """The reference that names it."""
        return f"{self.namespace}/service/{name_of(self.service.metadata)}"


Target = tuple[End, ...] | ServiceRef


class References:
    """All that can be named in one cluster. `groups` is called when a name of a workload is first asked for.

    A name with a dot that is neither a Pod's nor a workload's is a domain name (C12): one of those that `resolutions`
    has stands for its addresses, any other that a rule means for itself.
    """

    def __init__(
        self,
        cluster: Cluster,
        index: Index,
        groups: Callable[[], list[Group]],
        namespace: str = "default",
        resolutions: Resolutions | None = None,
    ) -> None:
        self._cluster = cluster
        self._index = index
        self._namespace = namespace
        self._resolutions = resolutions or {}
        self._make_groups = groups
        self._pods = {(e.namespace, e.name): e for e, _ in index.endpoints() if e.kind == "Pod"}
        self._groups: dict[str, list[Group]] | None = None
        self._nodes = {e.name: e for e in node_endpoints(cluster)}
        self._addresses: dict[str, list[Target]] | None = None
        self._memo: dict[str, Target] = {}

    def target(self, reference: str) -> Target:
        """What a reference stands for. Raises UnknownReference."""
        found = self._memo.get(reference)
        if found is None:
            found = self._memo[reference] = self._look_up(reference)
        return found

    def _look_up(self, reference: str) -> Target:
        if _is_address(reference):
            return self.address(reference)
        match reference.split("/"):
            case [name] if name:
                return self._single(name)
            case ["node", name]:
                return (self._node(name),)
            case [namespace, name]:
                return self._named(namespace, name)
            case [namespace, kind, name] if kind.lower() == "service":
                return self._service(namespace, name)
            case [namespace, kind, name]:
                return (self._of_kind(namespace, kind, name),)
        raise UnknownReference(
            f"{reference!r} is no reference: write ns/name, ns/Kind/name, ns/service/name, node/NAME, an IP address"
            " or a domain name"
        )

    def _named(self, namespace: str, name: str) -> tuple[End, ...]:
        pod = self._pods.get((namespace, name))
        if pod is not None:
            return (self.pod_end(pod),)
        found = self._of_name(namespace, name)
        if len(found) == 1:
            return (group_end(found[0]),)
        if found:
            several = ", ".join(f"{namespace}/{g.kind}/{name}" for g in found)
            raise UnknownReference(f"{namespace}/{name} names more than one endpoint: {several}")
        raise UnknownReference(self._absent(namespace, name))

    def _single(self, name: str) -> Target:
        try:
            return self._named(self._namespace, name)
        except UnknownReference as error:
            if "." not in name:
                raise
            asked = canonical(name)
            if asked in self._resolutions:
                return tuple(self._resolved(asked, self._resolutions[asked]))
            if any(covers(pattern, asked) for pattern in named(self._index.policies.values())):
                return (End(asked, domain(asked)),)
            raise UnknownReference(f"{error}, nor does a policy mean it as a domain name") from None

    def _resolved(self, name: str, addresses: AddrSet) -> Iterator[End]:
        """Who has the addresses of a name; of external ones that no rule tells apart the first stands for all."""
        if not addresses:
            raise UnknownReference(f"{name} has no address: --resolutions says so")
        inside = [address for address in self._owners() if address in addresses]
        for address in sorted(inside, key=address_number):
            target = self.address(address)
            if isinstance(target, ServiceRef):
                raise UnknownReference(f"{name} has the address of a Service (C12): ask for {target.name}")
            yield from target
        for _, cell in self._index.cells()[0].external((4, 6)):
            left = addresses & cell
            for address in inside:
                left -= AddrSet.of(single(address))
            for part in (left.family(4), left.family(6)):
                if part:
                    yield from self._external(part.cidrs()[0].partition("/")[0])

    def _external(self, address: str) -> tuple[End, ...]:
        return (End(address, external(address)),)

    def _of_kind(self, namespace: str, kind: str, name: str) -> End:
        if kind.lower() == "pod":
            pod = self._pods.get((namespace, name))
            if pod is None:
                raise UnknownReference(self._absent(namespace, name))
            return self.pod_end(pod)
        for group in self._of_name(namespace, name):
            if group.kind.lower() == kind.lower():
                return group_end(group)
        raise UnknownReference(f"there is no {kind} {namespace}/{name} in the input, nor a Pod of it")

    def _of_name(self, namespace: str, name: str) -> list[Group]:
        """The workloads of this name; a Pod that no rule groups with others is no workload."""
        named = (g for g in self.groups_in(namespace) if g.kind != "Pod" and _controller_name(g) == name)
        return sorted(named, key=lambda g: g.kind)

    def _absent(self, namespace: str, name: str) -> str:
        """Why a name stands for nothing, with what was probably meant."""
        bucket = self._cluster.namespaces.get(namespace)
        if bucket is None:
            meant = _meant(namespace, self._cluster.namespaces)
            return f"{namespace}/{name}: there is no namespace {namespace!r} in the input{meant}"
        if any(name_of(p.object.metadata) == name and finished(p.object) for p in bucket.pods):
            return f"{namespace}/{name} has finished: a Succeeded or Failed Pod has no traffic"
        if any(name_of(s.object.metadata) == name for s in bucket.services):
            return (
                f"{namespace}/{name} is neither a Pod nor a workload; for the Service write {namespace}/service/{name}"
            )
        known = [g.name.split("/")[-1] for g in self.groups_in(namespace)]
        return f"there is no Pod or workload {namespace}/{name} in the input{_meant(name, known)}"

    def _node(self, name: str) -> End:
        node = self._nodes.get(name)
        if node is None:
            # A node that only Pods tell of (D19).
            node = next((e for e in hosts(self._cluster).values() if e.name == name), None)
        if node is None:
            raise UnknownReference(f"there is no Node {name!r} in the input{_meant(name, self._nodes)}")
        return End(f"node/{name}", node, node=name)

    def _service(self, namespace: str, name: str) -> ServiceRef:
        bucket = self._cluster.namespaces.get(namespace)
        for located in bucket.services if bucket else ():
            if name_of(located.object.metadata) == name:
                return ServiceRef(namespace, located.object)
        known = [name_of(s.object.metadata) for s in bucket.services] if bucket else []
        raise UnknownReference(f"there is no Service {namespace}/{name} in the input{_meant(name, known)}")

    def address(self, address: str, *, services: bool = True) -> Target:
        """Whose address it is (D19); Services are left out of account where their own backends are looked up."""
        text = _canonical(address)
        found = self._owners().get(text, [])
        if not services:
            found = [t for t in found if not isinstance(t, ServiceRef)]
        best = min(map(_rank, found), default=0)
        ranked = [t for t in found if _rank(t) == best]
        if len(ranked) > 1:
            several = ", ".join(t.name if isinstance(t, ServiceRef) else t[0].name for t in ranked)
            raise UnknownReference(f"{address} is the address of more than one endpoint: {several}")
        if not ranked:
            return self._external(text)
        chosen = ranked[0]
        if isinstance(chosen, ServiceRef):
            return ServiceRef(chosen.namespace, chosen.service, 6 if ":" in text else 4)
        return tuple(with_addresses(end, [text]) for end in chosen)

    def _owners(self) -> dict[str, list[Target]]:
        if self._addresses is None:
            self._addresses = self._all_addresses()
        return self._addresses

    def _all_addresses(self) -> dict[str, list[Target]]:
        out: dict[str, list[Target]] = {}
        for endpoint, _ in self._index.endpoints():
            if not endpoint.host_network:  # a host-network Pod counts as its node (D19)
                for address in endpoint.addresses:
                    out.setdefault(_canonical(address), []).append((self.pod_end(endpoint),))
        for bucket in self._cluster.namespaces.values():
            for located in bucket.services:
                for address in addresses_of(located.object):
                    out.setdefault(_canonical(address), []).append(ServiceRef(bucket.name, located.object))
        for address, node in hosts(self._cluster).items():
            out.setdefault(_canonical(address), []).append((End(f"node/{node.name}", node, node=node.name),))
        return out

    def pod_end(self, pod: Endpoint) -> End:
        """One Pod (or one workload's template) by its own name."""
        return End(f"{pod.namespace}/{pod.name}", pod, self._index.slot(pod), node=pod.node)

    def groups_in(self, namespace: str) -> list[Group]:
        """Everything in a namespace, grouped."""
        if self._groups is None:
            self._groups = {}
            for group in self._make_groups():
                self._groups.setdefault(group.namespace, []).append(group)
        return self._groups.get(namespace, [])


def _rank(target: Target) -> int:
    """A pod's address comes first, then a Service's, then a node's (D19)."""
    if isinstance(target, ServiceRef):
        return 1
    return 2 if target[0].member.kind == "Node" else 0


def _is_address(text: str) -> bool:
    return bool(text) and (text[0].isdigit() or ":" in text) and _canonical(text) != ""


def _canonical(address: str) -> str:
    """The address in its one spelling; empty for what is not an address."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(set(known)), n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def _controller_name(group: Group) -> str:
    controller = group.members[0].controller
    return controller.name if controller else ""


def group_end(group: Group) -> End:
    """A group by its name."""
    return End(group.name, group.members[0], group.slot, group.many, group.node, group.members)


def with_addresses(end: End, addresses: Sequence[str]) -> End:
    """An end that is asked for by some of its addresses has just those."""
    return msgspec.structs.replace(end, member=msgspec.structs.replace(end.member, addresses=tuple(addresses)))
