"""From what a kernel holds to a rule set, as a change: a table that is there is never taken away to load another one.

A packet that is under way while a transaction is made goes on by the old rules, but finds sets and maps as they are
after it. The maps of a table that goes are empty to it, so it would be isolated by nothing. (Seen on Linux 6.18.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from podwall.dataplane.change import Change
from podwall.dataplane.door import Held
from podwall.dataplane.ruleset import Ruleset

__all__ = ["parts", "takeover", "undoing"]

_T = TypeVar("_T")


def takeover(held: Held, ruleset: Ruleset) -> Change:
    """What makes a table that is held the rule set, its epoch apart. All chains are written anew, whatever they say.

    Sets that packets fill are not among what is held, so one that nobody looks at any more stays. Raises ValueError
    where a set of intervals has others under its name.
    """
    for one in ruleset.sets.values():
        if held.intervals.get(one.name, one.intervals) != one.intervals:
            raise ValueError(f"set {one.name} has other intervals")
    there = {*held.sets, *held.intervals}
    both = [one for one in ruleset.sets.values() if one.name in held.sets]
    maps = {name: one.elements for name, one in ruleset.maps.items() if name in held.maps}
    return Change(
        chains=tuple(chain for _, chain in sorted(ruleset.chains.items())),
        sets=tuple(one for name, one in sorted(ruleset.sets.items()) if name not in there),
        maps=tuple(one for name, one in sorted(ruleset.maps.items()) if name not in held.maps),
        gone_chains=tuple(sorted(held.chains.keys() - ruleset.chains.keys())),
        gone_sets=tuple(sorted(there - ruleset.sets.keys())),
        gone_maps=tuple(sorted(held.maps.keys() - ruleset.maps.keys())),
        added=_filled({one.name: one.elements - held.sets[one.name] for one in both}),
        removed=_filled({one.name: held.sets[one.name] - one.elements for one in both}),
        routed=_filled({name: _besides(own, held.maps[name]) for name, own in maps.items()}),
        unrouted=_filled({name: _besides(held.maps[name], own) for name, own in maps.items()}),
    )


def _filled(parts: Mapping[str, _T]) -> dict[str, _T]:
    return {name: part for name, part in sorted(parts.items()) if part}


def _besides(routes: Mapping[bytes, str], others: Mapping[bytes, str]) -> dict[bytes, str]:
    return {key: chain for key, chain in routes.items() if others.get(key) != chain}


def parts(change: Change, known: frozenset[str]) -> tuple[Change, Change, Change]:
    """A change in three: what is new and nothing leads to, elements, and the rest; `known` are chains that are there.

    A new chain has no rules for packets that were under way when it came, and would let them out: it comes first, and
    what leads to it when no packet is as old as that. And where elements go, nft reads the interval sets of all tables,
    so that they go by netlink. The change is all in the last part where neither is the case.
    """
    new = tuple(chain for chain in change.chains if chain.name not in known and not chain.hook)
    if not (change.removed or change.unrouted or (new and change.routed)):
        return Change(), Change(), change
    elements = Change(added=change.added, removed=change.removed, routed=change.routed, unrouted=change.unrouted)
    rest = Change(
        chains=tuple(chain for chain in change.chains if chain.name in known or chain.hook),
        gone_chains=change.gone_chains,
        gone_sets=change.gone_sets,
        gone_maps=change.gone_maps,
    )
    return Change(chains=new, sets=change.sets, maps=change.maps), elements, rest


def undoing(part: Change) -> Change:
    """What takes one of the first two parts back; sets that packets fill stay, as they may be older than it."""
    return Change(
        gone_chains=tuple(chain.name for chain in part.chains),
        gone_sets=tuple(one.name for one in part.sets if not one.flows),
        gone_maps=tuple(one.name for one in part.maps),
        added=part.removed,
        removed=part.added,
        routed=part.unrouted,
        unrouted=part.routed,
    )
