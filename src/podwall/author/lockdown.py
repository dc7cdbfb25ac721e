"""A lockdown: scope and needs → the bracket, the baseline of each namespace, and one policy for each workload."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from podwall.author.bracket import bracket_of
from podwall.author.closing import directions, shut
from podwall.author.force import Force
from podwall.author.marks import BASELINE, marked
from podwall.author.recipe import Policy
from podwall.author.resolver import allow_dns, asked_for_names, let_in_by_dns
from podwall.author.scope import Scope
from podwall.author.sides import Side, sides_of
from podwall.author.standing import lets_already
from podwall.author.synth import policy_of
from podwall.author.taken import Names
from podwall.cluster.endpoints import Endpoint
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import Direction, Pods
from podwall.errors import CannotWrite
from podwall.needs.need import Grant, Need
from podwall.needs.site import Site

__all__ = ["Part", "Plan", "plan"]


class Part(Struct, frozen=True):
    """The policies of one file: `stage` is the order in which it is applied, `home` the namespace, or NS.WORKLOAD."""

    stage: str
    home: str
    policies: tuple[Policy, ...]


class Plan(Struct, frozen=True):
    """All parts in the order in which they are applied.

    `dns` is whom pods may ask for names; `sides` are those of every need, as far as they are in scope. `wide` has, by
    workload, the others that its selector selects as well; `unwritten` why a workload has no policy. `enforced` are the
    namespaces where an earlier lockdown closes a workload already.
    """

    scope: Scope
    parts: tuple[Part, ...]
    dns: tuple[Grant, ...]
    sides: tuple[Side, ...]
    wide: dict[str, tuple[str, ...]]
    unwritten: dict[str, str]
    notes: tuple[str, ...]
    enforced: tuple[str, ...] = ()


_LONGEST_COPY = 256_000  # of the 256 KiB that all annotations of an object may have
BRACKET_STAGE, BASELINE_STAGE, WORKLOAD_STAGE = "00-bracket", "10-baseline", "20-workloads"


def plan(site: Site, scope: Scope, needs: Iterable[Need], earlier: Iterable[Site] = ()) -> Plan:
    """What is to be written beside the policies of the site, which has none of the lockdown's own in scope.

    `earlier` are pictures of the cluster with what a lockdown wrote before: whom that closes no bracket opens again.
    """
    return _Planning(site, scope, needs, Force(site, earlier)).plan()


class _Planning:
    """One plan in the making."""

    def __init__(self, site: Site, scope: Scope, needs: Iterable[Need], force: Force) -> None:
        self._site = site
        self._scope = scope
        self._force = force
        self._names = Names(site)
        self._sides = sides_of(site, scope, needs)
        self._wide: dict[str, tuple[str, ...]] = {}
        self._unwritten: dict[str, str] = {}
        self._notes: list[str] = []

    def plan(self) -> Plan:
        """All of it."""
        dns = tuple(asked_for_names(self._site))
        stages: tuple[tuple[str, Callable[[str], Iterable[Policy]]], ...] = (
            (BRACKET_STAGE, lambda name: bracket_of(self._site, self._scope, name, self._force)),
            (BASELINE_STAGE, lambda name: self._baseline(name, dns)),
            (WORKLOAD_STAGE, lambda name: self._workloads(name, dns)),
        )
        parts = [
            Part(stage, self._scope.home(name), policies)
            for stage, write in stages
            for name in self._scope.namespaces
            if (policies := tuple(self._names.given(write(name))))
        ]
        sides = tuple(side for sides in self._sides.values() for side in sides)
        notes = tuple(dict.fromkeys([*self._notes, *self._names.notes, *_too_long(parts)]))
        enforced = tuple(name for name in self._scope.namespaces if self._is_enforced(name))
        return Plan(self._scope, tuple(parts), dns, sides, self._wide, self._unwritten, notes, enforced)

    def _is_enforced(self, namespace: str) -> bool:
        works = (work for work in self._scope.works if work.key[0] == namespace)
        ends = [e for work in works for e in work.party.endpoints]
        return any(self._force.is_own(e, direction) for e in ends for direction in Direction)

    def _baseline(self, namespace: str, dns: Sequence[Grant]) -> Iterator[Policy]:
        if self._scope.only is not None:
            return
        party = self._site.everyone(namespace)
        closed = [d for d in directions("both") if not self._is_shut(namespace, d)]
        if self._asks_already(party.endpoints):
            draft = let_in_by_dns(self._site, party, [g for g in dns if g.peers.endpoints])
        else:
            draft = allow_dns(self._site, party)
        self._notes += draft.notes
        # The default deny comes last: whom no bracket can be written for goes on asking for names.
        found = (*draft.policies, *(shut(party, closed).policies if closed else ()))
        for policy in found:
            yield Policy(marked(policy.object, BASELINE), policy.about)

    def _is_shut(self, namespace: str, direction: Direction) -> bool:
        """Whether a policy of somebody else isolates every pod of a namespace, those to come as well."""
        policies = self._site.model.index.policies_in(namespace)
        return any(
            isolation.direction is direction and _is_all(isolation.subject)
            for policy in policies
            for isolation in policy.isolations
        )

    def _asks_already(self, endpoints: Sequence[Endpoint]) -> bool:
        """Whether every pod may ask for names by policies that are there."""
        grants = asked_for_names(self._site)
        return all(lets_already(self._site, Direction.EGRESS, endpoints, g.peers, g.ports) for g in grants)

    def _workloads(self, namespace: str, dns: Sequence[Grant]) -> Iterator[Policy]:
        closing = self._scope.only is not None
        for work in self._scope.works:
            if work.key[0] != namespace:
                continue
            who = f"{namespace}/{work.unique}"
            try:
                beside = dns if closing else ()
                policy, others = policy_of(self._site, work, self._sides[work.key], beside, closing=closing)
            except CannotWrite as error:
                self._unwritten[who] = str(error)
                continue
            if others:
                self._wide[who] = others
            if policy is not None:
                yield policy


def _too_long(parts: Iterable[Part]) -> Iterator[str]:
    """What is said of policies of which `kubectl apply` cannot keep its copy, in an annotation beside the others."""
    for policy in (policy for part in parts for policy in part.policies):
        meta = policy.object["metadata"]
        beside = sum(len(text.encode()) for text in meta.get("annotations", {}).values())
        if len(msgspec.json.encode(policy.object)) + beside > _LONGEST_COPY:
            yield f"{meta['namespace']}/{meta['name']} is long: apply it with kubectl apply --server-side"


def _is_all(subject: Pods) -> bool:
    return subject.selector == EVERYTHING
