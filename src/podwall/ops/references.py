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
    """Each policy is looked up once, and nothing is done about those that no answer names."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._owners = Owners(opened.revisions)
        self._found: dict[PolicyRef, Ref] = {}
        self._located: dict[str, dict[PolicyRef, tuple[ObjectMeta, Origin]]] = {}

    def of(self, named: tuple[str, str, str], origin: Origin | None) -> Ref:
        """Any object by kind, namespace and name; its owner is that of its file."""
        if origin is None:  # a namespace that nothing declares
            return Ref(*named, None, None, None)
        owner = self._owners.of(ObjectMeta(), origin.source)
        return Ref(*named, owner, origin.source, self._opened.positions.line(origin) or None)

    def origin(self, ref: Ref) -> Origin | None:
        """Where the object of a reference was read."""
        found = self._in(ref.namespace).get(PolicyRef(ref.kind, ref.namespace, ref.name))
        return None if found is None else found[1]

    @property
    def profile(self) -> str:
        """The profile that every answer names."""
        return self._opened.model.profile.name

    def __getitem__(self, policy: PolicyRef) -> Ref:
        found = self._found.get(policy)
        if found is None:
            meta, origin = self._in(policy.namespace)[policy]
            owner = self._owners.of(meta, origin.source)
            line = self._opened.positions.line(origin)
            found = self._found[policy] = Ref(
                policy.kind, policy.namespace, policy.name, owner, origin.source, line or None
            )
        return found

    def _in(self, namespace: str) -> dict[PolicyRef, tuple[ObjectMeta, Origin]]:
        """The policies of a namespace; of the whole cluster under ""."""
        if namespace not in self._located:
            cluster = self._opened.model.cluster
            bucket = cluster.namespaces.get(namespace)
            held = cluster.cluster_policies if not namespace else bucket.policies if bucket is not None else ()
            self._located[namespace] = {
                PolicyRef(kind_of(o.object), namespace, name_of(o.object.metadata)): (o.object.metadata, o.origin)
                for o in held
            }
        return self._located[namespace]
