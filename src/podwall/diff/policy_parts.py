"""A changed policy taken apart: the single rules, peers and ports that differ, and the policy with any of them undone.

Read from the normal form. Rules of a NetworkPolicy only add up, so equal ones are the same wherever they stand; those
of the tiers are read in order, so there the longest common sequence stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import TypeAlias

import msgspec
from msgspec import Struct

from podwall.engine.rules import (
    AnyPeer,
    AnyPort,
    Direction,
    Isolation,
    Peer,
    Pods,
    PolicyRules,
    PortTerm,
    Rule,
    Tier,
)

__all__ = ["ADDED", "CHANGED", "REMOVED", "Part", "PolicyChange", "policy_change"]

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


class Part(Struct, frozen=True, order=True):
    """One edit inside an object: a field, where it stands after the edit, or stood before it if it was removed.

    `about` says which entry of a list is meant where the field alone does not.
    """

    path: str
    what: str
    about: str = ""


_Line: TypeAlias = tuple[Rule, ...]  # what one entry of a policy's list of rules is turned into
_Entry: TypeAlias = Peer | PortTerm


class _Slot(Struct, frozen=True):
    """An entry of the list of rules, as it was and as it is; `parts` are the numbers of the edits between the two."""

    old: _Line
    new: _Line
    parts: tuple[int, ...] = ()


class _Inside(Struct, frozen=True):
    """An edit inside a rule that stays: an entry of a field that went or came, or, without one, all of the field."""

    field: str
    old: _Entry | None = None
    new: _Entry | None = None


class PolicyChange(Struct, frozen=True):
    """A policy before and after, and the edits between the two.

    `inside` holds those within a rule by number. `whole` has the numbers of the edits of "subject" and "standing", and
    of a direction's isolation by the direction's value.
    """

    old: PolicyRules
    new: PolicyRules
    parts: tuple[Part, ...]
    slots: tuple[_Slot, ...]
    inside: dict[int, _Inside]
    whole: dict[str, int]

    def undone(self, parts: frozenset[int]) -> PolicyRules:
        """The policy with some of the edits undone."""
        if len(parts) == len(self.parts):
            return self.old
        rules: list[Rule] = []
        for number, slot in enumerate(self.slots):
            rules += (self._placed(rule, number, parts) for rule in self._line(slot, parts))
        return PolicyRules(self.new.policy, tuple(self._isolations(parts)), tuple(rules))

    def _chosen(self, name: str, parts: frozenset[int]) -> PolicyRules:
        return self.old if self.whole.get(name) in parts else self.new

    def _line(self, slot: _Slot, parts: frozenset[int]) -> _Line:
        if not slot.parts or slot.parts[0] not in self.inside:
            return slot.old if parts.issuperset(slot.parts) and slot.parts else slot.new
        (rule,) = slot.new
        for number in parts.intersection(slot.parts):
            rule = _reverted(rule, slot.old[0], self.inside[number])
        return (rule,)

    def _placed(self, rule: Rule, number: int, parts: frozenset[int]) -> Rule:
        standing = next(iter(self._chosen("standing", parts).rules), rule)
        subject = _subject(self._chosen("subject", parts)) or rule.subject
        order = (standing.order[0], rule.order[1], number)
        return msgspec.structs.replace(rule, subject=subject, tier=standing.tier, order=order)

    def _isolations(self, parts: frozenset[int]) -> Iterator[Isolation]:
        subject = _subject(self._chosen("subject", parts))
        for direction in Direction:
            isolates = any(i.direction is direction for i in self._chosen(direction.value, parts).isolations)
            if isolates and subject is not None:
                yield Isolation(self.new.policy, direction, subject)


def _subject(policy: PolicyRules) -> Pods | None:
    subjects = [isolation.subject for isolation in policy.isolations] or [rule.subject for rule in policy.rules]
    return subjects[0] if subjects else None


def _reverted(rule: Rule, old: Rule, edit: _Inside) -> Rule:
    """The rule with one entry more or less, or a field as it was. Without any entry it matches nothing."""
    entries: tuple[_Entry, ...] = getattr(rule, edit.field)
    if edit.new is not None:
        entries = tuple(entry for entry in entries if entry != edit.new)
    elif edit.old is not None:
        entries = (*entries, edit.old)
    else:
        entries = getattr(old, edit.field)
    return msgspec.structs.replace(rule, **{edit.field: entries})


def policy_change(old: PolicyRules, new: PolicyRules) -> PolicyChange:
    """What differs; no parts where both mean the same."""
    found = _Finder()
    found.heads(old, new)
    for direction in Direction:
        lines = [_lines(policy, direction) for policy in (old, new)]
        for one, other in _aligned(lines[0], lines[1]):
            found.slot(one, other)
    return PolicyChange(old, new, tuple(found.parts), tuple(found.slots), found.inside, found.whole)


def _lines(policy: PolicyRules, direction: Direction) -> list[_Line]:
    ours = (rule for rule in policy.rules if rule.direction is direction)
    return [tuple(rules) for _, rules in groupby(ours, key=lambda rule: rule.path)]


def _sense(line: _Line) -> tuple[object, ...]:
    """What a line says of itself: all but its policy's subject and standing, and where it stands."""
    return tuple((rule.peers, rule.ports, rule.action, rule.mode, rule.broken) for rule in line)


def _aligned(old: Sequence[_Line], new: Sequence[_Line]) -> Iterator[tuple[_Line, _Line]]:
    """Lines in pairs, () for one that came or went."""
    some = next(iter((*old, *new)), None)
    if some is not None and some[0].tier is Tier.NETWORK_POLICY:
        yield from _additive(old, new)
        return
    senses = [[_sense(line) for line in lines] for lines in (old, new)]
    for op, i, j, k, m in SequenceMatcher(None, senses[0], senses[1], autojunk=False).get_opcodes():
        if op == "equal":
            yield from zip(old[i:j], new[k:m], strict=True)
        else:
            for one, other in zip_longest(old[i:j], new[k:m], fillvalue=()):
                apart = [(one, other)] if _alike(one, other) else [(one, ()), ((), other)]
                yield from (lines for lines in apart if any(lines))


def _additive(old: Sequence[_Line], new: Sequence[_Line]) -> Iterator[tuple[_Line, _Line]]:
    left = list(old)
    came: list[_Line] = []
    for line in new:
        same = next((o for o in left if _sense(o) == _sense(line)), None)
        if same is None:
            came.append(line)
        else:
            left.remove(same)
            yield same, line
    for line in came:
        like = next((o for o in left if _alike(o, line)), ())
        if like:
            left.remove(like)
        yield like, line
    for line in left:
        yield line, ()


def _alike(one: _Line, other: _Line) -> bool:
    """Whether one may have been made from the other: they share something."""
    if len(one) != 1 or len(other) != 1 or one[0].action is not other[0].action or one[0].broken or other[0].broken:
        return False
    return bool({*one[0].peers} & {*other[0].peers} or {*one[0].ports} & {*other[0].ports})


class _Finder:
    """Numbers the edits as it finds them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.slots: list[_Slot] = []
        self.inside: dict[int, _Inside] = {}
        self.whole: dict[str, int] = {}

    def heads(self, old: PolicyRules, new: PolicyRules) -> None:
        """Whom the policy is for, where it stands among others, and what it isolates."""
        subjects = _subject(old), _subject(new)
        if None not in subjects and subjects[0] != subjects[1]:
            field = "spec.podSelector" if new.policy.kind == "NetworkPolicy" else "spec.subject"
            self.whole["subject"] = self._part(field, CHANGED)
        if old.rules and new.rules:
            was, now = ((p.rules[0].tier, p.rules[0].order[0]) for p in (old, new))
            if was != now:
                field = "spec.tier" if was[0] is not now[0] else "spec.priority"
                self.whole["standing"] = self._part(field, CHANGED)
        for direction in Direction:
            before, after = (any(i.direction is direction for i in p.isolations) for p in (old, new))
            if before != after:
                what = ADDED if after else REMOVED
                self.whole[direction.value] = self._part("spec.policyTypes", what, direction.value.capitalize())

    def slot(self, old: _Line, new: _Line) -> None:
        """A line of the policy, with the edits that made it what it is."""
        if old and new and _sense(old) == _sense(new):
            parts: tuple[int, ...] = ()
        elif not old:
            parts = (self._part(new[0].path, ADDED),)
        elif not new:
            parts = (self._part(old[0].path, REMOVED),)
        else:
            parts = tuple(self._within(old[0], new[0]))
        self.slots.append(_Slot(old, new, parts))

    def _within(self, old: Rule, new: Rule) -> Iterator[int]:
        peers = "from" if new.direction is Direction.INGRESS else "to"
        ports = "protocols" if new.policy.kind == "ClusterNetworkPolicy" else "ports"
        for field, name in (("peers", peers), ("ports", ports)):
            was, now = getattr(old, field), getattr(new, field)
            if any(isinstance(entry, AnyPeer | AnyPort) for entry in (*was, *now)):
                if was != now:
                    yield self._edit(f"{new.path}.{name}", CHANGED, _Inside(field))
                continue
            for number, entry in enumerate(was):
                if entry not in now:
                    yield self._edit(f"{old.path}.{name}[{number}]", REMOVED, _Inside(field, old=entry))
            for number, entry in enumerate(now):
                if entry not in was:
                    yield self._edit(f"{new.path}.{name}[{number}]", ADDED, _Inside(field, new=entry))

    def _edit(self, path: str, what: str, inside: _Inside) -> int:
        number = self._part(path, what)
        self.inside[number] = inside
        return number

    def _part(self, path: str, what: str, about: str = "") -> int:
        self.parts.append(Part(path, what, about))
        return len(self.parts) - 1
