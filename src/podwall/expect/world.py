"""All pairs of one cluster as assertions ask about them: endpoints by number, and rows of what a source reaches.

The rows are the engine's; here they are kept by the ports that are asked about, so that an assertion about thousands
of pods costs a row for each sort of source and no verdict for each pair.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.grants import EXTERNAL
from podwall.engine.grouping import Group, groups_of
from podwall.engine.index import EndpointKey, Index, key_of
from podwall.engine.model import Model
from podwall.engine.reach import Flow, Reach, Sources, overlap
from podwall.engine.sets import NO_PORTS, AddrSet, PortSet
from podwall.engine.verdict import is_selectable
from podwall.expect.ends import NODES

__all__ = ["Open", "World"]


class Open(Struct, frozen=True):
    """What a source reaches on some ports, by family: the atoms with any of them open, and with all of them."""

    some: dict[int, int]
    full: dict[int, int]


class World:
    """A cluster with the nodes that assertions name; endpoints are numbered in order of namespace, name and kind."""

    def __init__(self, model: Model, nodes: Iterable[Endpoint] = ()) -> None:
        self.model = model
        hosts = {key_of(node): node for node in nodes}
        self.index = _with_nodes(model, hosts.values()) if hosts else model.index
        self.reach = Reach(self.index) if hosts else model.reach
        groups = groups_of(self.index, self.reach.layout) if hosts else model.groups(model.reach)
        held = ((e, group) for group in groups for e in group.members)
        ordered = sorted(held, key=lambda item: (item[0].namespace, item[0].name, item[0].kind))
        self.endpoints: list[Endpoint] = [endpoint for endpoint, _ in ordered]
        self.groups: list[Group] = [group for _, group in ordered]
        self.numbers: dict[EndpointKey, int] = {key_of(e): number for number, e in enumerate(self.endpoints)}
        self._sources: list[Sources] = list(self.reach.sources())
        self._row_of = {atom: n for n, sources in enumerate(self._sources) for atom in sources.atoms}
        self._flows: dict[int, list[Flow]] = {}
        self._open: dict[tuple[int, PortSet], Open] = {}

    def knows(self, nodes: Iterable[Endpoint]) -> bool:
        """Whether the nodes are all in it, so that it can be asked about them."""
        return all(key_of(node) in self.numbers for node in nodes)

    @cached_property
    def cells(self) -> list[tuple[int, AddrSet]]:
        """The external atoms with their addresses."""
        if not self.reach.externals:
            return []
        held: dict[int, list[AddrSet]] = {}
        atoms = self.reach.layout.atom_of(EXTERNAL)
        for slot, addresses in enumerate(self.reach.externals):
            held.setdefault(atoms[slot], []).append(addresses)
        found = ((atom, AddrSet.union(parts)) for atom, parts in held.items())
        return sorted(found, key=lambda item: item[1].spans)

    def atom(self, number: int) -> int:
        """The atom of an endpoint."""
        return self.groups[number].atom

    def name(self, number: int) -> str:
        """What an endpoint is shown as: its workload where no rule tells its replicas apart."""
        endpoint = self.endpoints[number]
        return f"node/{endpoint.node}" if endpoint.kind == "Node" else self.groups[number].name

    def shown(self, endpoint: Endpoint) -> str:
        """The same of an endpoint."""
        return self.name(self.numbers[key_of(endpoint)])

    def own_node(self, source: int, destination: int) -> bool:
        """Whether the source is on the destination's node, and on that node's network (N17, D4)."""
        host, pod = self.endpoints[source], self.endpoints[destination]
        return self.is_host(source) and host.node is not None and host.node == pod.node and is_selectable(pod)

    def is_host(self, number: int) -> bool:
        """Whether the endpoint is on its node's network."""
        return self.endpoints[number].host_network

    def row(self, atom: int) -> int:
        """The number of the row of an atom; atoms that reach the same have the same."""
        return self._row_of[atom]

    def open(self, row: int, ports: PortSet) -> Open:
        """What the sources of a row reach on some ports."""
        key = (row, ports)
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = _open(self._flows_of(row), ports)
        return found

    def ports(self, source: int, destination: int, family: int) -> PortSet:
        """The ports that are open from one atom to another in a family."""
        found = NO_PORTS
        for flow in self._flows_of(self._row_of[source]):
            if flow.family == family and flow.destinations >> destination & 1:
                found |= flow.ports
        return found

    def _flows_of(self, row: int) -> list[Flow]:
        found = self._flows.get(row)
        if found is None:
            found = self._flows[row] = list(self.reach.flows(self._sources[row]))
        return found


def _with_nodes(model: Model, nodes: Iterable[Endpoint]) -> Index:
    out = Index(model.profile)
    for bucket in model.cluster.namespaces.values():
        out.put_namespace(bucket.name, bucket.labels)
    out.put_namespace(NODES, {})
    for policy in model.index.policies.values():
        out.put_policy(policy)
    for endpoint in (*model.endpoints, *nodes):
        out.put_endpoint(endpoint)
    return out


def _open(flows: Iterable[Flow], ports: PortSet) -> Open:
    some: dict[int, int] = {}
    by_family: dict[int, list[Flow]] = {}
    for flow in flows:
        if overlap(flow.ports, ports):
            some[flow.family] = some.get(flow.family, 0) | flow.destinations
            by_family.setdefault(flow.family, []).append(flow)
    return Open(some, {family: _full(found, ports) for family, found in by_family.items()})


def _full(flows: list[Flow], ports: PortSet) -> int:
    """The atoms with all of the ports open: those of every piece of them that no flow cuts."""
    pieces = [ports]
    for cutting in {flow.ports for flow in flows}:
        pieces = [part for piece in pieces for part in (piece & cutting, piece - cutting) if part]
    full = -1
    for piece in pieces:
        reached = 0
        for flow in flows:
            if piece <= flow.ports:
                reached |= flow.destinations
        full &= reached
    return full
