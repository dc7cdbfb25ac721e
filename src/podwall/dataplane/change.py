"""From one rule set to another: the least change, as plain data, and what it makes of the old one.

Nothing is ever flushed first: what stays is not named, and what goes is deleted in the transaction that brings the new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from podwall.dataplane.ruleset import Chain, Group, Ruleset, Set, VerdictMap

__all__ = ["Change", "applied", "difference"]

_K = TypeVar("_K")
_T = TypeVar("_T")


class Change(Struct, frozen=True):
    """What a kernel is to do: structure and elements, all or nothing; then the epoch, in a transaction of its own.

    `whole` puts a table in the place of what is there, and then nothing else is set but `epoch`. Those in `chains` are
    new, or get new rules in place of their old ones. `sets` and `maps` are new, with all that is in them. `added` and
    `removed` are elements of sets, `routed` and `unrouted` those of verdict maps; a key whose chain changes is in both.
    `groups` are those that log lines may name from now on, None where they are as before. `epoch` is 0 where no
    permission may have shrunk.
    """

    whole: Ruleset | None = None
    chains: tuple[Chain, ...] = ()
    sets: tuple[Set, ...] = ()
    maps: tuple[VerdictMap, ...] = ()
    gone_chains: tuple[str, ...] = ()
    gone_sets: tuple[str, ...] = ()
    gone_maps: tuple[str, ...] = ()
    added: dict[str, frozenset[bytes]] = {}
    removed: dict[str, frozenset[bytes]] = {}
    routed: dict[str, dict[bytes, str]] = {}
    unrouted: dict[str, dict[bytes, str]] = {}
    groups: dict[str, Group] | None = None
    epoch: int = 0

    @property
    def structural(self) -> bool:
        """Whether more than elements and the epoch change."""
        return bool(
            self.whole or self.chains or self.sets or self.maps or self.gone_chains or self.gone_sets or self.gone_maps
        )

    def __bool__(self) -> bool:
        return self.structural or bool(self.added or self.removed or self.routed or self.unrouted or self.epoch)


def difference(old: Ruleset, new: Ruleset) -> Change:
    """What turns `old` into `new`, which have one mask. An interval set that differs must have another name."""
    both = [s for name, s in new.sets.items() if name in old.sets and s is not old.sets[name]]
    for one in both:
        if one.intervals != old.sets[one.name].intervals or one.key is not old.sets[one.name].key:
            raise ValueError(f"set {one.name} may not change its key or its intervals")
    added = {s.name: s.elements - old.sets[s.name].elements for s in both}
    removed = {s.name: old.sets[s.name].elements - s.elements for s in both}
    maps = [m for name, m in new.maps.items() if name in old.maps and m is not old.maps[name]]
    routed = {m.name: _new_items(old.maps[m.name].elements, m.elements) for m in maps}
    unrouted = {m.name: _new_items(m.elements, old.maps[m.name].elements) for m in maps}
    return Change(
        chains=tuple(chain for name, chain in sorted(new.chains.items()) if old.chains.get(name) != chain),
        sets=tuple(s for name, s in sorted(new.sets.items()) if name not in old.sets),
        maps=tuple(m for name, m in sorted(new.maps.items()) if name not in old.maps),
        gone_chains=_gone(old.chains, new.chains),
        gone_sets=_gone(old.sets, new.sets),
        gone_maps=_gone(old.maps, new.maps),
        added=_filled(added),
        removed=_filled(removed),
        routed=_filled(routed),
        unrouted=_filled(unrouted),
        groups=new.groups if new.groups != old.groups else None,
        epoch=new.epoch if new.epoch != old.epoch else 0,
    )


def _new_items(old: Mapping[bytes, str], new: Mapping[bytes, str]) -> dict[bytes, str]:
    return {key: chain for key, chain in new.items() if old.get(key) != chain}


def _gone(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted(name for name in old if name not in new))


def _filled(parts: Mapping[str, _T]) -> dict[str, _T]:
    return {name: part for name, part in sorted(parts.items()) if part}


def applied(old: Ruleset | None, change: Change) -> Ruleset:
    """The rule set after a change. Raises ValueError where it cannot be applied to `old`, as the kernel would."""
    if change.whole is not None:
        return _at(change.whole, change.epoch)
    if old is None:
        raise ValueError("there is no table yet")
    _must_have(old.chains, change.gone_chains, "chain")
    _must_have(old.sets, [*change.gone_sets, *change.added, *change.removed], "set")
    _must_have(old.maps, [*change.gone_maps, *change.routed, *change.unrouted], "map")
    for name, keys in change.removed.items():
        if not keys <= old.sets[name].elements:
            raise ValueError(f"set {name} has not all elements that are to go")
    for name, routes in change.unrouted.items():
        if not routes.keys() <= old.maps[name].elements.keys():
            raise ValueError(f"map {name} has not all elements that are to go")
    chains = _without(old.chains, change.gone_chains) | {chain.name: chain for chain in change.chains}
    sets = _without(old.sets, change.gone_sets) | {one.name: one for one in change.sets}
    for name in {*change.added, *change.removed}:
        kept = sets[name].elements - change.removed.get(name, frozenset())
        sets[name] = msgspec.structs.replace(sets[name], elements=kept | change.added.get(name, frozenset()))
    maps = _without(old.maps, change.gone_maps) | {one.name: one for one in change.maps}
    for name in {*change.routed, *change.unrouted}:
        left = _without(maps[name].elements, change.unrouted.get(name, ()))
        if any(left.get(key, chain) != chain for key, chain in change.routed.get(name, {}).items()):
            raise ValueError(f"map {name} has another chain for an element that is to come")
        maps[name] = msgspec.structs.replace(maps[name], elements=left | change.routed.get(name, {}))
    groups = old.groups if change.groups is None else change.groups
    new = msgspec.structs.replace(old, chains=chains, sets=sets, maps=maps, groups=groups)
    return _at(new, change.epoch)


def _without(held: Mapping[_K, _T], names: Iterable[_K]) -> dict[_K, _T]:
    gone = set(names)
    return {name: one for name, one in held.items() if name not in gone}


def _must_have(held: Mapping[str, object], names: Iterable[str], what: str) -> None:
    for name in names:
        if name not in held:
            raise ValueError(f"there is no {what} {name}")


def _at(ruleset: Ruleset, epoch: int) -> Ruleset:
    return msgspec.structs.replace(ruleset, epoch=epoch) if epoch else ruleset
