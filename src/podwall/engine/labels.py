"""Label selectors as sets over labels: a selector is a box, one set of values for each key it names.

A term's values are a finite set or the complement of one, and "absent" (None) is a value like any other; so In, NotIn,
Exists and DoesNotExist are one thing, and NotIn's "or the key is absent" (N9) cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from podwall.api.meta import LabelSelector, LabelSelectorRequirement

__all__ = ["EVERYTHING", "Selector", "Term", "selector"]

ABSENT = None


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


class Selector(Struct, frozen=True, gc=False):
    """A conjunction of terms with distinct keys, in order of key; no term means everything."""

    terms: tuple[Term, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected (N9)."""
        for term in self.terms:
            if (labels.get(term.key) in term.values) is term.complement:
                return False
        return True


EVERYTHING = Selector()


def selector(source: LabelSelector) -> Selector:
    """A meta/v1 LabelSelector in its normal form. Requirements on one key are intersected."""
    terms: dict[str, Term] = {}
    for key, value in (source.matchLabels or {}).items():
        _add(terms, Term(key, frozenset((value,))))
    for requirement in source.matchExpressions or ():
        _add(terms, _term(requirement))
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
