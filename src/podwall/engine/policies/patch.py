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

__all__ = ["Json", "Operation", "Patch", "applied", "drafted_fields", "pointer", "weight"]

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
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation.path.split("/")[1:]]
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
