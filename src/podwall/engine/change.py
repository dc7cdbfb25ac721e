"""The smallest changes of NetworkPolicies that turn a verdict round, each judged by the engine before it is named.

Where both ends deny, both are changed; to deny, one end is enough. What cannot be changed here is said as well.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from itertools import islice, product

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.objects import name_of
from podwall.engine.collateral import Names, Pairs, names_of, pairs
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
    """A change that does what is wanted: its patches, how many fields they write or take away, and all else it does."""

    title: str
    patches: tuple[Patch, ...]
    fields: int
    opens: Pairs
    closes: Pairs


class Changes(Struct, frozen=True):
    """The smallest first: the fewest fields, then the fewest other pairs opened and closed, then `Candidate.order`."""

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
        self._ends = tuple(self._replicas(end) for end in (asked.source, asked.destination))

    def found(self) -> Changes:
        wanted = not self._verdict.allowed
        refused: list[Refused] = []
        candidates = self._to_allow(refused) if wanted else self._to_deny(refused)
        names: Names | None = None
        made: list[tuple[tuple[object, ...], Change]] = []
        for candidate in islice(sorted(candidates, key=lambda c: c.rank), MOST_JUDGED):
            if all(v.allowed is wanted for v in self._judged(candidate.rules)):
                names = names or names_of(self._index)
                change = self._change(candidate, names)
                collateral = change.opens.count + change.closes.count
                made.append(((change.fields, collateral, candidate.order), change))
        made.sort(key=lambda item: item[0])
        if not made and not refused:
            refused += [Refused(direction, Refusal.NOTHING) for direction in Direction]
        return Changes(wanted, tuple(change for _, change in made), tuple(refused))

    def _change(self, candidate: Candidate, names: Names) -> Change:
        found = list(differences(self._index, candidate.rules))
        titles = (f"{p.title} of NetworkPolicy {p.ref.namespace}/{p.ref.name}" for p in candidate.patches)
        return Change(
            "; ".join(titles),
            candidate.patches,
            candidate.fields,
            pairs(found, names, self._asked, opened=True),
            pairs(found, names, self._asked, opened=False),
        )

    # Candidates

    def _to_allow(self, refused: list[Refused]) -> list[Candidate]:
        """For each side that denies, what allows it; where both do, both at once."""
        sides = []
        for side in (self._verdict.egress, self._verdict.ingress):
            if not side.allowed:
                candidates = self._allowing(side)
                if not candidates:
                    refused.append(Refused(side.direction, self._why_denied(side)))
                sides.append(candidates)
        if len(sides) == 1:
            return sides[0]
        both = sorted(product(*sides), key=lambda pair: (pair[0].fields + pair[1].fields, pair[0].rank, pair[1].rank))
        made = (joined(self._scene, one, other) for one, other in both)
        return list(islice((candidate for candidate in made if candidate is not None), MOST_JUDGED))

    def _allowing(self, side: Side) -> list[Candidate]:
        """The smallest that do allow a side, and a new policy in any case."""
        if self._is_admins(side):
            return []
        candidates = sorted(allowing(self._scene, side), key=lambda c: c.rank)
        new = [c for c in candidates if c.is_new]
        edits = [c for c in candidates if not c.is_new]
        return [c for c in (*edits[: MOST_JUDGED - len(new)], *new) if self._allows(c, side.direction)]

    def _allows(self, candidate: Candidate, direction: Direction) -> bool:
        out = direction is Direction.EGRESS
        return all((v.egress if out else v.ingress).allowed for v in self._judged(candidate.rules))

    def _to_deny(self, refused: list[Refused]) -> list[Candidate]:
        """What denies either side."""
        out: list[Candidate] = []
        for side in (self._verdict.egress, self._verdict.ingress):
            candidates = [] if self._is_admins(side) else list(denying(self._scene, side))
            if not candidates:
                refused.append(Refused(side.direction, self._why_allowed(side)))
            out += candidates
        return out

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


_UNTOUCHED = {
    Reason.NOT_A_POD: Refusal.NOT_A_POD,
    Reason.OWN_NODE: Refusal.OWN_NODE,
    Reason.LOOPBACK: Refusal.LOOPBACK,
}
