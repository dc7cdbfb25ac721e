"""Unions of boxes: sets of labels, and of pods by the labels of their namespace and their own, decided exactly.

A box is a `Selector`, or a `PodBox`: one selector for each side. What is said here is true of all labels and pods that
there could be, whatever a cluster holds. Deciding it takes exponential time at worst, so there are two limits, each of
them a fraction of a second: a union of more than `MOST_BOXES` is not made, and whether a box is covered is not answered
where that takes more than `MOST_CUTS`. Both raise `TooManyBoxes`; below them every answer is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, Protocol, Self, TypeVar

from msgspec import Struct

from podwall.admission.names import dns_label
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.labels import EVERYTHING, Order, Selector, Term, breadth
from podwall.engine.rules import InNamespace, NamespacesMatching, Pods

__all__ = ["MOST_BOXES", "MOST_CUTS", "Boxes", "PodBox", "PodBoxes", "TooManyBoxes", "gap", "pod_box"]

MOST_BOXES = 1_024
MOST_CUTS = 4_096

_NAMED = Selector((Term(NAME_LABEL, frozenset((None,)), complement=True),))


class TooManyBoxes(Exception):
    """A question about selectors whose exact answer takes too long; what asked it says how it goes on without one."""


class Box(Protocol):
    """What a union is made of. The operators are those of sets; a difference is disjoint boxes, none of them empty."""

    def __and__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> list[Self]: ...
    def __le__(self, other: Self, /) -> bool: ...
    def overlaps(self, other: Self, /) -> bool: ...
    def is_empty(self) -> bool: ...
    def order(self) -> Order: ...


BoxT = TypeVar("BoxT", bound=Box)


class PodBox(Struct, frozen=True, gc=False):
    """Pods with labels that match `pod`, in namespaces whose labels match `namespace`.

    A namespace has one valid name and carries it as a label (N21), so on that side neither the absent label nor a text
    that is no name is a value of it.
    """

    namespace: Selector = EVERYTHING
    pod: Selector = EVERYTHING

    def __and__(self, other: PodBox) -> PodBox:
        return PodBox(self.namespace & other.namespace, self.pod & other.pod)

    def __sub__(self, other: PodBox) -> list[PodBox]:
        if not self.overlaps(other):
            return [] if self.is_empty() else [self]
        within = self.namespace & other.namespace
        return [
            *(PodBox(outside, self.pod) for outside in self.namespace - other.namespace),
            *(PodBox(within, outside) for outside in self.pod - other.pod),
        ]

    def __le__(self, other: PodBox) -> bool:
        return (self.namespace <= other.namespace and self.pod <= other.pod) or self.is_empty()

    def overlaps(self, other: PodBox) -> bool:
        """Whether some pod could be in both."""
        return self.namespace.overlaps(other.namespace) and self.pod.overlaps(other.pod)

    def is_empty(self) -> bool:
        """Whether no pod could be in it."""
        return self.namespace.is_empty() or self.pod.is_empty()

    def matches(self, namespace: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels, in a namespace with those (its name among them), is in it."""
        return self.namespace.matches(namespace) and self.pod.matches(labels)

    def witness(self) -> tuple[dict[str, str], dict[str, str]] | None:
        """The fewest labels of a namespace, its name among them, and of a pod in it; None where no pod could be."""
        namespace, pod = (self.namespace & _NAMED).witness(), self.pod.witness()
        return None if namespace is None or pod is None else (namespace, pod)

    def order(self) -> Order:
        """What pod boxes are sorted by, the widest first; equal for equal ones only."""
        terms = (*self.namespace.terms, *self.pod.terms)
        return breadth(terms), (self.namespace.order(), self.pod.order())


def pod_box(peer: Pods) -> PodBox:
    """The pods that a subject or peer selects, as a box (N8)."""
    match peer.scope:
        case InNamespace(name):
            return PodBox(Selector((Term(NAME_LABEL, frozenset((name,))),)), peer.selector)
        case NamespacesMatching(selector):
            return PodBox(_of_namespaces(selector), peer.selector)


def _of_namespaces(selector: Selector) -> Selector:
    terms = (_of_names(term) if term.key == NAME_LABEL else term for term in selector.terms)
    return Selector(tuple(term for term in terms if not term.is_full()))


def _of_names(term: Term) -> Term:
    possible = frozenset(name for name in term.values if name is not None and not dns_label(name))
    return Term(term.key, possible, term.complement)


def gap(box: BoxT, others: Iterable[BoxT]) -> BoxT | None:
    """A part of the box that is in none of the others, or None where they cover it. Raises TooManyBoxes.

    Depth first, so that a part that is in none is found soon. Which one it is depends on the order of the others.
    """
    near = [other for other in others if box.overlaps(other)]
    left = [] if box.is_empty() else [(box, 0)]
    cuts = 0
    while left:
        part, start = left.pop()
        hit = next((n for n in range(start, len(near)) if part.overlaps(near[n])), None)
        if hit is None:
            return part
        cuts += 1
        if cuts > MOST_CUTS:
            raise TooManyBoxes(f"more than {MOST_CUTS:,} cuts to compare a selector with {len(near):,} others")
        left += ((piece, hit + 1) for piece in part - near[hit])
    return None


class _Union(Struct, Generic[BoxT], frozen=True, gc=False, eq=False):
    """Boxes that are not empty, none within another, the widest first; made by `of`, which drops what is too many.

    All operators but `bool` may raise TooManyBoxes. `==` asks for the same set, which may be cut into boxes in several
    ways, so a union has no hash.
    """

    boxes: tuple[BoxT, ...] = ()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(cls, boxes: Iterable[BoxT]) -> Self:
        """The union of any boxes."""
        kept: list[BoxT] = []
        for box in sorted(_counted(box for box in boxes if not box.is_empty()), key=_order):
            if not any(box <= wider for wider in kept):
                kept.append(box)
        return cls(tuple(kept))

    def __bool__(self) -> bool:
        return bool(self.boxes)

    def __or__(self, other: Self) -> Self:
        return self.of((*self.boxes, *other.boxes))

    def __and__(self, other: Self) -> Self:
        return self.of(a & b for a in self.boxes for b in other.boxes if a.overlaps(b))

    def __sub__(self, other: Self) -> Self:
        left: Iterable[BoxT] = self.boxes
        for box in other.boxes:
            left = _counted(part for whole in left for part in whole - box)
        return self.of(left)

    def __le__(self, other: Self) -> bool:
        return all(gap(box, other.boxes) is None for box in self.boxes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self.boxes == other.boxes or self <= other <= self


def _order(box: Box) -> Order:
    return box.order()


def _counted(boxes: Iterable[BoxT]) -> Iterable[BoxT]:
    """The different ones of these boxes."""
    found: dict[BoxT, None] = {}
    for box in boxes:
        found[box] = None
        if len(found) > MOST_BOXES:
            raise TooManyBoxes(f"a set of labels or pods falls into more than {MOST_BOXES:,} boxes")
    return found


def _fewest(*sides: Mapping[str, str]) -> tuple[object, ...]:
    return sum(map(len, sides)), *(sorted(side.items()) for side in sides)


class Boxes(_Union[Selector], frozen=True, gc=False, eq=False):
    """A set of labels."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels are in it."""
        return any(box.matches(labels) for box in self.boxes)

    def witness(self) -> dict[str, str] | None:
        """The fewest labels that are in it, or None where none are."""
        found = (witness for box in self.boxes if (witness := box.witness()) is not None)
        return min(found, key=_fewest, default=None)


class PodBoxes(_Union[PodBox], frozen=True, gc=False, eq=False):
    """A set of pods."""

    def matches(self, namespace: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels, in a namespace with those (its name among them), is in it."""
        return any(box.matches(namespace, labels) for box in self.boxes)

    def witness(self) -> tuple[dict[str, str], dict[str, str]] | None:
        """The fewest labels of a namespace, its name among them, and of a pod in it; None where no pod is."""
        found = (witness for box in self.boxes if (witness := box.witness()) is not None)
        return min(found, key=lambda sides: _fewest(*sides), default=None)
