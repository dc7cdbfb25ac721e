"""What speaks about one class of endpoints in one direction, out of any policies: for those who compile rules.

`judge` finds the same for its index; here the policies come from outside, so that two sets of them can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from podwall.engine.index import Index
from podwall.engine.rules import Direction, Isolation, Pods, PolicyRules, Rule, Tier, rank

__all__ = ["Governing", "governing"]


class Governing(Struct, frozen=True):
    """Rules in the order in which they are read, by tier; those of the NetworkPolicy tier only add up."""

    admin: tuple[Rule, ...]
    isolations: tuple[Isolation, ...]
    rules: tuple[Rule, ...]
    baseline: tuple[Rule, ...]

    def __bool__(self) -> bool:
        return bool(self.admin or self.isolations or self.baseline)


def governing(
    index: Index,
    direction: Direction,
    subject: tuple[str, int],
    own: Sequence[PolicyRules],
    wide: Sequence[PolicyRules],
) -> Governing:
    """What is about a class, (namespace, slot): out of the policies of its namespace, and of those of the cluster."""
    namespace, slot = subject

    def about(one: Pods) -> bool:
        return bool(index.pods_in(namespace, one) >> slot & 1)

    isolations = [i for p in own for i in p.isolations if i.direction is direction and about(i.subject)]
    rules = [r for p in own for r in p.rules if r.direction is direction and about(r.subject)]
    tiered = [r for p in wide for r in p.rules if r.direction is direction and about(r.subject)]
    tiered.sort(key=rank)
    return Governing(
        tuple(rule for rule in tiered if rule.tier is Tier.ADMIN),
        tuple(isolations),
        tuple(rules) if isolations else (),
        () if isolations else tuple(rule for rule in tiered if rule.tier is Tier.BASELINE),
    )
