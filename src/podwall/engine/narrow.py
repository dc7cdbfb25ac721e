"""The narrowest that a policy can say of one end: the fewest lasting labels that no other pod of its namespace has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.index import Index
from podwall.engine.labels import Selector, Term
from podwall.engine.rules import InNamespace, Pods
from podwall.engine.verdict import End, is_selectable

__all__ = ["Who", "who"]

# Labels that controllers set and that do not outlive a rollout, or differ between replicas: from the well-known labels
# of the Kubernetes reference.
_PASSING = frozenset(
    (
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "controller-revision-hash",
        "controller-uid",
        "job-name",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
    )
)
_MOST_LABELS = 16  # of which pairs are tried


class Who(Struct, frozen=True):
    """An end as a policy can name it: pods of a namespace by labels, or an address where selectors do not see it (N8).

    `exact` says that the labels, or the address, are those of the end's own replicas and of nobody else now.
    """

    namespace: str
    labels: dict[str, str]
    address: str | None
    exact: bool


def who(index: Index, end: End, family: int) -> Who:
    """How to name an end: with its replicas, as those come and go."""
    member = end.member
    if not is_selectable(member):
        own = [address for address in member.addresses if (":" in address) == (family == 6)]
        return Who(member.namespace, {}, own[0] if own else None, exact=True)
    lasting = _lasting(member)
    kin = _kin(index, member)
    for labels in _choices(lasting):
        terms = tuple(Term(key, frozenset((labels[key],))) for key in sorted(labels))
        selected = index.pods(Pods(InNamespace(member.namespace), Selector(terms)))
        if selected.get(member.namespace, 0) == kin:
            return Who(member.namespace, labels, None, exact=True)
    return Who(member.namespace, lasting, None, exact=False)


def _lasting(endpoint: Endpoint) -> dict[str, str]:
    return {key: endpoint.labels[key] for key in sorted(endpoint.labels) if key not in _PASSING}


def _choices(labels: dict[str, str]) -> Iterator[dict[str, str]]:
    """One label, or two, or all."""
    keys = list(labels)[:_MOST_LABELS]
    yield from ({key: labels[key]} for key in keys)
    yield from ({a: labels[a], b: labels[b]} for a, b in combinations(keys, 2))
    yield labels


def _kin(index: Index, member: Endpoint) -> int:
    """The slots of an endpoint and of the replicas of its controller that have its lasting labels."""
    if member.controller is None:
        return 1 << index.slot(member)
    lasting, slots = _lasting(member), 0
    for other, slot in index.members(member.namespace):
        if other.controller == member.controller and is_selectable(other) and _lasting(other) == lasting:
            slots |= 1 << slot
    return slots
