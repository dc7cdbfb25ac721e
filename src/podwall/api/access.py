"""rbac.authorization.k8s.io and ServiceAccounts: who uses the API."""

from __future__ import annotations

from msgspec import Struct, field

from podwall.api.meta import ObjectMeta

__all__ = ["ClusterRoleBinding", "RoleBinding", "RoleRef", "ServiceAccount", "Subject"]


class ServiceAccount(Struct, frozen=True, gc=False, tag_field="kind", tag="ServiceAccount"):
    """core/v1 ServiceAccount: its annotations bind it to an identity of a cloud."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    automountServiceAccountToken: bool | None = None


class Subject(Struct, frozen=True, gc=False):
    """Whom a role is bound to."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None


class RoleRef(Struct, frozen=True, gc=False):
    """The role that is bound."""

    kind: str = ""
    name: str = ""


class RoleBinding(Struct, frozen=True, gc=False, tag_field="kind", tag="RoleBinding"):
    """rbac.authorization.k8s.io RoleBinding."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    subjects: list[Subject] | None = None
    roleRef: RoleRef = field(default_factory=RoleRef)


class ClusterRoleBinding(Struct, frozen=True, gc=False, tag_field="kind", tag="ClusterRoleBinding"):
    """rbac.authorization.k8s.io ClusterRoleBinding."""

    apiVersion: str = ""
    metadata: ObjectMeta = ObjectMeta()
    subjects: list[Subject] | None = None
    roleRef: RoleRef = field(default_factory=RoleRef)
