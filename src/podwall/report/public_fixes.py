"""What `check --fix` has done, and what it leaves to people, as Structs for machines."""

from __future__ import annotations

from msgspec import Struct

from podwall.report.public import Ref
from podwall.report.public_explanation import Effects

__all__ = ["Fix", "Fixes", "Refusal"]


class Fix(Struct, frozen=True):
    """One fix of one finding. `object` has its line before any fix, `path` is the finding's field as the fix met it.

    `safe` says that it closes nothing and that the check takes what it opens for meant. `opens` and `closes` are all
    that it changes, beside the fixes before it.
    """

    id: str
    severity: str
    object: Ref
    path: str
    title: str
    safe: bool
    opens: Effects
    closes: Effects
    files: list[str]


class Refusal(Struct, frozen=True):
    """A fix that is not made, and why. What it would open and close is null where that cannot be told."""

    id: str
    severity: str
    object: Ref
    path: str
    title: str
    reason: str
    unsafe: bool
    opens: Effects | None
    closes: Effects | None


class Fixes(Struct, frozen=True):
    """All fixes in the order in which they are made, and those that are not; `files` are those that change."""

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    profile: str
    fixed: list[Fix]
    refused: list[Refusal]
    files: list[str]
