"""What a denial comes to, in a line or two: why it is one, and what to do. All else of `explain` is told below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.report.changes import REFUSALS, effect_text
from podwall.report.public_explanation import Decision, Explained, Explanation, NearMiss, SideReasons
from podwall.report.wording import counted, listed, policy_name, wrapped

__all__ = ["gist", "miss_name", "nearest", "rule_name"]

_MOST_NEAR = 3
_MOST_LISTED = 3


def gist(answer: Explanation) -> Iterator[str]:
    """Nothing for what is allowed, or asked for without a port: that is short already."""
    sides = list(_denying(answer))
    for name, side in sides:
        what = f"{name}: " if len(sides) > 1 else ""
        yield from wrapped(f"  why: {what}{_why(side)}", "       ")
    if not sides:
        return
    if answer.changes:
        best = answer.changes[0]
        yield from wrapped(f"  fix: {best.title}; {effect_text(best)}", "       ")
    for refusal in () if answer.changes else answer.refused:
        yield from wrapped(f"  fix: none by a NetworkPolicy, {REFUSALS[refusal.reason]}", "       ")


def nearest(side: SideReasons) -> list[NearMiss]:
    """The near misses to show: those that are as near as the first, unless that has next to nothing in common."""
    if not side.nearMisses:
        return []
    first = side.nearMisses[0]
    if len(first.terms) > 1 and not first.matched and not first.slip:
        return []
    alike = [miss for miss in side.nearMisses if _nearness(miss) == _nearness(first)]
    return alike[:_MOST_NEAR]


def _nearness(miss: NearMiss) -> tuple[int, bool, bool, int]:
    return len(miss.terms), miss.slip, any(term.field == "subject" for term in miss.terms), miss.matched


def miss_name(miss: NearMiss) -> str:
    """The policy and the entry that fails."""
    return f"{policy_name(miss.policy)} {_path(miss.rule, miss.peer or miss.port)}"


def rule_name(decision: Decision) -> str:
    """The policy and the peer that decides."""
    return f"{policy_name(decision.policy)} {_path(decision.rule, decision.peer)}"


def _path(rule: str, part: str | None) -> str:
    return f"{rule}.{part}" if part else rule


def _denying(answer: Explanation) -> Iterator[tuple[str, SideReasons]]:
    """The sides that deny; of several pairs, those of the one that the changes are about."""
    one: Explanation | Explained | None = answer
    if isinstance(answer.backends, list):
        one = next((b for b in answer.backends if _pair(b) == answer.changesFor), None)
    for name, side in (("egress", one.egress), ("ingress", one.ingress)) if one else ():
        if isinstance(side, SideReasons) and side.verdict == "deny":
            yield name, side


def _pair(backend: Explained) -> str:
    return f"{backend.src} -> {backend.dst} {backend.protocol} {backend.port}"


def _why(side: SideReasons) -> str:
    if side.decidedBy:
        return f"{rule_name(side.decidedBy[0])} denies it"
    near = nearest(side)
    if near:
        return f"{miss_name(near[0])} would allow it but for {' and '.join(term.text for term in near[0].terms)}"
    return _isolation(side, [policy_name(ref) for ref in side.isolatedBy])


def _isolation(side: SideReasons, names: Sequence[str]) -> str:
    rules = next((tier.rules for tier in side.tiers if tier.tier == "NetworkPolicy"), 0)
    who = f"{listed(names, _MOST_LISTED)} {'isolates' if len(names) == 1 else 'isolate'} it"
    if rules > 1:
        return f"{who}, and none of {counted(rules, 'rule')} allows it"
    return f"{who}, and the only rule does not allow it" if rules else f"{who}, and no rule allows anything"
