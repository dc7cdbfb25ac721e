"""Edits → public: which object, whose it is, and where each edited field stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from podwall.api.kinds import KubernetesObject
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import Cluster, Located, Origin, kind_of, name_of
from podwall.diff.causes import Cause
from podwall.diff.edits import Edit, EndpointEdit, NamespaceEdit, PolicyEdit
from podwall.diff.policy_parts import REMOVED, Part
from podwall.ops.inputs import Opened
from podwall.ops.references import Refs
from podwall.report import public_diff as public
from podwall.report.public import Ref
from podwall.text.where import parse_field

__all__ = ["Edits"]

_Place = tuple[Ref, Origin | None]
_LABELS = "metadata.labels"
_NODE = "spec.nodeName"
_TEMPLATES = {"CronJob": "spec.jobTemplate.spec.template"}


class Edits:
    """Looks each edit up once. Objects that were removed stand where they were, all others where they are."""

    def __init__(self, edits: Sequence[Edit], opened: tuple[Opened, Opened]) -> None:
        self._edits = edits
        self._opened = opened
        self._refs = tuple(map(Refs, opened))
        self._places: dict[tuple[int, int], _Place] = {}
        self._causes: dict[tuple[Cause, ...], list[public.Cause]] = {}

    def all(self) -> list[public.Cause]:
        """Every edit with all of its fields."""
        everything = (Cause(n, tuple(range(len(edit.parts)))) for n, edit in enumerate(self._edits))
        return [self._cause(cause) for cause in everything]

    def causes(self, found: tuple[Cause, ...]) -> list[public.Cause]:
        """Causes in order of name; the same list for the same causes."""
        if found not in self._causes:
            merged: dict[int, set[int]] = {}
            for cause in found:
                merged.setdefault(cause.edit, set()).update(cause.parts)
            made = [self._cause(Cause(edit, tuple(sorted(parts)))) for edit, parts in merged.items()]
            self._causes[found] = sorted(made, key=lambda c: (c.namespace, c.name, c.kind))
        return self._causes[found]

    def _cause(self, cause: Cause) -> public.Cause:
        edit = self._edits[cause.edit]
        ref, _ = self._place(cause.edit, 0 if edit.what == REMOVED else 1)
        fields = [self._field(cause.edit, edit.parts[number]) for number in cause.parts if edit.parts[number].path]
        fields.sort(key=lambda field: (field.path, field.edit, field.entry or ""))
        return public.Cause(**msgspec.structs.asdict(ref), edit=edit.what, fields=fields)

    def _field(self, number: int, part: Part) -> public.EditedField:
        side = 0 if part.what == REMOVED else 1
        ref, origin = self._place(number, side)
        path = _path(self._edits[number], part, ref.kind)
        steps = parse_field(path) + ((part.about,) if path.endswith(_LABELS) else ())
        line = None if origin is None else self._opened[side].positions.line(origin, steps) or None
        return public.EditedField(path, part.what, ref.file, line, part.about or UNSET)

    def _place(self, number: int, side: int) -> _Place:
        if (number, side) not in self._places:
            self._places[number, side] = self._looked_up(self._edits[number], side)
        return self._places[number, side]

    def _looked_up(self, edit: Edit, side: int) -> _Place:
        refs, cluster = self._refs[side], self._opened[side].model.cluster
        if isinstance(edit, PolicyEdit):
            found = refs[edit.ref]
            return found, refs.origin(found)
        if isinstance(edit, NamespaceEdit):
            bucket = cluster.namespaces.get(edit.name)
            origin = None if bucket is None else bucket.declared
            return refs.of(("Namespace", "", edit.name), origin), origin
        named, origin = _object((edit.old, edit.new)[side], cluster, of_node=_is_of_node(edit))
        return refs.of(named, origin), origin


def _is_of_node(edit: EndpointEdit) -> bool:
    """Whether it is the labels of a host-network Pod's node that changed, and nothing of the Pod."""
    return edit.old.node == edit.new.node is not None and all(part.path == _NODE for part in edit.parts)


def _object(endpoint: Endpoint, cluster: Cluster, *, of_node: bool) -> tuple[tuple[str, str, str], Origin | None]:
    """The object that an endpoint was made from, or its node."""
    located: Iterable[Located[KubernetesObject]]
    if of_node:
        named, located = ("Node", "", endpoint.node or ""), cluster.nodes
    else:
        bucket = cluster.namespaces[endpoint.namespace]
        named = (endpoint.kind, endpoint.namespace, endpoint.name)
        located = bucket.pods if endpoint.kind == "Pod" else bucket.workloads
    kind, _, name = named
    origins = (o.origin for o in located if name_of(o.object.metadata) == name and kind_of(o.object) == kind)
    return named, next(origins, None)


def _path(edit: Edit, part: Part, kind: str) -> str:
    """Where a field stands in the object: of a workload, in its template."""
    if not isinstance(edit, EndpointEdit):
        return part.path
    if kind == "Node":
        return _LABELS
    if kind == "Pod" or part.path == "spec.replicas":
        return part.path
    return f"{_TEMPLATES.get(kind, 'spec.template')}.{part.path}"
