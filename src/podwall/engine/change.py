"""The smallest changes of NetworkPolicies that turn a verdict round, each judged by the engine before it is named.

Where both ends deny, both are changed; to deny, one end is enough. What cannot be changed here is said as well.

The best comes first: (1) what opens and closes least else, by order of magnitude; (2) what leaves each default deny, a
policy without rules, as it is; (3) to allow, the policies that are about the fewest others, by order of magnitude too,
even if the other ends' rules keep those closed; (4) the fewest fields; (5) an edit of a rule, before a peer, a rule, or
a policy that is added; (6) names of policies, then numbers of rules. Other connections are counted by pairs of names,
a set of external addresses as so many as it holds. What is likely the best is judged first, and no more than a few are.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import name_of
from podwall.engine.altered import altered, most_pairs
from podwall.engine.collateral import Names, Pairs, pairs
from podwall.engine.concerned import index_of
from podwall.engine.effect import differences
from podwall.engine.index import Index, key_of
from podwall.engine.judge import Judge
from podwall.engine.model import Model
from podwall.engine.policies.candidates import Candidate, Scene, allowing, denying, joined
from podwall.engine.policies.patch import Patch
from podwall.engine.rules import Direction, PolicyRef, PolicyRules, Tier
from podwall.engine.verdict import Connection, End, Reason, Side, Verdict, is_selectable

__all__ = ["Change", "Changes", "Refusal", "Refused", "changes"]

MOST_JUDGED = 12
MOST_OF_A_SIDE = 3  # where both sides deny, and every one of the one goes with every one of the other
MOST_PAIRS = 1_000_000  # of endpoints, up to which all else that a change does is looked for


_Rank: TypeAlias = tuple[bool, int, int, tuple[tuple[int, str, int], ...]]
_Way: TypeAlias = tuple[_Rank, Candidate]
_Key = TypeVar("_Key", _Rank, tuple[int, _Rank])


class Refusal(enum.Enum):
    """Why no NetworkPolicy can change what a side decides."""

    ADMIN = "admin tier"  # decides before every NetworkPolicy (C1)
    BLOCKS = "ipBlocks"  # do not match what is in the cluster, in this profile (D1)
    LOOPBACK = "loopback"  # never leaves its network namespace (N19)
    NOT_A_POD = "not a pod"  # policies do not see the end (N1, D3)
    OWN_NODE = "own node"  # is always let in (N17)
    NOTHING = "nothing found"  # no candidate does what is wanted


class Refused(Struct, frozen=True):
    """A side that is left as it is."""

    direction: Direction
    why: Refusal


class Change(Struct, frozen=True):
    """A change that does what is wanted: its patches, how many fields they write or take away, and all else it does.

    `uncounted` is the number of pairs that it may open or close at most where these are too many to be looked at
    (`MOST_PAIRS`); then `opens` and `closes` are empty. Else it is 0.
    """

    title: str
    patches: tuple[Patch, ...]
    fields: int
    opens: Pairs
    closes: Pairs
    uncounted: int = 0


class Changes(Struct, frozen=True):
    """The best first, in the order that the module states."""

    wanted: bool
    found: tuple[Change, ...]
    refused: tuple[Refused, ...]


def changes(model: Model, asked: Connection) -> Changes:
    """What would allow a connection that is denied, or deny one that is allowed."""
    return _Search(model, asked).found()


class _Search:
    """One connection, while changes are looked for."""

    def __init__(self, model: Model, asked: Connection) -> None:
        self._model = model
        self._index = model.index
        self._asked = asked
        self._verdict = model.judge.verdict(asked)
        homes = {end.member.namespace for end in (asked.source, asked.destination)} & model.cluster.namespaces.keys()
        objects = {
            PolicyRef("NetworkPolicy", home, name_of(policy.object.metadata)): policy.object
            for home in homes
            for policy in model.cluster.namespaces[home].policies
        }
        self._scene = Scene(model.index, model.judge, objects, asked)
        self._near = [p for ref, p in model.index.policies.items() if ref.namespace in homes | {""}]
        self._names = Names(model.index)
        self._ends = tuple(self._replicas(end) for end in (asked.source, asked.destination))

    def found(self) -> Changes:
        wanted = not self._verdict.allowed
        refused: list[Refused] = []
        ways = self._to_allow(refused) if wanted else self._to_deny(refused)
        made: list[tuple[tuple[int, _Rank], Change]] = []
        for rank, candidate in sorted(ways, key=_first)[:MOST_JUDGED]:
            if all(v.allowed is wanted for v in self._judged(candidate.rules)):
                change = self._change(candidate)
                collateral = change.uncounted or change.opens.weight + change.closes.weight
                made.append(((_magnitude(collateral), rank), change))
        made.sort(key=_first)
        if not made and not refused:
            refused += [Refused(direction, Refusal.NOTHING) for direction in Direction]
        return Changes(wanted, tuple(change for _, change in made), tuple(refused))

    def _change(self, candidate: Candidate) -> Change:
        title = "; ".join(f"{p.title} of NetworkPolicy {p.ref.namespace}/{p.ref.name}" for p in candidate.patches)
        parts = altered(self._index, candidate.rules)
        most = most_pairs(self._index, parts)
        if most > MOST_PAIRS:
            return Change(title, candidate.patches, candidate.fields, Pairs(), Pairs(), most)
        found = list(differences(self._index, candidate.rules, parts))
        opens, closes = (pairs(found, self._names, self._asked, opened=opened) for opened in (True, False))
        return Change(title, candidate.patches, candidate.fields, opens, closes)

    # Candidates

    def _to_allow(self, refused: list[Refused]) -> list[_Way]:
        """For each side that denies, what allows it; where both do, both at once."""
        sides = []
        for side in (self._verdict.egress, self._verdict.ingress):
            if not side.allowed:
                candidates = self._allowing(side)
                if not candidates:
                    refused.append(Refused(side.direction, self._why_denied(side)))
                sides.append(self._ranked(candidates))
        if len(sides) == 1:
            return sides[0]
        both = product(*(sorted(side, key=_first)[:MOST_OF_A_SIDE] for side in sides))
        made = ((_sums(a, b), joined(self._scene, one, other)) for (a, one), (b, other) in both)
        return [(rank, candidate) for rank, candidate in made if candidate is not None]

    def _allowing(self, side: Side) -> list[Candidate]:
        """Those that do allow a side."""
        if self._is_admins(side):
            return []
        return [c for c in allowing(self._scene, side) if self._allows(c, side.direction)]

    def _ranked(self, candidates: Sequence[Candidate]) -> list[_Way]:
        """Each with all of its rank but what else it does: that is not known yet."""
        about = [most_pairs(self._index, altered(self._index, candidate.rules)) for candidate in candidates]
        fewest = min(about, default=0)
        return [
            ((candidate.fills_deny, _magnitude(number - fewest), candidate.fields, candidate.order), candidate)
            for candidate, number in zip(candidates, about, strict=True)
        ]

    def _allows(self, candidate: Candidate, direction: Direction) -> bool:
        out = direction is Direction.EGRESS
        return all((v.egress if out else v.ingress).allowed for v in self._judged(candidate.rules))

    def _to_deny(self, refused: list[Refused]) -> list[_Way]:
        """What denies either side."""
        out: list[Candidate] = []
        for side in (self._verdict.egress, self._verdict.ingress):
            candidates = [] if self._is_admins(side) else list(denying(self._scene, side))
            if not candidates:
                refused.append(Refused(side.direction, self._why_allowed(side)))
            out += candidates
        return [((False, 0, candidate.fields, candidate.order), candidate) for candidate in out]

    def _is_admins(self, side: Side) -> bool:
        return any(match.rule.tier is Tier.ADMIN for match in side.matches)

    def _why_denied(self, side: Side) -> Refusal:
        if self._is_admins(side):
            return Refusal.ADMIN
        peer = self._scene.ends(side.direction)[1].member
        unseen = peer.kind != "External" and not is_selectable(peer)
        return Refusal.BLOCKS if unseen and not self._index.profile.blocks_match_cluster else Refusal.NOTHING

    def _why_allowed(self, side: Side) -> Refusal:
        return Refusal.ADMIN if self._is_admins(side) else _UNTOUCHED.get(side.reason, Refusal.NOTHING)

    # Judging

    def _judged(self, rules: Sequence[PolicyRules]) -> Iterator[Verdict]:
        """The verdicts on what is asked with these policies in place of those of the same name, for all replicas."""
        changed = {policy.policy: policy for policy in self._near} | {policy.policy: policy for policy in rules}
        sources, destinations = self._ends
        held = [e for e in (*sources, *destinations) if e.slot >= 0]
        index = index_of(self._index, changed.values(), (end.member for end in held))
        judge = Judge(index)
        for source in sources:
            for destination in destinations:
                if len(sources) == len(destinations) == 1 or key_of(source.member) != key_of(destination.member):
                    src, dst = _placed(index, source), _placed(index, destination)
                    asked = msgspec.structs.replace(self._asked, source=src, destination=dst)
                    yield judge.verdict(asked, evidence=False)

    def _replicas(self, end: End) -> list[End]:
        """One end for each class of its replicas: no rule tells them apart now, but a new one may."""
        if end.slot < 0 or not end.members:
            return [end]
        chosen: dict[int, Endpoint] = {self._index.slot(end.member): end.member}
        for member in end.members:
            if member.ports == end.member.ports:
                chosen.setdefault(self._index.slot(member), member)
        return [msgspec.structs.replace(end, member=member) for member in chosen.values()]


def _placed(index: Index, end: End) -> End:
    """The end as another index has it."""
    return msgspec.structs.replace(end, slot=index.slot(end.member)) if end.slot >= 0 else end


def _first(item: tuple[_Key, object]) -> _Key:
    return item[0]


def _magnitude(number: int) -> int:
    """The digits of a number; none of 0."""
    return len(str(number)) if number else 0


def _sums(one: _Rank, other: _Rank) -> _Rank:
    return one[0] or other[0], max(one[1], other[1]), one[2] + other[2], one[3] + other[3]


_UNTOUCHED = {
    Reason.NOT_A_POD: Refusal.NOT_A_POD,
    Reason.OWN_NODE: Refusal.OWN_NODE,
    Reason.LOOPBACK: Refusal.LOOPBACK,
}
