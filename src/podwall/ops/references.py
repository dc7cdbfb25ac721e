"""Policies as public references: owner, file and line, looked up when an answer names them."""

from __future__ import annotations

from podwall.api.meta import ObjectMeta
from podwall.cluster.objects import Origin, kind_of, name_of
from podwall.engine.rules import PolicyRef
from podwall.ops.inputs import Opened
from podwall.report.public import Ref
from podwall.sources.owners import Owners

__all__ = ["Refs"]


class Refs:
    """Each policy is looked up once."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._owners = Owners(opened.revisions)
        self._found: dict[PolicyRef, Ref] = {}
        self._origins: dict[PolicyRef, tuple[Origin, str | None]] = {}
        for bucket in opened.model.cluster.namespaces.values():
            for policy in bucket.policies:
                meta = policy.object.metadata
                ref = PolicyRef("NetworkPolicy", bucket.name, meta.name or meta.generateName or "")
                self._origins[ref] = (policy.origin, self._owners.of(meta, policy.origin.source))
        for located in opened.model.cluster.cluster_policies:
            meta = located.object.metadata
            ref = PolicyRef(kind_of(located.object), "", name_of(meta))
            self._origins[ref] = (located.origin, self._owners.of(meta, located.origin.source))

    def of(self, named: tuple[str, str, str], origin: Origin | None) -> Ref:
        """Any object by kind, namespace and name; its owner is that of its file."""
        if origin is None:  # a namespace that nothing declares
            return Ref(*named, None, None, None)
        owner = self._owners.of(ObjectMeta(), origin.source)
        return Ref(*named, owner, origin.source, self._opened.positions.line(origin) or None)

    def origin(self, ref: Ref) -> Origin | None:
        """Where the object of a reference was read."""
        found = self._origins.get(PolicyRef(ref.kind, ref.namespace, ref.name))
        return None if found is None else found[0]

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
