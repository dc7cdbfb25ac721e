"""The index that joins labels, selectors, endpoint sets and rules, and that every event updates in place.

A batch is nothing but many events on an empty index. Events are queued and settled when somebody asks, so a batch
settles once and a single event costs what it changes. Sets of endpoints are `Slots`: for each namespace the classes of
endpoints in it, as bits. A class is all that rules can see of an endpoint.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.profile import Profile
from podwall.engine.cells import Cells
from podwall.engine.classes import Cell, EndpointClass, NamespaceIndex
from podwall.engine.postings import Postings, bits
from podwall.engine.rules import Block, Domains, InNamespace, NamespacesMatching, Nodes, Pods, PolicyRef, PolicyRules
from podwall.engine.selections import Selections, selections_of
from podwall.engine.sets import AddrSet, address_number

__all__ = ["EndpointKey", "Index", "Slots", "key_of"]

Slots: TypeAlias = dict[str, int]
EndpointKey: TypeAlias = tuple[str, str, str]  # kind, namespace, name


class _Place(Struct):
    """Where an endpoint stands; `slot` is -1 until it is settled."""

    endpoint: Endpoint
    slot: int = -1


def key_of(endpoint: Endpoint) -> EndpointKey:
    """What identifies an endpoint among all."""
    return endpoint.kind, endpoint.namespace, endpoint.name


class Index:
    """Mutable. Puts replace what had the same name; drops of what is not there do nothing."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.policies: dict[PolicyRef, PolicyRules] = {}
        self._own: dict[str, dict[PolicyRef, PolicyRules]] = {}  # the same by namespace
        self._namespaces: dict[str, NamespaceIndex] = {}
        self._labels: dict[str, dict[str, str]] = {}
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._namespace_postings = Postings()
        self._places: dict[EndpointKey, _Place] = {}
        self._unsettled: dict[EndpointKey, None] = {}  # in order: neighbors in memory are settled together
        self._blocks: dict[AddrSet, Counter[PolicyRef]] = {}
        self._block_numbers: dict[AddrSet, int] = {}
        self._cells = Cells(())
        self._cells_stale = False
        self._by_cell: dict[Cell, Slots] = {}
        self._users: dict[Pods, Counter[PolicyRef]] = {}
        self._selections = Selections()
        self._naming_nodes: set[PolicyRef] = set()
        self._members: dict[str, list[_Place]] = {}  # by namespace; empty until somebody asks
        self._by_address: list[tuple[int, _Place]] = []  # the same, in order of address
        self._sets: dict[Pods, Slots] = {}
        self._changed: set[PolicyRef] = set()
        self._watched = False  # whether somebody holds sets, or knows of policies, that an event may change

    # Events

    def put_namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """A namespace with its labels (name label included) comes or changes."""
        if name in self._labels:
            self.drop_namespace(name)
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        self._labels[name] = dict(labels)
        self._namespace_postings.add(self._numbers[name], labels)
        self._forget_scopes(labels)

    def drop_namespace(self, name: str) -> None:
        """A namespace goes; its endpoints are dropped on their own."""
        labels = self._labels.pop(name, None)
        if labels is not None:
            self._namespace_postings.remove(self._numbers[name], labels)
            self._forget_scopes(labels)

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """An endpoint comes or changes."""
        key = key_of(endpoint)
        self.drop_endpoint(key)
        self._places[key] = _Place(endpoint)
        self._unsettled[key] = None

    def drop_endpoint(self, key: EndpointKey) -> None:
        """An endpoint goes."""
        self._members, self._by_address = {}, []
        place = self._places.pop(key, None)
        if place is not None:
            self._unsettled.pop(key, None)
            self._displace(place)

    def put_policy(self, policy: PolicyRules) -> None:
        """A policy comes or changes."""
        self.drop_policy(policy.policy)
        self.policies[policy.policy] = policy
        self._own.setdefault(policy.policy.namespace, {})[policy.policy] = policy
        self._changed.add(policy.policy)
        if any(isinstance(peer, Nodes) for rule in policy.rules for peer in rule.peers):
            self._naming_nodes.add(policy.policy)
        for selection in selections_of(policy):
            if selection not in self._users:
                self._users[selection] = Counter()
                self._selections.add(selection)
            self._users[selection][policy.policy] += 1
        for block in _blocks(policy):
            if block not in self._blocks:
                self._blocks[block] = Counter()
                self._cells_stale = True
            self._blocks[block][policy.policy] += 1

    def drop_policy(self, ref: PolicyRef) -> None:
        """A policy goes."""
        policy = self.policies.pop(ref, None)
        if policy is None:
            return
        del self._own[ref.namespace][ref]
        self._changed.add(ref)
        self._naming_nodes.discard(ref)
        for selection in selections_of(policy):
            if _release(self._users[selection], ref):
                del self._users[selection]
                self._selections.remove(selection)
                self._sets.pop(selection, None)
        for block in _blocks(policy):
            if _release(self._blocks[block], ref):
                del self._blocks[block]
                self._cells_stale = True

    def changed(self) -> frozenset[PolicyRef]:
        """The policies that came, went, or whose sets of endpoints may differ since the last call."""
        self._settle()
        out, self._changed = frozenset(self._changed), set()
        self._watched = True
        return out

    # Questions

    @property
    def namespaces(self) -> dict[str, NamespaceIndex]:
        """Every namespace that has or had endpoints."""
        self._settle()
        return self._namespaces

    def policies_in(self, namespace: str) -> Iterable[PolicyRules]:
        """The policies of one namespace, or with "" those of the whole cluster."""
        return self._own.get(namespace, {}).values()

    @property
    def blocks(self) -> frozenset[AddrSet]:
        """The blocks that some rule names."""
        return frozenset(self._blocks)

    def endpoints(self) -> Iterator[tuple[Endpoint, int]]:
        """Every endpoint with its slot, in no order."""
        self._settle()
        for place in self._places.values():
            yield place.endpoint, place.slot

    def members(self, namespace: str) -> Iterator[tuple[Endpoint, int]]:
        """The endpoints of one namespace with their slots, in no order."""
        self._settle()
        if not self._members:
            for place in self._places.values():
                self._members.setdefault(place.endpoint.namespace, []).append(place)
        return ((place.endpoint, place.slot) for place in self._members.get(namespace, ()))

    def at(self, addresses: AddrSet) -> Slots:
        """The classes with an address that is one of these, whether some rule names them or not."""
        self._settle()
        if addresses and not self._by_address:
            found = ((address_number(a), place) for place in self._places.values() for a in place.endpoint.addresses)
            self._by_address = sorted(found, key=lambda held: held[0])
        out: Slots = {}
        for first, last in addresses.spans:
            for n in range(bisect_left(self._by_address, first, key=lambda held: held[0]), len(self._by_address)):
                number, place = self._by_address[n]
                if number > last:
                    break
                out[place.endpoint.namespace] = out.get(place.endpoint.namespace, 0) | 1 << place.slot
        return out

    def slot(self, endpoint: Endpoint) -> int:
        """The slot of an endpoint's class, in its namespace."""
        self._settle()
        return self._places[key_of(endpoint)].slot

    def labels_of(self, namespace: str) -> Mapping[str, str]:
        """A namespace's labels; none for one that was never put."""
        return self._labels.get(namespace, {})

    def pods(self, selection: Pods) -> Slots:
        """The classes that a subject or peer selects; namespaces without any are left out. Not to be changed."""
        self._settle()
        found = self._sets.get(selection)
        if found is None:
            found = self._select(selection)
            if selection in self._users:
                self._sets[selection] = found
                self._watched = True
        return found

    def pods_in(self, namespace: str, selection: Pods) -> int:
        """The same for one namespace only, as bits."""
        self._settle()
        found = self._sets.get(selection)
        if found is not None:
            return found.get(namespace, 0)
        held = self._namespaces.get(namespace)
        return held.selectable.select(selection.selector) if held and self._covers(selection, namespace) else 0

    def pods_among(self, namespaces: Collection[str], selection: Pods) -> Slots:
        """The same for some namespaces; those without any are left out."""
        if isinstance(selection.scope, InNamespace):
            namespaces = (selection.scope.name,) if selection.scope.name in namespaces else ()
        return {name: slots for name in namespaces if (slots := self.pods_in(name, selection))}

    def block(self, block: Block, family: int) -> Slots:
        """The classes that have an address of the family in the block (N10, C8, D1)."""
        if not (block.everywhere or self.profile.blocks_match_cluster):
            return {}
        return self.addressed(block.addresses, family)

    def nodes(self, nodes: Nodes) -> Slots:
        """The classes of host-network pods on matching nodes (C9)."""
        self._settle()
        out: Slots = {}
        for name, namespace in self._namespaces.items():
            for slot in bits(namespace.hosts):
                cls = namespace.classes[slot]
                if cls and cls.host_labels is not None and nodes.selector.matches(dict(cls.host_labels)):
                    out[name] = out.get(name, 0) | 1 << slot
        return out

    def addressed(self, addresses: AddrSet, family: int) -> Slots:
        """The classes that have an address of the family in a block that some rule names."""
        self._settle()
        number = self._block_numbers.get(addresses)
        if number is None:
            return {}
        out: Slots = {}
        for (cell_family, mask), held in self._by_cell.items():
            if cell_family == family and mask >> number & 1:
                for name, slots in held.items():
                    out[name] = out.get(name, 0) | slots
        return out

    def cells(self) -> tuple[Cells, Mapping[AddrSet, int]]:
        """The address cells, and the bit that each block has in them."""
        self._settle()
        return self._cells, self._block_numbers

    # How

    def _select(self, selection: Pods) -> Slots:
        out: Slots = {}
        for name in self._scope(selection):
            namespace = self._namespaces.get(name)
            if namespace is not None:
                slots = namespace.selectable.select(selection.selector)
                if slots:
                    out[name] = slots
        return out

    def _scope(self, selection: Pods) -> Iterable[str]:
        match selection.scope:
            case InNamespace(name):
                return (name,)
            case NamespacesMatching(selector):
                return (self._names[n] for n in bits(self._namespace_postings.select(selector)))

    def _settle(self) -> None:
        if self._cells_stale:
            self._cells_stale = False
            self._renumber_blocks()
            self._replace_moved()
        if self._unsettled:
            for key in self._unsettled:
                self._place(self._places[key])
            self._unsettled = {}

    def _renumber_blocks(self) -> None:
        """Keeps the number of every block that stays, so that few endpoints change their cell."""
        numbers = {b: n for b, n in self._block_numbers.items() if b in self._blocks}
        free = iter(sorted(set(range(len(self._blocks))) - set(numbers.values())))
        for block in sorted(set(self._blocks) - set(numbers), key=lambda b: b.spans):
            numbers[block] = next(free)
        self._block_numbers = numbers
        table = [AddrSet()] * (max(numbers.values(), default=-1) + 1)
        for block, number in numbers.items():
            table[number] = block
        self._cells = Cells(table)

    def _replace_moved(self) -> None:
        for key, place in self._places.items():
            if place.slot >= 0:
                cls = self._namespaces[place.endpoint.namespace].classes[place.slot]
                if cls is None or cls.cells != self._cells_of(place.endpoint):
                    self._displace(place)
                    self._unsettled[key] = None

    def _cells_of(self, endpoint: Endpoint) -> tuple[Cell, ...]:
        at = self._cells.at
        return tuple((6 if ":" in address else 4, at(address)) for address in endpoint.addresses)

    def _place(self, place: _Place) -> None:
        e = place.endpoint
        namespace = self._namespaces.get(e.namespace)
        if namespace is None:
            namespace = self._namespaces[e.namespace] = NamespaceIndex()
        host_labels = None if e.host_labels is None else frozenset(e.host_labels.items())
        cls = EndpointClass(frozenset(e.labels.items()), e.ports, self._cells_of(e), e.host_network, host_labels)
        place.slot, new = namespace.enter(cls, e.labels)
        self._member_changed(e, cls, class_too=new)
        if new:
            for cell in cls.cells:
                held = self._by_cell.setdefault(cell, {})
                held[e.namespace] = held.get(e.namespace, 0) | 1 << place.slot

    def _displace(self, place: _Place) -> None:
        if place.slot < 0:
            return
        member, bit = place.endpoint, 1 << place.slot
        namespace = self._namespaces[member.namespace]
        cls, gone = namespace.leave(place.slot)
        place.slot = -1
        self._member_changed(member, cls, class_too=gone)
        if gone:
            for cell in set(cls.cells):
                held = self._by_cell[cell]
                held[member.namespace] &= ~bit
                if not held[member.namespace]:
                    del held[member.namespace]
                    if not held:
                        del self._by_cell[cell]

    def _member_changed(self, member: Endpoint, cls: EndpointClass, *, class_too: bool) -> None:
        """Notes the policies that mean an endpoint which came or went; with its class, their sets are made anew."""
        if not self._watched:
            return
        for selection in self._selections.candidates(member.namespace, member.labels):
            if selection.selector.matches(member.labels) and self._covers(selection, member.namespace):
                self._changed.update(self._users[selection])
                if class_too:
                    self._sets.pop(selection, None)
        if cls.host_network:
            self._changed.update(self._naming_nodes)
        for block, number in self._block_numbers.items():
            if block in self._blocks and any(mask >> number & 1 for _, mask in cls.cells):
                self._changed.update(self._blocks[block])

    def _covers(self, selection: Pods, namespace: str) -> bool:
        match selection.scope:
            case InNamespace(name):
                return name == namespace
            case NamespacesMatching(selector):
                return selector.matches(self.labels_of(namespace))

    def _forget_scopes(self, labels: Mapping[str, str]) -> None:
        if self._watched:
            for selection in self._selections.across_namespaces():
                if isinstance(selection.scope, NamespacesMatching) and selection.scope.selector.matches(labels):
                    self._forget(selection)

    def _forget(self, selection: Pods) -> None:
        self._sets.pop(selection, None)
        self._changed.update(self._users[selection])


def _release(users: Counter[PolicyRef], ref: PolicyRef) -> bool:
    """One use less; whether it was the last of all."""
    users[ref] -= 1
    if not users[ref]:
        del users[ref]
    return not users


def _blocks(policy: PolicyRules) -> Iterator[AddrSet]:
    for rule in policy.rules:
        for peer in rule.peers:
            if isinstance(peer, Block | Domains) and peer.addresses:
                yield peer.addresses
