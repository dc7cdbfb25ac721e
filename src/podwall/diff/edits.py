"""What was edited between two sides: policies, labels of namespaces, and what rules can see of endpoints.

An edit is one object that means something else to some rule than before. Each can be put into an index, as it is now or
with any of its parts undone; so a cause is found by judging again, and never by guessing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeAlias

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.diff.policy_parts import ADDED, CHANGED, REMOVED, Part, PolicyChange, policy_change
from podwall.diff.units import Unit
from podwall.engine.cells import Cells
from podwall.engine.index import EndpointKey, Index
from podwall.engine.rules import (
    Block,
    Domains,
    NamedPort,
    NamespacesMatching,
    Nodes,
    Peer,
    Pods,
    PolicyRef,
    PolicyRules,
)

__all__ = ["Edit", "EndpointEdit", "NamespaceEdit", "PolicyEdit", "Sight", "edits_of_namespaces", "edits_of_policies"]


class PolicyEdit(Struct, frozen=True):
    """A policy that came, went or changed; `change` where it did the last."""

    ref: PolicyRef
    old: PolicyRules | None
    new: PolicyRules | None
    change: PolicyChange | None
    parts: tuple[Part, ...]

    @property
    def what(self) -> str:
        """What happened to the policy as a whole."""
        if self.change is not None:
            return CHANGED
        return REMOVED if self.new is None else ADDED

    def put(self, index: Index, undone: frozenset[int]) -> None:
        """Makes the index hold the policy with some parts undone."""
        made = self.change.undone(undone) if self.change is not None else self.old if undone else self.new
        if made is None:
            index.drop_policy(self.ref)
        else:
            index.put_policy(made)


class NamespaceEdit(Struct, frozen=True):
    """A namespace whose labels changed; a part is one label."""

    name: str
    old: Mapping[str, str]
    new: Mapping[str, str]
    parts: tuple[Part, ...]
    what: str = CHANGED

    def put(self, index: Index, undone: frozenset[int]) -> None:
        """Makes the index hold the namespace with some labels as they were."""
        index.put_namespace(self.name, _relabeled(self.old, self.new, (self.parts[n].about for n in undone)))


class EndpointEdit(Struct, frozen=True):
    """A unit that rules see otherwise than before; a part is a label or one of its other fields.

    `key` is what stands for it in the index that `put` is about.
    """

    unit: Unit
    old: Endpoint
    new: Endpoint
    parts: tuple[Part, ...]
    what: str = CHANGED

    def put(self, index: Index, undone: frozenset[int]) -> None:
        """Makes the index hold the endpoint with some of its fields as they were."""
        chosen = [self.parts[number] for number in undone]
        labels = _relabeled(self.old.labels, self.new.labels, (p.about for p in chosen if p.path == _LABELS))
        fields = {name: getattr(self.old, name) for p in chosen for name in _FIELDS.get(p.path, ())}
        index.put_endpoint(msgspec.structs.replace(self.new, labels=labels, **fields))

    def standing_for(self, key: EndpointKey) -> EndpointEdit:
        """The same edit of an endpoint that goes by another name."""
        named = dict(zip(("kind", "namespace", "name"), key, strict=True))
        old, new = (msgspec.structs.replace(e, **named) for e in (self.old, self.new))
        return msgspec.structs.replace(self, old=old, new=new)


Edit: TypeAlias = PolicyEdit | NamespaceEdit | EndpointEdit

_LABELS = "metadata.labels"
_NODE = "spec.nodeName"
_FIELDS = {
    "spec.containers": ("ports",),
    "status.podIPs": ("addresses",),
    "spec.hostNetwork": ("host_network",),
    _NODE: ("host_labels",),
}


def _relabeled(old: Mapping[str, str], new: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """The new labels with those of some keys as they were."""
    out = dict(new)
    for key in keys:
        out.pop(key, None)
        if key in old:
            out[key] = old[key]
    return out


def edits_of_policies(old: Index, new: Index) -> Iterator[PolicyEdit]:
    """Every policy that is not the same on both sides, in order of name."""
    for ref in sorted(old.policies.keys() | new.policies.keys()):
        was, now = old.policies.get(ref), new.policies.get(ref)
        if was is not None and now is not None and was != now:
            change = policy_change(was, now)
            if change.parts:
                yield PolicyEdit(ref, was, now, change, change.parts)
        elif was is None or now is None:
            yield PolicyEdit(ref, was, now, None, (Part("", REMOVED if now is None else ADDED),))


def edits_of_namespaces(old: Index, new: Index, sight: Sight) -> Iterator[NamespaceEdit]:
    """Every namespace of both sides with other labels that some rule asks for, in order of name."""
    for name in sorted(old.namespaces.keys() & new.namespaces.keys()):
        was, now = old.labels_of(name), new.labels_of(name)
        if was != now:
            parts = tuple(_labels(was, now, sight.namespace_keys))
            if parts:
                yield NamespaceEdit(name, was, now, parts)


def _labels(old: Mapping[str, str], new: Mapping[str, str], keys: Iterable[str]) -> Iterator[Part]:
    for key in sorted(keys):
        was, now = old.get(key), new.get(key)
        if was != now:
            yield Part(_LABELS, ADDED if was is None else REMOVED if now is None else CHANGED, key)


class Sight:
    """All that the rules of some indexes can see of namespaces and endpoints."""

    def __init__(self, *indexes: Index) -> None:
        self._indexes = indexes

    @cached_property
    def _policies(self) -> list[PolicyRules]:
        return [policy for index in self._indexes for policy in index.policies.values()]

    @cached_property
    def _peers(self) -> set[Peer]:
        return {peer for policy in self._policies for rule in policy.rules for peer in rule.peers}

    @cached_property
    def _pods(self) -> set[Pods]:
        found = {i.subject for policy in self._policies for i in policy.isolations}
        found |= {rule.subject for policy in self._policies for rule in policy.rules}
        return found | {peer for peer in self._peers if isinstance(peer, Pods)}

    @cached_property
    def pod_keys(self) -> set[str]:
        """The keys of labels that some rule asks Pods for."""
        return {term.key for pods in self._pods for term in pods.selector.terms}

    @cached_property
    def namespace_keys(self) -> set[str]:
        """The keys of labels that some rule asks namespaces for."""
        scopes = [pods.scope.selector for pods in self._pods if isinstance(pods.scope, NamespacesMatching)]
        return {term.key for selector in scopes for term in selector.terms}

    @cached_property
    def _node_keys(self) -> set[str]:
        return {term.key for peer in self._peers if isinstance(peer, Nodes) for term in peer.selector.terms}

    @cached_property
    def _port_names(self) -> set[str]:
        rules = (rule for policy in self._policies for rule in policy.rules)
        return {term.name for rule in rules for term in rule.ports if isinstance(term, NamedPort)}

    @cached_property
    def _cells(self) -> Cells:
        blocks = {peer.addresses for peer in self._peers if isinstance(peer, Block | Domains)}
        return Cells(sorted(blocks, key=lambda block: block.spans))

    def edit_of(self, unit: Unit) -> EndpointEdit | None:
        """What rules see otherwise in a unit that both sides have; None for nothing."""
        old, new = unit.old[0], unit.new[0]
        if old == new and unit.many[0] == unit.many[1]:  # nearly all of them
            return None
        parts = (*_labels(old.labels, new.labels, self.pod_keys), *self._fields(old, new))
        if unit.many[0] != unit.many[1]:
            parts = (*parts, Part("spec.replicas", CHANGED))
        return EndpointEdit(unit, old, new, parts) if parts else None

    def _fields(self, old: Endpoint, new: Endpoint) -> Iterator[Part]:
        if self._ports(old) != self._ports(new):
            yield Part("spec.containers", CHANGED)
        if self._held(old) != self._held(new):
            yield Part("status.podIPs", CHANGED)
        if old.host_network != new.host_network:
            yield Part("spec.hostNetwork", CHANGED)
        if self._node(old) != self._node(new):
            yield Part(_NODE, CHANGED)

    def _ports(self, endpoint: Endpoint) -> set[object]:
        return {port for port in endpoint.ports if port.name in self._port_names}

    def _held(self, endpoint: Endpoint) -> list[tuple[bool, int]]:
        return [(":" in address, self._cells.at(address)) for address in endpoint.addresses]

    def _node(self, endpoint: Endpoint) -> dict[str, str] | None:
        known = endpoint.host_labels
        return None if known is None else {key: known[key] for key in sorted(self._node_keys & known.keys())}
