"""Label selectors as sets over labels: a selector is a box, one set of values for each key it names.

A term's values are a finite set or the complement of one, and "absent" (None) is a value like any other; so In, NotIn,
Exists and DoesNotExist are one thing, and NotIn's "or the key is absent" (N9) cannot be forgotten. There is always one
more value than those that are named, so a complement is never empty and never within a finite set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TypeAlias

from msgspec import Struct

from podwall.api.meta import LabelSelector, LabelSelectorRequirement

__all__ = ["EVERYTHING", "Breadth", "Order", "Selector", "Term", "breadth", "selector"]

ABSENT = None

Breadth: TypeAlias = tuple[int, int, int, int]
Order: TypeAlias = tuple[Breadth, tuple[object, ...]]


class Term(Struct, frozen=True, gc=False):
    """The values that one key may have: `values`, or all but `values` where `complement`; None stands for absent."""

    key: str
    values: frozenset[str | None]
    complement: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the label's value, or its absence, is one of the term's."""
        return (labels.get(self.key) in self.values) is not self.complement

    def __and__(self, other: Term) -> Term:
        """Both at once; the keys must be equal."""
        match self.complement, other.complement:
            case False, False:
                return Term(self.key, self.values & other.values)
            case False, True:
                return Term(self.key, self.values - other.values)
            case True, False:
                return Term(self.key, other.values - self.values)
            case _:
                return Term(self.key, self.values | other.values, complement=True)

    def __invert__(self) -> Term:
        """All other values."""
        return Term(self.key, self.values, not self.complement)

    def __le__(self, other: Term) -> bool:
        """Whether all these values are the other's as well; the keys must be equal."""
        match self.complement, other.complement:
            case False, False:
                return self.values <= other.values
            case False, True:
                return self.values.isdisjoint(other.values)
            case True, True:
                return other.values <= self.values
            case _:
                return False

    def overlaps(self, other: Term) -> bool:
        """Whether both have a value in common; the keys must be equal."""
        if self.complement:  # there is always one more value than those that are named
            return other.complement or not other.values <= self.values
        return not (self.values <= other.values if other.complement else self.values.isdisjoint(other.values))

    def is_empty(self) -> bool:
        """Whether no value will do."""
        return not self.values and not self.complement

    def is_full(self) -> bool:
        """Whether every value will do, absent included: a term that says nothing."""
        return not self.values and self.complement

    def witness(self) -> str | None:
        """One of the values, absent (None) where that will do; the term is not empty."""
        if (ABSENT in self.values) is not self.complement:
            return ABSENT
        if self.complement:
            return next(value for n in count() if (value := f"other-{n}" if n else "other") not in self.values)
        return min(value for value in self.values if value is not ABSENT)

    def text(self) -> tuple[object, ...]:
        """What orders terms; equal for equal terms only."""
        values = sorted("" if value is ABSENT else f"={value}" for value in self.values)
        return self.key, self.complement, *values


def breadth(terms: Sequence[Term]) -> Breadth:
    """How wide the box of some terms is: where one holds another that is not empty, it has the lesser number.

    It has no more terms, no more finite ones of them, excludes no more values, and has no fewer in its finite terms.
    """
    finite = [len(term.values) for term in terms if not term.complement]
    excluded = [len(term.values) for term in terms if term.complement]
    return len(terms), len(finite), sum(excluded), -sum(finite)


class Selector(Struct, frozen=True, gc=False):
    """A conjunction of terms with distinct keys, in order of key, none of them full; no term means everything.

    `&`, `<=` and `-` are those of the sets of labels that match, over all labels that there could be.
    """

    terms: tuple[Term, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected (N9)."""
        for term in self.terms:
            if (labels.get(term.key) in term.values) is term.complement:
                return False
        return True

    def __and__(self, other: Selector) -> Selector:
        terms = self._by_key()
        for term in other.terms:
            _add(terms, term)
        return _selector(terms)

    def __le__(self, other: Selector) -> bool:
        terms = self._by_key()
        for term in other.terms:
            own = terms.get(term.key)
            if own is None or not own <= term:
                return self.is_empty()
        return True

    def __sub__(self, other: Selector) -> list[Selector]:
        """Disjoint selectors for what matches this one only; cut along the other's keys and no more."""
        if not self.overlaps(other):
            return [] if self.is_empty() else [self]
        out = []
        rest = self._by_key()
        for term in other.terms:
            outside = dict(rest)
            _add(outside, ~term)
            if not outside[term.key].is_empty():
                out.append(_selector(outside))
            _add(rest, term)
        return out

    def overlaps(self, other: Selector) -> bool:
        """Whether some labels match both."""
        for own in self.terms:  # few: a table of them would take longer to make
            for term in other.terms:
                if term.key == own.key:
                    if not own.overlaps(term):
                        return False
                    break
        return not self.is_empty() and not other.is_empty()

    def is_empty(self) -> bool:
        """Whether no labels could match."""
        for term in self.terms:
            if not term.values and not term.complement:
                return True
        return False

    def witness(self) -> dict[str, str] | None:
        """The fewest labels that match, or None where none could; the same each time."""
        if self.is_empty():
            return None
        found = ((term.key, term.witness()) for term in self.terms)
        return {key: value for key, value in found if value is not ABSENT}

    def order(self) -> Order:
        """What selectors are sorted by, the widest first; equal for equal ones only."""
        return breadth(self.terms), tuple(term.text() for term in self.terms)

    def _by_key(self) -> dict[str, Term]:
        return {term.key: term for term in self.terms}


EVERYTHING = Selector()


def selector(source: LabelSelector) -> Selector:
    """A meta/v1 LabelSelector in its normal form. Requirements on one key are intersected."""
    terms: dict[str, Term] = {}
    for key, value in (source.matchLabels or {}).items():
        _add(terms, Term(key, frozenset((value,))))
    for requirement in source.matchExpressions or ():
        _add(terms, _term(requirement))
    return _selector({key: term for key, term in terms.items() if not term.is_full()})


def _selector(terms: Mapping[str, Term]) -> Selector:
    return Selector(tuple(terms[key] for key in sorted(terms))) if terms else EVERYTHING


def _add(terms: dict[str, Term], term: Term) -> None:
    known = terms.get(term.key)
    terms[term.key] = term if known is None else known & term


def _term(requirement: LabelSelectorRequirement) -> Term:
    key, values = requirement.key, frozenset[str | None](requirement.values or ())
    match requirement.operator:
        case "In":
            return Term(key, values)
        case "NotIn":  # also matches an absent key (N9): the complement holds None
            return Term(key, values, complement=True)
        case "Exists":
            return Term(key, frozenset((ABSENT,)), complement=True)
        case "DoesNotExist":
            return Term(key, frozenset((ABSENT,)))
        case _:  # refused by admission (V8); what gets here anyway selects nothing
            return Term(key, frozenset())
