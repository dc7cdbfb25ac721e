"""Selectors as `kubectl get -l` writes them."""

from __future__ import annotations

from podwall.engine.labels import Selector, Term

__all__ = ["selector_text", "term_text"]


def term_text(term: Term) -> str:
    """One term; a set of values that may be absent as well, which kubectl cannot say, with `or`."""
    values = sorted(value for value in term.values if value is not None)
    absent = (None in term.values) is not term.complement
    if not values:
        return f"!{term.key}" if absent else term.key
    if len(values) == 1:
        text = f"{term.key}{'!=' if term.complement else '='}{values[0]}"
    else:
        text = f"{term.key} {'notin' if term.complement else 'in'} ({','.join(values)})"
    if term.complement:
        return text if absent else f"{term.key},{text}"
    return f"{text} or !{term.key}" if absent else text


def selector_text(selector: Selector) -> str:
    """All terms; empty for everything."""
    return ",".join(term_text(term) for term in selector.terms)
