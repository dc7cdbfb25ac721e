"""The marks by which Podwall knows again what a lockdown wrote: its own policies are made anew, all others are kept."""

from __future__ import annotations

from podwall.api.networking import NetworkPolicy
from podwall.author.recipe import Object

__all__ = ["BASELINE", "BRACKET", "LOCKDOWN", "NEEDS", "WORKLOAD", "is_bracket", "is_own", "marked"]

LOCKDOWN = "podwall.io/lockdown"
"""The annotation that says what part of a lockdown a policy is."""
BASELINE, WORKLOAD = "baseline", "workload"
_PARTS = frozenset({BASELINE, WORKLOAD, "bracket"})
NEEDS = "podwall.io/needs"
"""The annotation with what a policy is for: one line for each need, with where it was found."""
BRACKET = "podwall.io/bracket"
"""The label of what is meant to go."""


def marked(item: Object, part: str, needs: str = "") -> Object:
    """The object with its mark, and what it is for."""
    meta = item["metadata"]
    annotations = {**meta.get("annotations", {}), LOCKDOWN: part, **({NEEDS: needs} if needs else {})}
    return {**item, "metadata": {**meta, "annotations": annotations}}


def is_own(policy: NetworkPolicy) -> bool:
    """Whether a lockdown wrote it: by the annotation alone, since tools write over `managed-by`."""
    return (policy.metadata.annotations or {}).get(LOCKDOWN) in _PARTS


def is_bracket(policy: NetworkPolicy) -> bool:
    """Whether it is the bracket of a lockdown."""
    return is_own(policy) and (policy.metadata.labels or {}).get(BRACKET) == "true"
