"""The live contents of sets: endpoints come and go, and each changes just the keys that it brings.

A definition is in use while some chain looks at its set; then its keys are kept, with how many endpoints bring each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from podwall.cluster.endpoints import Endpoint
from podwall.dataplane.contents import Living, Together, is_peer, keys_of, name_of, parts_of
from podwall.dataplane.script import PeerTerm
from podwall.engine.index import EndpointKey, Index, key_of
from podwall.engine.postings import bits
from podwall.engine.rules import Nodes, Pods
from podwall.engine.selections import Selections

__all__ = ["Members"]


class _Held(Struct):
    """A definition in use: its set's name, the ports of its peers, and each key with how often it is brought."""

    name: str
    parts: dict[PeerTerm, Together]
    keys: Counter[bytes] = field(default_factory=Counter)


class Members:
    """Mutable. `index` holds the pods and their namespaces' labels; nodes are held here.

    A peer of more endpoints than `wide` has a set of its own, which all groups share and look up apart. One of fewer is
    written into the groups' own sets, so that a packet of theirs needs one look-up, whatever the number of policies.
    """

    def __init__(self, index: Index, wide: int) -> None:
        self._index = index
        self._wide = wide
        self._nodes: dict[EndpointKey, Endpoint] = {}
        self._users: Counter[Living] = Counter()
        self._held: dict[Living, _Held] = {}
        self._by_peer: dict[PeerTerm, dict[Living, None]] = {}
        self._broad: dict[PeerTerm, None] = {}  # those of them that no selection leads to
        self._selections = Selections()
        self._watched: Counter[Pods | Nodes] = Counter()
        self._sizes: dict[Pods | Nodes, int] = {}
        self._slots: dict[tuple[str, int], list[Endpoint]] | None = None
        self.changes: dict[str, dict[bytes, int]] = {}  # set → key → +1 where it came, -1 where it went, 0 for both
        self.crossed: set[Pods | Nodes] = set()  # peers that became wide, or ceased to be

    # Events

    def put(self, endpoint: Endpoint) -> None:
        """An endpoint that is in the index by now."""
        if endpoint.kind == "Node":
            self._nodes[key_of(endpoint)] = endpoint
        self._slots = None
        self._count(endpoint, 1)

    def drop(self, endpoint: Endpoint) -> None:
        """An endpoint that goes, as it was put, with its namespace's labels as they were then."""
        self._nodes.pop(key_of(endpoint), None)
        self._slots = None
        self._count(endpoint, -1)

    def _count(self, endpoint: Endpoint, by: int) -> None:
        labels = self._index.labels_of(endpoint.namespace)
        peers = [peer for peer in self._candidates(endpoint) if is_peer(peer, endpoint, labels)]
        for peer in peers:
            self._resize(peer, by)
        for means in (*peers, *self._broad):
            for definition in self._by_peer.get(means, ()):
                self._change(definition, means, endpoint, by)

    def _candidates(self, endpoint: Endpoint) -> Iterator[Pods | Nodes]:
        if endpoint.kind != "Node":
            yield from self._selections.candidates(endpoint.namespace, endpoint.labels)
        if endpoint.kind == "Node" or endpoint.host_network:
            yield from [peer for peer in self._watched if isinstance(peer, Nodes)]

    def _resize(self, peer: Pods | Nodes, by: int) -> None:
        before = self._sizes[peer]
        self._sizes[peer] = before + by
        if (before > self._wide) is not (before + by > self._wide):
            self.crossed ^= {peer}

    def _change(self, definition: Living, peer: PeerTerm, endpoint: Endpoint, by: int) -> None:
        held = self._held[definition]
        for key in keys_of(definition, (peer, held.parts[peer]), endpoint):
            before = held.keys[key]
            if before + by:
                held.keys[key] = before + by
            else:
                del held.keys[key]
            if (before > 0) is not (before + by > 0):
                changed = self.changes.setdefault(held.name, {})
                changed[key] = changed.get(key, 0) + by

    # Use

    def watch(self, peers: Iterable[Pods | Nodes]) -> None:
        """From now on it is known how many endpoints these peers mean."""
        for peer in peers:
            self._watched[peer] += 1
            if self._watched[peer] == 1:
                self._sizes[peer] = sum(1 for _ in self._meant(peer))
                if isinstance(peer, Pods):
                    self._selections.add(peer)

    def unwatch(self, peers: Iterable[Pods | Nodes]) -> None:
        """The end of one `watch`."""
        for peer in peers:
            self._watched[peer] -= 1
            if not self._watched[peer]:
                del self._watched[peer], self._sizes[peer]
                self.crossed.discard(peer)
                if isinstance(peer, Pods):
                    self._selections.remove(peer)

    def is_wide(self, peer: PeerTerm) -> bool:
        """Whether a peer that is watched has a set of its own."""
        return isinstance(peer, Pods | Nodes) and self._sizes[peer] > self._wide

    def use(self, definition: Living) -> None:
        """A chain looks at the set; its peers are watched."""
        self._users[definition] += 1
        if self._users[definition] > 1:
            return
        held = self._held[definition] = _Held(name_of(definition), parts_of(definition))
        for peer in held.parts:
            self._by_peer.setdefault(peer, {})[definition] = None
            if not isinstance(peer, Pods | Nodes):
                self._broad[peer] = None
            for endpoint in self._meant(peer):
                held.keys.update(keys_of(definition, (peer, held.parts[peer]), endpoint))

    def release(self, definition: Living) -> None:
        """The end of one `use`."""
        self._users[definition] -= 1
        if self._users[definition]:
            return
        del self._users[definition]
        held = self._held.pop(definition)
        self.changes.pop(held.name, None)
        for peer in held.parts:
            del self._by_peer[peer][definition]
            if not self._by_peer[peer]:
                del self._by_peer[peer]
                self._broad.pop(peer, None)

    def keys(self, definition: Living) -> frozenset[bytes]:
        """What the set holds now."""
        return frozenset(self._held[definition].keys)

    # How

    def _meant(self, peer: PeerTerm) -> Iterator[Endpoint]:
        """Every endpoint that a peer means, or may mean by an address."""
        match peer:
            case Pods():
                table = self._by_slot()
                for namespace, slots in self._index.pods(peer).items():
                    for slot in bits(slots):
                        yield from table[namespace, slot]
            case Nodes():
                hosts = (e for namespace in self._index.namespaces for e, _ in self._hosts(namespace))
                yield from (e for e in (*self._nodes.values(), *hosts) if is_peer(peer, e, {}))
            case _:
                yield from (endpoint for endpoint, _ in self._index.endpoints())
                yield from self._nodes.values()

    def _hosts(self, namespace: str) -> Iterator[tuple[Endpoint, int]]:
        held = self._index.namespaces[namespace]
        return ((e, slot) for slot in bits(held.hosts) for e in self._by_slot()[namespace, slot])

    def _by_slot(self) -> Mapping[tuple[str, int], list[Endpoint]]:
        if self._slots is None:
            self._slots = {}
            for endpoint, slot in self._index.endpoints():
                self._slots.setdefault((endpoint.namespace, slot), []).append(endpoint)
        return self._slots
