"""Policies as public references: owner, file and line, looked up when an answer names them."""

from __future__ import annotations

import msgspec

from podwall.api.kinds import KubernetesObject
from podwall.cluster.objects import Located, Origin, kind_of, name_of
from podwall.engine.rules import PolicyRef
from podwall.ops.inputs import Opened
from podwall.report.public import Ref
from podwall.sources.reduced import reduced

__all__ = ["Refs"]


class Refs:
    """Each policy is looked up once."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._found: dict[PolicyRef, Ref] = {}
        self._origins: dict[PolicyRef, tuple[Origin, str | None]] = {}
        self._policies: dict[PolicyRef, KubernetesObject] = {}

    def _place(self, ref: PolicyRef) -> tuple[Origin, str | None] | None:
        """Where a policy was read, and its owner; those of its namespace are looked up with it."""
        if ref not in self._origins:
            cluster = self._opened.model.cluster
            bucket = cluster.namespaces.get(ref.namespace)
            held = bucket.policies if bucket is not None else () if ref.namespace else cluster.cluster_policies
            for located in held:
                self._add(ref.namespace, located)
        return self._origins.get(ref)

    def _add(self, namespace: str, located: Located[KubernetesObject]) -> None:
        item, origin = located.object, located.origin
        ref = PolicyRef(kind_of(item), namespace, name_of(item.metadata))
        self._origins[ref] = (origin, self._opened.owners.of(item.metadata, origin.source))
        self._policies[ref] = item

    def of(self, named: tuple[str, str, str], origin: Origin | None) -> Ref:
        """Any object by kind, namespace and name; its owner is that of its file."""
        if origin is None:  # a namespace that nothing declares
            return Ref(*named, None, None, None)
        owner = self._opened.owners.of_file(origin.source)
        return Ref(*named, owner, origin.source, self._opened.positions.line(origin) or None)

    def origin(self, ref: Ref) -> Origin | None:
        """Where the object of a reference was read."""
        found = self._place(PolicyRef(ref.kind, ref.namespace, ref.name))
        return None if found is None else found[0]

    def plain(self, ref: Ref) -> object:
        """The policy of a reference as plain values, with all that says something."""
        item = self._policies[PolicyRef(ref.kind, ref.namespace, ref.name)]
        return msgspec.to_builtins(reduced(item, ref.namespace))

    @property
    def profile(self) -> str:
        """The profile that every answer names."""
        return self._opened.model.profile.name

    def __getitem__(self, policy: PolicyRef) -> Ref:
        found = self._found.get(policy)
        if found is None:
            place = self._place(policy)
            if place is None:
                raise LookupError(policy)
            origin, owner = place
            line = self._opened.positions.line(origin)
            found = self._found[policy] = Ref(
                policy.kind, policy.namespace, policy.name, owner, origin.source, line or None
            )
        return found
