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
from podwall.engine.index import EndpointKey, key_of

__all__ = ["ABSENT", "Atoms", "Unit", "matched"]

Atoms: TypeAlias = Mapping[EndpointKey, int]
_Spot: TypeAlias = tuple[int, int]  # the atoms before and after
_Both: TypeAlias = tuple[list[Endpoint], list[Endpoint]]

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


def matched(old: tuple[Iterable[Endpoint], Atoms], new: tuple[Iterable[Endpoint], Atoms]) -> list[Unit]:
    """The endpoints of both sides, each side's with their atoms, as units in order of name."""
    families: dict[tuple[str, Controller], _Both] = {}
    for side, (endpoints, _) in enumerate((old, new)):
        for endpoint in endpoints:
            itself = endpoint.controller or Controller(endpoint.kind, endpoint.name)
            family = families.get((endpoint.namespace, itself))
            if family is None:
                family = families[endpoint.namespace, itself] = ([], [])
            family[side].append(endpoint)
    atoms = old[1], new[1]
    found = [unit for (_, itself), family in families.items() for unit in _units(itself, family, atoms)]
    return sorted(_unique(found), key=lambda unit: (unit.namespace, unit.name))


def _units(itself: Controller, family: _Both, atoms: tuple[Atoms, Atoms]) -> Iterable[Unit]:
    spots = tuple({known[key_of(e)] for e in endpoints} for endpoints, known in zip(family, atoms, strict=True))
    if all(len(found) <= 1 for found in spots):
        spot = tuple(next(iter(found), ABSENT) for found in spots)
        return [_named(itself, family, (spot[0], spot[1]))]
    return _told_apart(itself, _spots(family, atoms))


def _named(itself: Controller, family: _Both, spot: _Spot) -> Unit:
    old, new = (tuple(sorted(endpoints, key=lambda e: e.name)) for endpoints in family)
    some = (new or old)[0]
    controlled = some.controller is not None
    many = tuple(controlled and (len(found) > 1 or any(e.many for e in found)) for found in (old, new))
    return Unit(
        f"{some.namespace}/{itself.name}", itself.kind, some.namespace, old, new, spot, (many[0], many[1])
    )


def _spots(family: _Both, atoms: tuple[Atoms, Atoms]) -> dict[_Spot, _Both]:
    """Pods of one name are matched; then, of the others, those with the same labels if both sides take them alike."""
    by_name = [{key_of(e): e for e in endpoints} for endpoints in family]
    out: dict[_Spot, _Both] = {}
    others: dict[object, _Both] = {}
    for side, endpoints in enumerate(family):
        for endpoint in endpoints:
            key = key_of(endpoint)
            if key in by_name[1 - side]:
                out.setdefault((atoms[0][key], atoms[1][key]), ([], []))[side].append(endpoint)
            else:
                others.setdefault(_lasting(endpoint), ([], []))[side].append(endpoint)
    for alike in others.values():
        found = [{known[key_of(e)] for e in endpoints} for endpoints, known in zip(alike, atoms, strict=True)]
        together = len(found[0]) == len(found[1]) == 1
        for side, endpoints in enumerate(alike):
            for endpoint in endpoints:
                own = atoms[side][key_of(endpoint)]
                alone = (own, ABSENT) if side == 0 else (ABSENT, own)
                spot = (next(iter(found[0])), next(iter(found[1]))) if together else alone
                out.setdefault(spot, ([], []))[side].append(endpoint)
    return out


def _lasting(endpoint: Endpoint) -> frozenset[tuple[str, str]]:
    """The labels that a rollout does not change."""
    return frozenset(item for item in endpoint.labels.items() if item[0] not in _OF_ROLLOUTS)


def _told_apart(itself: Controller, spots: Mapping[_Spot, _Both]) -> Iterator[Unit]:
    (spot, members), *others = sorted(spots.items(), key=lambda item: _rank(*item))
    yield _named(itself, members, spot)
    for spot, (old, new) in others:
        by_name = {e.name: e for e in old}
        for endpoint in new or old:
            before = (by_name[endpoint.name],) if endpoint.name in by_name else tuple(old)
            name = f"{endpoint.namespace}/{endpoint.name}"
            yield Unit(name, "Pod", endpoint.namespace, before, (endpoint,) if new else (), spot)


def _rank(spot: _Spot, members: _Both) -> tuple[bool, int, str]:
    """What stays comes first, then the largest class, then the first Pod name."""
    everyone = [*members[0], *members[1]]
    return ABSENT in spot, -len(everyone), min(e.name for e in everyone)


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
