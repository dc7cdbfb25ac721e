"""Patches of NetworkPolicies: JSON patches (RFC 6902).

The object that is judged is made from the very operations that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from podwall.api.networking import NetworkPolicy, NetworkPolicySpec
from podwall.engine.rules import PolicyRef
from podwall.text.where import Path

__all__ = ["Json", "Operation", "Patch", "Step", "applied", "drafted_fields", "pointer", "steps", "weight"]

Json: TypeAlias = object


class Operation(Struct, frozen=True):
    """One step of RFC 6902: add, replace or remove. `path` is a JSON pointer (RFC 6901) from the object's root."""

    op: str
    path: str
    value: Json | UnsetType = UNSET


class Patch(Struct, frozen=True):
    """What is done to one policy: operations on the one that is there, or a whole new one; `title` says it shortly."""

    ref: PolicyRef
    title: str
    operations: tuple[Operation, ...] = ()
    old_object: NetworkPolicy | None = None
    new_object: NetworkPolicy | None = None


def pointer(*parts: str | int) -> str:
    """A JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def applied(policy: NetworkPolicy, operations: Sequence[Operation]) -> tuple[NetworkPolicy, int]:
    """The policy with the operations done in their order, and how many fields they write or take away.

    Raises LookupError where one does not fit: what it is about is not there.
    """
    document: dict[str, Json] = {"spec": msgspec.to_builtins(policy.spec)}
    fields = sum(_apply(document, operation) for operation in operations)
    spec = msgspec.convert(document["spec"], NetworkPolicySpec)
    return msgspec.structs.replace(policy, spec=spec), fields


class Step(Struct, frozen=True):
    """One operation where it is done: the way to its field, and what is there before; UNSET where nothing is."""

    path: Path
    old: Json | UnsetType
    new: Json | UnsetType


def steps(patch: Patch) -> list[Step]:
    """The operations one after the other; each path is that of the object at that time. None for a new policy."""
    document: dict[str, Json] = {"spec": msgspec.to_builtins(patch.old_object.spec) if patch.old_object else None}
    out = []
    for operation in patch.operations:
        path, old = _found(document, operation)
        out.append(Step(path, old, operation.value))
        _apply(document, operation)
    return out


def _found(document: Json, operation: Operation) -> tuple[Path, Json | UnsetType]:
    """The way to an operation's field, and what stands there; nothing does where an entry is put in."""
    path: list[str | int] = []
    target = document
    *way, last = _parts(operation.path)
    for part in way:
        path.append(int(part) if isinstance(target, list) else part)
        target = _child(target, part)
    if isinstance(target, list):
        number = len(target) if last == "-" else int(last)
        return (*path, number), UNSET if operation.op == "add" else target[number]
    old = target.get(last) if isinstance(target, dict) else None
    return (*path, last), UNSET if old is None else old


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def drafted_fields(policy: NetworkPolicy) -> int:
    """How many fields a new policy has: its name, and all that its spec says."""
    return 1 + weight(msgspec.to_builtins(policy.spec))


def weight(value: Json) -> int:
    """How many fields a value has: a scalar or a list of them is one, and so is what is empty."""
    if isinstance(value, dict):
        return sum(weight(v) for v in value.values() if v is not None) or 1
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return sum(map(weight, value))
    return 1


def _apply(document: Json, operation: Operation) -> int:
    *way, last = _parts(operation.path)
    target = document
    for part in way:
        target = _child(target, part)
    if operation.op == "remove":
        return weight(_removed(target, last))
    if isinstance(target, list):
        _put(target, last, operation)
    elif isinstance(target, dict):
        target[last] = operation.value
    else:
        raise LookupError(operation.path)
    return weight(operation.value)


def _child(target: Json, part: str) -> Json:
    if isinstance(target, list):
        return target[int(part)]
    if isinstance(target, dict):
        return target[part]
    raise LookupError(part)


def _put(target: list[Json], last: str, operation: Operation) -> None:
    if operation.op == "replace":
        target[int(last)] = operation.value
    else:
        target.insert(len(target) if last == "-" else int(last), operation.value)


def _removed(target: Json, last: str) -> Json:
    if isinstance(target, list):
        return target.pop(int(last))
    if isinstance(target, dict):
        return target.pop(last)
    raise LookupError(last)
