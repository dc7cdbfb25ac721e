"""Whom a lockdown is for: the workloads of some namespaces, or one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, count
from typing import TypeAlias

from msgspec import Struct

from podwall.api.meta import LabelSelector
from podwall.author.closing import refuse_system
from podwall.author.compose import fitting
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.wellknown import SYSTEM_NAMESPACES
from podwall.engine.index import key_of
from podwall.engine.rules import Direction
from podwall.engine.verdict import is_selectable
from podwall.errors import CannotWrite
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["Scope", "Work", "WorkKey", "scope_of"]

WorkKey: TypeAlias = tuple[str, str, str]
"""A workload's namespace, name and kind; the kind of its topmost controller."""


class Work(Struct, frozen=True):
    """One workload that policies can select, with all its pods.

    `unique` is its name among those of the namespace, `own` its controller's own selector.
    """

    key: WorkKey
    party: Party
    unique: str
    own: LabelSelector | None = None


class Scope(Struct, frozen=True, dict=True):
    """The namespaces, in order, with their workloads; `only` is set where it is one workload and not the namespace."""

    namespaces: tuple[str, ...]
    works: tuple[Work, ...]
    only: WorkKey | None = None

    @cached_property
    def of_pod(self) -> dict[tuple[str, str, str], Work]:
        """The workload of each endpoint in scope."""
        return {key_of(e): work for work in self.works for e in work.party.endpoints}

    @property
    def names(self) -> frozenset[str] | None:
        """What policies of the one workload are called, None where it is about namespaces."""
        if self.only is None:
            return None
        unique = self.works[0].unique
        parts = (unique, f"podwall-{unique}", *(f"bracket-{direction.value}-{unique}" for direction in Direction))
        return frozenset(map(fitting, parts))

    def home(self, namespace: str) -> str:
        """What the files of a namespace are called after: NS.WORKLOAD where it is about that alone."""
        return namespace if self.only is None else f"{namespace}.{self.works[0].unique}"

    def concerns(self, party: Party) -> bool:
        """Whether a party has a workload in scope; everyone and the whole world are nobody in particular."""
        if party.anyone or party.everywhere:
            return False
        return (party.whole and party.namespace in self.namespaces) or not self.of_pod.keys().isdisjoint(party.keys)

    def within(self, endpoints: Iterable[Endpoint]) -> list[Work]:
        """The workloads that some endpoints are of, in order."""
        held = {work.key: work for e in endpoints if (work := self.of_pod.get(key_of(e))) is not None}
        return [held[key] for key in sorted(held)]


_Own: TypeAlias = Mapping[WorkKey, LabelSelector | None]


def scope_of(site: Site, own: _Own, namespace: str | None, only: str | None) -> Scope:
    """Everything that is not the cluster's own; one namespace, or with NS/WORKLOAD one workload.

    `own` are the selectors of controllers. Raises CannotWrite where nothing of that is in the input, or it is a system
    namespace as a whole.
    """
    if only is not None:
        return _one(site, own, only)
    if namespace is not None:
        refuse_system(namespace)
        site.everyone(namespace)  # says so where there is no such namespace
        names = [namespace]
    else:
        names = [name for name in site.model.cluster.namespaces if name not in SYSTEM_NAMESPACES]
    held = [(name, tuple(_works(site, own, name))) for name in sorted(names)]
    chosen = [(name, works) for name, works in held if works]
    if not chosen:
        raise CannotWrite(f"{namespace or 'the input'} has no pod that policies can select: there is nothing to lock")
    return Scope(tuple(name for name, _ in chosen), tuple(work for _, works in chosen for work in works))


def _one(site: Site, own: _Own, only: str) -> Scope:
    party = site.party(only)
    works = [work for work in _works(site, own, party.namespace) if work.party.keys & party.keys]
    if len(works) != 1 or not party.endpoints:
        raise CannotWrite(f"--only {only}: not one workload; name it as NS/NAME, or NS/KIND/NAME")
    return Scope((party.namespace,), (works[0],), works[0].key)


def _works(site: Site, own: _Own, namespace: str) -> Iterable[Work]:
    held: dict[WorkKey, list[Endpoint]] = {}
    for endpoint in filter(is_selectable, site.endpoints(namespace)):
        top = endpoint.controller
        key = (namespace, top.name, top.kind) if top else (namespace, endpoint.name, endpoint.kind)
        held.setdefault(key, []).append(endpoint)
    unique = _unique(sorted(held))
    for key in sorted(held):
        yield Work(key, site.of_pods(key[1], held[key]), unique[key], own.get(key))


def _unique(keys: Sequence[WorkKey]) -> dict[WorkKey, str]:
    """A name for each workload of a namespace, its own where no other has it; none is longer than a name may be."""
    names = Counter(name for _, name, _ in keys)
    out = {key: fitting(key[1]) for key in keys if names[key[1]] == 1}
    taken = set(out.values())
    for key in keys:
        if key not in out:
            wanted = f"{key[1]}-{key[2].lower()}"
            offers = chain([wanted], (f"{wanted}-{number}" for number in count(2)))
            out[key] = next(name for name in map(fitting, offers) if name not in taken)
            taken.add(out[key])
    return out
