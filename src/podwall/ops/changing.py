"""Changes → public: what would turn a verdict, as patches, with everything else that they do."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from podwall.engine.change import Change, changes
from podwall.engine.collateral import Pairs
from podwall.engine.model import Model
from podwall.engine.policies.patch import Patch
from podwall.engine.sets import PortSet
from podwall.engine.verdict import Connection
from podwall.ops.references import Refs
from podwall.report import public_explanation as public
from podwall.report.public import Connection as Pair
from podwall.report.public import Port

__all__ = ["changes_of", "effects"]


def changes_of(model: Model, refs: Refs, asked: Connection) -> tuple[list[public.Change], list[public.Refusal]]:
    """The smallest changes first, and the directions that none can turn."""
    found = changes(model, asked)
    refused = [public.Refusal(refusal.direction.value, refusal.why.value) for refusal in found.refused]
    return [_change(change, refs) for change in found.found], refused


def _change(change: Change, refs: Refs) -> public.Change:
    return public.Change(
        title="; ".join(map(_title, change.patches)),
        fields=change.fields,
        patches=[_patch(patch, refs) for patch in change.patches],
        opens=effects(change.opens),
        closes=effects(change.closes),
    )


def _title(patch: Patch) -> str:
    name = f"NetworkPolicy {patch.ref.namespace}/{patch.ref.name}"
    return f"a new {name}" if patch.new_object is not None else f"{patch.title} of {name}"


def _patch(patch: Patch, refs: Refs) -> public.PolicyPatch:
    new = patch.new_object
    operations = [public.PatchOperation(o.op, o.path, o.value) for o in patch.operations]
    return public.PolicyPatch(
        title=patch.title,
        namespace=patch.ref.namespace,
        name=patch.ref.name,
        policy=None if new is not None else refs[patch.ref],
        operations=UNSET if new is not None else operations,
        object=UNSET if new is None else _whole(msgspec.to_builtins(new)),
    )


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
    return public.Effects([Pair(pair.src, pair.dst, _ports(pair.ports)) for pair in found.listed], found.more)


def _ports(by_family: dict[int, PortSet]) -> list[Port]:
    """Ports of all families plainly, those of one with its number."""
    sets = list(by_family.values())
    both = sets[0] & sets[-1]
    found = [Port(*span) for span in both.ranges()]
    for family, ports in by_family.items():
        found += (Port(*span, family) for span in (ports - both).ranges())
    return sorted(found, key=lambda port: (port.protocol, port.port, port.endPort, port.family or 0))
