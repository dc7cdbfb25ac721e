"""Changes → public: what would turn a verdict, as patches, with everything else that they do."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from podwall.engine.change import MOST_PAIRS, Change, changes
from podwall.engine.collateral import Pairs
from podwall.engine.policies.patch import Patch, steps
from podwall.engine.verdict import Connection
from podwall.ops.inputs import Opened
from podwall.ops.ports import public_ports
from podwall.ops.references import Refs
from podwall.report import public_explanation as public
from podwall.report.public import Connection as Pair
from podwall.report.public import Ref
from podwall.text.where import Path, field

__all__ = ["changes_of", "effects"]


def changes_of(opened: Opened, refs: Refs, asked: Connection) -> tuple[list[public.Change], list[public.Refusal]]:
    """The best changes first, and the directions that none can turn."""
    found = changes(opened.model, asked)
    refused = [public.Refusal(refusal.direction.value, refusal.why.value) for refusal in found.refused]
    written = _Written(opened, refs)
    written.prepare(patch for change in found.found for patch in change.patches)
    return [_change(change, written) for change in found.found], refused


def _change(change: Change, written: _Written) -> public.Change:
    patches = [written.patch(patch) for patch in change.patches]
    return public.Change(
        title="; ".join(map(_title, patches)),
        fields=change.fields,
        patches=patches,
        opens=effects(change.opens),
        closes=effects(change.closes),
        notComputed=_UNCOUNTED.format(change.uncounted, MOST_PAIRS) if change.uncounted else UNSET,
    )


_UNCOUNTED = "what else it opens or closes, up to {:,} pairs, as no more than {:,} are compared"


def _title(patch: public.PolicyPatch) -> str:
    name = f"NetworkPolicy {patch.namespace}/{patch.name}"
    if not isinstance(patch.edits, list):
        return f"a new {name}"
    if len(patch.edits) == 1:
        (edit,) = patch.edits
        if isinstance(edit.new, str | int) and isinstance(edit.old, str | int):
            return f"{edit.field} of {name} should be {edit.new}, not {edit.old}"
        if isinstance(edit.new, str | int) and edit.old is UNSET:
            return f"add {edit.new} to {edit.field.rpartition('[')[0] or edit.field} of {name}"
    return f"{patch.title} of {name}"


class _Written:
    """Patches against the objects that are there, with their lines."""

    def __init__(self, opened: Opened, refs: Refs) -> None:
        self._opened = opened
        self._refs = refs

    def prepare(self, patches: Iterable[Patch]) -> None:
        """Looks all lines up at once."""
        found = ((self._refs.origin(self._refs[p.ref]), p) for p in patches if p.new_object is None)
        self._opened.positions.prepare(
            (origin, step.path) for origin, patch in found if origin is not None for step in steps(patch)
        )

    def patch(self, patch: Patch) -> public.PolicyPatch:
        """One policy's part of a change."""
        out = public.PolicyPatch(patch.title, patch.ref.namespace, patch.ref.name, None)
        if patch.new_object is not None:
            return msgspec.structs.replace(out, object=_whole(msgspec.to_builtins(patch.new_object)))
        ref = self._refs[patch.ref]
        return msgspec.structs.replace(
            out,
            policy=ref,
            operations=[public.PatchOperation(o.op, o.path, o.value) for o in patch.operations],
            edits=[
                public.Edit(field(step.path), self._line(ref, step.path), _said(step.old), _said(step.new))
                for step in steps(patch)
            ],
        )

    def _line(self, ref: Ref, path: Path) -> int | None:
        origin = self._refs.origin(ref)
        return None if origin is None else self._opened.positions.line(origin, path) or None


def _whole(draft: dict[str, object]) -> dict[str, object]:
    """The object with its type in front, without what it does not say."""
    said = {key: _said(value) for key, value in draft.items() if value is not None}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", **_but(said, ("apiVersion", "kind"))}


def _but(fields: dict[str, object], keys: Iterable[str]) -> dict[str, object]:
    return {key: value for key, value in fields.items() if key not in keys}


def _said(value: object) -> object:
    if isinstance(value, dict):
        return {key: _said(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_said(inner) for inner in value]
    return value


def effects(found: Pairs) -> public.Effects:
    """Pairs of a proof, the first ones by name."""
    return public.Effects([Pair(pair.src, pair.dst, public_ports(pair.ports)) for pair in found.listed], found.more)
