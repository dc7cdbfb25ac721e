"""Who is who on both sides: endpoints matched, grouped as on a map, and named once for both.

Replicas of one controller are one unit while no rule of either side tells them apart, whatever their Pods are called:
a rollout renames all of them. Where one does, the largest class keeps the controller's name, as on a map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Controller, Endpoint
from podwall.engine.index import key_of

__all__ = ["ABSENT", "Member", "Unit", "matched"]

Member: TypeAlias = tuple[Endpoint, int]
"""An endpoint with its atom."""

_Spot: TypeAlias = tuple[int, int]  # the atoms before and after
_Both: TypeAlias = tuple[list[Member], list[Member]]

ABSENT = -1  # instead of an atom, on the side that does not have a unit

# Labels that Kubernetes sets on Pods to number them or their template: two rollouts differ in them and in nothing else.
_OF_ROLLOUTS = frozenset(
    {
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "controller-revision-hash",
        "controller-uid",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    }
)


class Unit(Struct, frozen=True, gc=False):
    """Endpoints shown as one: those of it before, and those after; none on a side that does not have it.

    `spot` are their atoms on both sides; `many` says of each side whether a pair of it with itself is one (D5).
    """

    name: str
    kind: str
    namespace: str
    old: tuple[Endpoint, ...]
    new: tuple[Endpoint, ...]
    spot: _Spot
    many: tuple[bool, bool] = (False, False)

    @property
    def stays(self) -> bool:
        """Whether both sides have it."""
        return ABSENT not in self.spot


def matched(old: Iterable[Member], new: Iterable[Member]) -> list[Unit]:
    """The endpoints of both sides as units, in order of name."""
    families: dict[tuple[str, Controller], _Both] = {}
    for side, members in enumerate((old, new)):
        for member in members:
            endpoint = member[0]
            itself = endpoint.controller or Controller(endpoint.kind, endpoint.name)
            family = families.get((endpoint.namespace, itself))
            if family is None:
                family = families[endpoint.namespace, itself] = ([], [])
            family[side].append(member)
    found = [unit for (_, itself), family in families.items() for unit in _units(itself, family)]
    return sorted(_unique(found), key=lambda unit: (unit.namespace, unit.name))


def _units(itself: Controller, family: _Both) -> Iterable[Unit]:
    old, new = family
    if len(old) <= 1 >= len(new) or all(len(_atoms(members)) <= 1 for members in family):
        return (_named(itself, family, (old[0][1] if old else ABSENT, new[0][1] if new else ABSENT)),)
    return _told_apart(itself, _spots(family))


def _atoms(members: Iterable[Member]) -> set[int]:
    return {atom for _, atom in members}


def _named(itself: Controller, family: _Both, spot: _Spot) -> Unit:
    old, new = map(_by_name, family)
    some = (new or old)[0]
    return Unit(
        f"{some.namespace}/{itself.name}", itself.kind, some.namespace, old, new, spot, (_is_many(old), _is_many(new))
    )


def _by_name(members: Sequence[Member]) -> tuple[Endpoint, ...]:
    if len(members) == 1:
        return (members[0][0],)
    return tuple(sorted((endpoint for endpoint, _ in members), key=lambda e: e.name))


def _is_many(found: Sequence[Endpoint]) -> bool:
    """Whether a pair with itself means two replicas (D5): what has no controller is one."""
    return bool(found) and found[0].controller is not None and (len(found) > 1 or found[0].many)


def _spots(family: _Both) -> dict[_Spot, _Both]:
    """Pods of one name are matched; then, of the others, those with the same labels if both sides take them alike."""
    by_name = [{key_of(e): atom for e, atom in members} for members in family]
    out: dict[_Spot, _Both] = {}
    others: dict[object, _Both] = {}
    for side, members in enumerate(family):
        for member in members:
            key = key_of(member[0])
            if key in by_name[1 - side]:
                out.setdefault((by_name[0][key], by_name[1][key]), ([], []))[side].append(member)
            else:
                others.setdefault(_lasting(member[0]), ([], []))[side].append(member)
    for alike in others.values():
        found = [_atoms(members) for members in alike]
        together = len(found[0]) == len(found[1]) == 1
        for side, members in enumerate(alike):
            for member in members:
                alone = (member[1], ABSENT) if side == 0 else (ABSENT, member[1])
                spot = (min(found[0]), min(found[1])) if together else alone
                out.setdefault(spot, ([], []))[side].append(member)
    return out


def _lasting(endpoint: Endpoint) -> frozenset[tuple[str, str]]:
    """The labels that a rollout does not change."""
    return frozenset(item for item in endpoint.labels.items() if item[0] not in _OF_ROLLOUTS)


def _told_apart(itself: Controller, spots: Mapping[_Spot, _Both]) -> Iterator[Unit]:
    (spot, members), *others = sorted(spots.items(), key=lambda item: _rank(*item))
    yield _named(itself, members, spot)
    for spot, (old, new) in others:
        by_name = {e.name: e for e, _ in old}
        for endpoint, _ in new or old:
            before = (by_name[endpoint.name],) if endpoint.name in by_name else tuple(by_name.values())
            name = f"{endpoint.namespace}/{endpoint.name}"
            yield Unit(name, "Pod", endpoint.namespace, before, (endpoint,) if new else (), spot)


def _rank(spot: _Spot, members: _Both) -> tuple[bool, int, str]:
    """What stays comes first, then the largest class, then the first Pod name."""
    everyone = [*members[0], *members[1]]
    return ABSENT in spot, -len(everyone), min(e.name for e, _ in everyone)


def _unique(units: Sequence[Unit]) -> Iterator[Unit]:
    """Where names collide on either side, a Pod keeps `ns/name` and workloads go by `ns/Kind/name`."""
    holders: dict[str, int] = {}
    for unit in units:
        holders[unit.name] = holders.get(unit.name, 0) + 1
    for unit in units:
        if holders[unit.name] > 1 and unit.kind != "Pod":
            namespace, _, name = unit.name.partition("/")
            yield msgspec.structs.replace(unit, name=f"{namespace}/{unit.kind}/{name}")
        else:
            yield unit
