"""How well each namespace is closed, in numbers: what a team is asked to improve, and can see improve."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from podwall.check.blocks import PRIVATE
from podwall.check.coverage import default_deny, lived_in, opened_again
from podwall.check.dns import answered, asks_dns
from podwall.check.facts import Facts
from podwall.check.pairs import classes
from podwall.engine.grants import EXTERNAL
from podwall.engine.grouping import Group
from podwall.engine.reach import Reach
from podwall.engine.rules import Direction

__all__ = ["Counts", "Posture", "postures"]


class Counts(Struct, frozen=True):
    """Some workloads, as they are shown: all of them, those without a policy, those open to the internet or into it."""

    workloads: int
    without_policy: int
    from_internet: int
    to_internet: int


class Posture(Struct, frozen=True):
    """One namespace; workloads are counted as they are shown, and `reachable_from` counts other namespaces.

    `dns` says whether all that ask the cluster's DNS can: ok, broken, or unknown. `owned` has the workloads of each
    owner that is known, by name.
    """

    namespace: str
    workloads: int
    without_policy: int
    ingress_denied: bool
    egress_denied: bool
    from_internet: int
    to_internet: int
    reachable_from: int
    others: int
    dns: str = "unknown"
    owned: tuple[tuple[str, Counts], ...] = ()

    @property
    def score(self) -> int:
        """0–100: a default deny is worth 25 for each direction, policies for all 20, DNS and each exposure 10."""
        return self.score_of(Counts(self.workloads, self.without_policy, self.from_internet, self.to_internet))

    def score_of(self, counts: Counts) -> int:
        """The same for some workloads of it: what holds for the namespace holds for them."""
        workloads = counts.workloads or 1
        points: float = 25 * self.ingress_denied + 25 * self.egress_denied + 10 * (self.dns != "broken")
        points += 20 * (1 - counts.without_policy / workloads)
        points += 10 * (1 - counts.from_internet / workloads)
        points += 10 * (1 - self.reachable_from / (self.others or 1))
        return round(points)


class _Openness:
    """Which atoms the internet and other namespaces reach, read from the map in one pass."""

    def __init__(self, reach: Reach) -> None:
        self.from_internet = 0
        self.to_internet = 0
        self.reached_by: dict[str, set[str]] = {}
        spans = reach.layout.spans
        outside = _public(reach)
        rows = dict.fromkeys(spans, 0)
        for sources in reach.sources():
            reached = reach.reached(sources)
            mask = sum(1 << atom for atom in sources.atoms)
            name = next(n for n, (start, size) in spans.items() if start <= sources.atoms[0] < start + size)
            if name == EXTERNAL:
                self.from_internet |= reached if mask & outside else 0
            else:
                self.to_internet |= mask if reached & outside else 0
                rows[name] |= reached
        for name, reached in rows.items():
            for other, (start, size) in spans.items():
                if EXTERNAL not in (name, other) and name != other and reached >> start & ((1 << size) - 1):
                    self.reached_by.setdefault(other, set()).add(name)


def _public(reach: Reach) -> int:
    """The atoms of external addresses that are not private."""
    if not reach.externals:
        return 0
    atoms = reach.layout.atom_of(EXTERNAL)
    return sum({1 << atoms[slot] for slot, addresses in enumerate(reach.externals) if addresses - PRIVATE})


def postures(facts: Facts) -> Iterator[Posture]:
    """Every namespace that somebody lives in and that is not the system's, by name."""
    reach = facts.model.reach
    openness = _Openness(reach)
    names = lived_in(facts)
    isolated = reach.isolated[Direction.INGRESS] | reach.isolated[Direction.EGRESS]
    by_namespace: dict[str, list[Group]] = {}
    for group in facts.groups:
        by_namespace.setdefault(group.namespace, []).append(group)
    for name in names:
        if name in facts.options.system:
            continue
        groups = [g for g in by_namespace.get(name, ()) if not g.members[0].host_network]
        counts = _counts(groups, isolated, openness)
        yield Posture(
            namespace=name,
            workloads=counts.workloads,
            without_policy=counts.without_policy,
            ingress_denied=_is_denied(facts, name, Direction.INGRESS),
            egress_denied=_is_denied(facts, name, Direction.EGRESS),
            from_internet=counts.from_internet,
            to_internet=counts.to_internet,
            reachable_from=len(openness.reached_by.get(name, set()) & set(names)),
            others=len(names) - 1,
            dns=_dns(facts, name),
            owned=tuple((owner, _counts(held, isolated, openness)) for owner, held in _owned(facts, groups)),
        )


def _counts(groups: Sequence[Group], isolated: int, openness: _Openness) -> Counts:
    atoms = [group.atom for group in groups]
    return Counts(
        workloads=len(atoms),
        without_policy=sum(not isolated >> atom & 1 for atom in atoms),
        from_internet=sum(openness.from_internet >> atom & 1 for atom in atoms),
        to_internet=sum(openness.to_internet >> atom & 1 for atom in atoms),
    )


def _owned(facts: Facts, groups: Iterable[Group]) -> list[tuple[str, list[Group]]]:
    found: dict[str, list[Group]] = {}
    for group in groups:
        owner = facts.owner_of(group.members[0])
        if owner is not None:
            found.setdefault(owner, []).append(group)
    return sorted(found.items())


def _dns(facts: Facts, namespace: str) -> str:
    asking = [endpoint for endpoint in facts.endpoints[namespace] if asks_dns(facts, endpoint)]
    answers = {answered(facts, endpoint) for endpoint in classes(facts, asking)}
    return "broken" if False in answers else "unknown" if None in answers else "ok"


def _is_denied(facts: Facts, namespace: str, direction: Direction) -> bool:
    """A default deny that no allow-all beside it undoes, a rollout's bracket included."""
    undone = next(opened_again(facts, namespace, direction), None)
    return undone is None and bool(default_deny(facts, namespace, direction))
