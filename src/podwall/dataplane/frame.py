"""The part of the table that is the same on every node: hooks, what comes before judging, dispatch, and the log.

Names: `c_…` are chains of the frame. A map `m_e_t_4` leads local pods that something is enforced for to their chains:
egress or ingress, the view (tracked, reversed, header), the family. `w_…` are the maps of what is staged: `w_…` where
the enforced rules allow, `v_…` where they deny. `x_e_4` are the keys of `m_e_…_4` as a set, `u_4` the pods of which
nothing but staged policies speak.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from msgspec import Struct

from podwall.dataplane.log import Logging, flow_sets, prefix, refusal
from podwall.dataplane.ruleset import (
    INVALID,
    Accept,
    Chain,
    Dispatch,
    EpochIs,
    Field,
    Goto,
    Hook,
    Icmp6Type,
    Jump,
    Key,
    Lookup,
    Loopback,
    NotSyn,
    PickedUp,
    PickUp,
    Protocol,
    Return,
    Rule,
    Set,
    SetEpoch,
    State,
    View,
)
from podwall.engine.rules import Direction

__all__ = [
    "ENFORCED",
    "STAGED",
    "STAGED_DENIED",
    "Frame",
    "Which",
    "dispatches",
    "frame",
    "local_set",
    "map_name",
    "next_step",
    "unmarked_set",
]

_SIDES = {Direction.EGRESS: ("e", Field.SOURCE), Direction.INGRESS: ("i", Field.DESTINATION)}
_OWN = "_own"
_STEPS = {
    (Direction.EGRESS, View.TRACKED): "c_ingress",
    (Direction.EGRESS, View.HEADER): "c_ingress_untracked",
    (Direction.EGRESS, View.REVERSED): "c_ingress_reversed",
    (Direction.INGRESS, View.TRACKED): "c_allowed",
    (Direction.INGRESS, View.HEADER): "c_allowed_untracked",
}
_VIEWS = {View.TRACKED: "t", View.REVERSED: "r", View.HEADER: "h"}
# The first letter of a verdict map: what is enforced; what is staged, where the enforced rules allow, and deny.
ENFORCED, STAGED, STAGED_DENIED = "m", "w", "v"
# Neighbor and router discovery and group membership of IPv6, which conntrack never tracks: without them nothing works.
_DISCOVERY = ((130, 137), (143, 143))


class Which(Struct, frozen=True):
    """What a node's table has to do: whether any pod has enforced policies, and whether any has staged ones.

    With `picking_up`, TCP from the middle of a connection that conntrack does not know passes if either direction may
    (dataplane.md 4.5); else it is as good as invalid for pods that something is enforced for.
    """

    enforced: bool = False
    staged: bool = False
    picking_up: bool = True


class Frame(Struct, frozen=True):
    """The chains and sets of the frame; sets of local pods are empty here."""

    chains: tuple[Chain, ...]
    sets: tuple[Set, ...]


def map_name(direction: Direction, view: View, family: int, *, kind: str = ENFORCED) -> str:
    """The name of the verdict map for one direction, view and family."""
    return f"{kind}_{_SIDES[direction][0]}_{_VIEWS[view]}_{family}"


def local_set(direction: Direction, family: int) -> str:
    """The name of the set of local pods that something is enforced for in one direction."""
    return f"x_{_SIDES[direction][0]}_{family}"


def unmarked_set(family: int) -> str:
    """The name of the set of local pods of which only staged policies speak."""
    return f"u_{family}"


def frame(which: Which, families: tuple[int, ...], logging: Logging) -> Frame:
    """The frame. Where nothing is enforced it has no drop, and writes no mark (dataplane.md 4.6)."""
    maker = _Maker(which, families, logging)
    return Frame(tuple(maker.chains()), tuple(maker.sets()))


class _Maker:
    def __init__(self, which: Which, families: tuple[int, ...], logging: Logging) -> None:
        self._which = which
        self._families = families
        self._logging = logging

    def sets(self) -> Iterator[Set]:
        """Local pods, and the flows that were told of."""
        if self._which.enforced or self._which.staged:
            yield from flow_sets(self._families, self._logging)
        for family in self._families if self._which.enforced else ():
            key = Key.ADDRESS4 if family == 4 else Key.ADDRESS6
            yield from (Set(local_set(direction, family), key) for direction in Direction)
            if self._which.staged:
                yield Set(unmarked_set(family), key)

    def chains(self) -> Iterator[Chain]:
        """Base chains, and all that they lead to but the pods' own.

        What comes to the node itself is a pod's egress, or an answer to the node, which was free to ask (N17).
        """
        yield Chain("c_forward", tuple(self._entry("c_eval")), Hook.FORWARD)
        yield Chain("c_input", (Rule((Loopback(),), (Accept(),)), *self._entry("c_eval_own")), Hook.INPUT)
        yield Chain("c_eval", tuple(self._eval(tuple(Direction), "", Jump("c_reversed"))))
        yield Chain("c_eval_own", tuple(self._eval((Direction.EGRESS,), _OWN, Accept())))
        yield Chain("c_untracked", tuple(self._untracked()))
        if self._which.enforced:
            yield Chain("c_invalid", tuple(self._invalid()))
            if not self._which.picking_up:
                yield Chain("c_middle", tuple(self._middle()))
            yield Chain("c_drop_invalid", tuple(refusal(prefix(INVALID), self._families, self._logging)))
            yield from self._judging()
        for sides, suffix in ((tuple(Direction), ""), ((Direction.EGRESS,), _OWN)):
            if self._which.staged:
                yield Chain(f"c_staged{suffix}", tuple(self._staged(sides, View.TRACKED)))
            if self._which.enforced and self._which.staged:
                yield Chain(f"c_unmarked{suffix}", tuple(self._unmarked(sides, suffix)))

    def _entry(self, onward: str) -> Iterator[Rule]:
        """What an established connection costs is the first rule: its permission is in its mark (dataplane.md 0.1)."""
        if self._which.enforced:
            yield Rule((EpochIs(),), (Accept(),))
        yield Rule((), (Jump(onward),))

    def _eval(self, sides: tuple[Direction, ...], suffix: str, picked_up: Jump | Accept) -> Iterator[Rule]:
        """Errors about connections first, or a new epoch would cut path MTU discovery (dataplane.md 4.3)."""
        for protocol in ("ICMP", "ICMPv6"):
            yield Rule((State("related"), Protocol(protocol)), (Accept(),))
        for first, last in _DISCOVERY:
            yield Rule((Icmp6Type(first, last),), (Accept(),))
        yield Rule((State("untracked"),), (Goto("c_untracked"),))
        if not self._which.enforced:
            if self._which.staged:
                yield Rule((State("new"),), (Jump(f"c_staged{suffix}"),))
            return
        yield Rule((State("invalid"),), (Goto("c_invalid"),))
        if self._which.staged:
            for family, side in product(self._families, sides):
                lookup = Lookup(View.TRACKED, (_SIDES[side][1],), unmarked_set(family), family)
                yield Rule((lookup,), (Jump(f"c_unmarked{suffix}"),))
        yield Rule((State("new"), NotSyn()), (PickUp() if self._which.picking_up else Goto("c_middle"),))
        # Never by its mark: a packet from the middle would open the way for a SYN with the same ends.
        yield Rule((PickedUp(), NotSyn()), (picked_up,))
        yield Rule((), (Goto(f"c_judge{suffix}"),))

    def _unmarked(self, sides: tuple[Direction, ...], suffix: str) -> Iterator[Rule]:
        """A connection of which nothing enforced speaks at either end is not to be marked (dataplane.md 4.6)."""
        for side, family in product(sides, self._families):
            lookup = Lookup(View.TRACKED, (_SIDES[side][1],), local_set(side, family), family)
            yield Rule((lookup,), (Return(),))
        yield Rule((), (Goto(f"c_staged{suffix}"),))

    def _invalid(self) -> Iterator[Rule]:
        """The connection is not known, so the header has to say whom it is about (dataplane.md 3.4)."""
        for side, family in product(Direction, self._families):
            lookup = Lookup(View.HEADER, (_SIDES[side][1],), local_set(side, family), family)
            yield Rule((lookup,), (Goto("c_drop_invalid"),))

    def _middle(self) -> Iterator[Rule]:
        """Who began the connection is not known, so whoever has rules in either direction may be judged by them."""
        for field, side, family in product((Field.SOURCE, Field.DESTINATION), Direction, self._families):
            lookup = Lookup(View.HEADER, (field,), local_set(side, family), family)
            yield Rule((lookup,), (Goto("c_drop_invalid"),))

    def _untracked(self) -> Iterator[Rule]:
        """Each packet for itself, by the same sets (dataplane.md 4.1)."""
        if self._which.enforced:
            yield from self._led(Direction.EGRESS, View.HEADER, Goto("c_drop_invalid"))
            yield Rule((), (next_step(Direction.EGRESS, View.HEADER),))
        elif self._which.staged:
            yield from self._staged(tuple(Direction), View.HEADER)
        else:
            yield Rule((), (Accept(),))

    def _judging(self) -> Iterator[Chain]:
        """What a connection passes in each view: the source's egress, the destination's ingress, and the end.

        A chain of a pod returns from the reversed view only, where it denies. So whoever comes back from a map, or was
        not led anywhere, has no chain: one who should have one is denied. Packets meet that while a table is replaced,
        as they read its rules as they were and its maps as they are.
        """
        invalid = Goto("c_drop_invalid")
        back = Return()  # from the reversed view, to be judged by the tuples as they are
        for view, refused in ((View.TRACKED, invalid), (View.HEADER, invalid), (View.REVERSED, back)):
            ingress = [*self._led(Direction.INGRESS, view, refused), Rule((), (next_step(Direction.INGRESS, view),))]
            yield Chain(_STEPS[Direction.EGRESS, view], tuple(ingress))
        yield Chain("c_reversed", self._first(View.REVERSED, back))
        yield Chain("c_judge", self._first(View.TRACKED, invalid))
        egress = self._led(Direction.EGRESS, View.TRACKED, invalid)
        yield Chain("c_judge_own", (*egress, Rule((), (next_step(Direction.INGRESS, View.TRACKED),))))
        staged = [*self._dispatches(tuple(Direction), View.TRACKED, STAGED)] if self._which.staged else []
        yield Chain(_STEPS[Direction.INGRESS, View.TRACKED], (*map(_once, staged), Rule((), (SetEpoch(), Accept()))))
        untracked = [*self._dispatches(tuple(Direction), View.HEADER, STAGED)] if self._which.staged else []
        yield Chain(_STEPS[Direction.INGRESS, View.HEADER], (*untracked, Rule((), (Accept(),))))

    def _first(self, view: View, refused: Goto | Return) -> tuple[Rule, ...]:
        """The source's egress."""
        return (*self._led(Direction.EGRESS, view, refused), Rule((), (next_step(Direction.EGRESS, view),)))

    def _led(self, side: Direction, view: View, refused: Goto | Return) -> Iterator[Rule]:
        """To the chain of a local pod; it is refused where it should have one and has none."""
        yield from dispatches(side, view, self._families, ENFORCED)
        for family in self._families:
            lookup = Lookup(view, (_SIDES[side][1],), local_set(side, family), family)
            yield Rule((lookup,), (refused,))

    def _staged(self, sides: tuple[Direction, ...], view: View) -> Iterator[Rule]:
        rules = self._dispatches(sides, view, STAGED)
        yield from rules if view is View.HEADER else map(_once, rules)
        yield Rule((), (Accept(),))

    def _dispatches(self, sides: tuple[Direction, ...], view: View, kind: str) -> Iterator[Rule]:
        for side in sides:
            yield from dispatches(side, view, self._families, kind)


def _once(rule: Rule) -> Rule:
    """A new epoch judges open connections again, but they are not new: user space tells of those."""
    return Rule((State("new"), *rule.matches), rule.statements)


def next_step(direction: Direction, view: View) -> Goto | Accept:
    """What follows for a packet that the enforced rules of one direction allow."""
    if direction is Direction.INGRESS and view is View.REVERSED:
        return Accept()  # never by a mark, see `_eval`
    return Goto(_STEPS[direction, view])


def dispatches(direction: Direction, view: View, families: tuple[int, ...], kind: str) -> Iterator[Rule]:
    """Jumps to what there is for the local pod of one direction."""
    for family in families:
        name = map_name(direction, view, family, kind=kind)
        yield Rule((), (Dispatch(view, _SIDES[direction][1], name, family),))
