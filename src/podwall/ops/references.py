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
        for bucket in opened.model.cluster.namespaces.values():
            for policy in bucket.policies:
                self._add(bucket.name, policy)
        for located in opened.model.cluster.cluster_policies:
            self._add("", located)

    def _add(self, namespace: str, located: Located[KubernetesObject]) -> None:
        item, origin = located.object, located.origin
        ref = PolicyRef(kind_of(item), namespace, name_of(item.metadata))
        self._origins[ref] = (origin, self._opened.owners.of(item.metadata, origin.source))
        self._policies[ref] = item

    def origin(self, ref: Ref) -> Origin | None:
        """Where the object of a reference was read."""
        found = self._origins.get(PolicyRef(ref.kind, ref.namespace, ref.name))
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
            origin, owner = self._origins[policy]
            line = self._opened.positions.line(origin)
            found = self._found[policy] = Ref(
                policy.kind, policy.namespace, policy.name, owner, origin.source, line or None
            )
        return found
