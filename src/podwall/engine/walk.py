"""Why a side decides as it does: the walk through the tiers (C1), and what would decide without the deciding rule.

The verdict and its evidence come from `judge`; here is said which tiers were read, and how far.
"""

from __future__ import annotations

import enum

from msgspec import Struct

from podwall.engine.judge import Judge
from podwall.engine.rules import Action, Direction, Rule, Tier
from podwall.engine.verdict import Connection, Match, Reason, Side

__all__ = ["Outcome", "Stage", "Walk", "walk"]


class Outcome(enum.Enum):
    """What came of a tier."""

    NO_RULE = "no rule"  # none is about the subject
    NO_MATCH = "no match"
    NOT_ISOLATED = "not isolated"
    ACCEPT = "accept"
    DENY = "deny"
    PASS = "pass"  # noqa: S105 - an outcome, not a password
    NOT_REACHED = "not reached"


class Stage(Struct, frozen=True):
    """One tier: how many rules it has about the subject, and what came of them."""

    tier: Tier
    rules: int
    outcome: Outcome


class Walk(Struct, frozen=True):
    """One side's decision with its tiers, which are none where policies have no say.

    `otherwise` is the decision without the first of the deciding rules, isolation being what it is; None where no rule
    decides.
    """

    side: Side
    stages: tuple[Stage, ...]
    otherwise: Side | None


# Where no tier is read at all (N1, N17, N19).
_BEYOND_POLICY = (Reason.NOT_A_POD, Reason.OWN_NODE, Reason.LOOPBACK)


def walk(judge: Judge, direction: Direction, asked: Connection) -> Walk:
    """One side of a connection, explained."""
    side = judge.side(direction, asked)
    subject = asked.source if direction is Direction.EGRESS else asked.destination
    stages = () if side.reason in _BEYOND_POLICY else tuple(_stages(side, judge.rules(direction, subject)))
    otherwise = judge.side(direction, asked, without=side.matches[0].rule) if side.matches else None
    return Walk(side, stages, otherwise)


def _stages(side: Side, rules: tuple[Rule, ...]) -> list[Stage]:
    out = []
    decided = False
    for tier in Tier:
        about = sum(1 for rule in rules if rule.tier is tier)
        outcome = Outcome.NOT_REACHED if decided else _outcome(side, tier, about)
        decided = decided or outcome in (Outcome.ACCEPT, Outcome.DENY)
        out.append(Stage(tier, about, outcome))
    return out


def _outcome(side: Side, tier: Tier, about: int) -> Outcome:
    match = _in_tier(side.matches, tier) or _in_tier(side.passed, tier)
    if match is not None:
        return _OF_ACTION[match.rule.action]
    if tier is Tier.NETWORK_POLICY:
        return Outcome.DENY if side.isolated_by else Outcome.NOT_ISOLATED  # final for whom it isolates (C5)
    return Outcome.NO_MATCH if about else Outcome.NO_RULE


def _in_tier(matches: tuple[Match, ...], tier: Tier) -> Match | None:
    return next((match for match in matches if match.rule.tier is tier), None)


_OF_ACTION = {Action.ALLOW: Outcome.ACCEPT, Action.DENY: Outcome.DENY, Action.PASS: Outcome.PASS}
