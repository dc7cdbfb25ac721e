"""The door to a kernel: two methods, and what comes out of it. `kernel` has the real one, `fake` its twin in memory."""

from __future__ import annotations

import hashlib
from typing import Protocol

import msgspec
from msgspec import Struct

from podwall.dataplane.change import Change
from podwall.dataplane.ruleset import Chain, Ruleset

__all__ = ["Held", "Kernel", "digest", "held"]


class Held(Struct, frozen=True):
    """What a kernel holds of our table: enough to tell whether it is a rule set, and which epoch it is in.

    `chains` are digests of their rules, by name; `sets` leave out those that packets fill (`Set.flows`).
    """

    epoch: int
    mask: int
    chains: dict[str, str]
    sets: dict[str, frozenset[bytes]]
    intervals: dict[str, tuple[tuple[bytes, bytes], ...]]
    maps: dict[str, dict[bytes, str]]


class Kernel(Protocol):
    """Applies changes in whole or not at all. Raises KernelError with what the kernel said; the old table stays."""

    def apply(self, change: Change) -> None:
        """The change, and then its epoch in a transaction of its own (dataplane.md 4.4).

        No packet passes that neither the rules before nor those after would let pass, in however many steps it is done.
        """

    def dump(self) -> Held | None:
        """What is there now; None where there is no table of ours."""


def digest(chain: Chain) -> str:
    """Names the rules of a chain; the same for the same rules only."""
    return hashlib.sha256(msgspec.json.encode((chain.hook, [_tagged(rule) for rule in chain.rules]))).hexdigest()[:16]


def _tagged(rule: Struct) -> object:
    """A rule's parts with the names of their types."""
    return [[(type(part).__name__, part) for part in parts] for parts in msgspec.structs.astuple(rule)]


def held(ruleset: Ruleset) -> Held:
    """What a kernel holds that was given this rule set."""
    own = [one for one in ruleset.sets.values() if not one.flows]
    return Held(
        ruleset.epoch,
        ruleset.mask,
        {name: digest(chain) for name, chain in ruleset.chains.items()},
        {one.name: one.elements for one in own if not one.intervals},
        {one.name: one.intervals for one in own if one.intervals},
        {name: one.elements for name, one in ruleset.maps.items()},
    )
