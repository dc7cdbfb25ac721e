"""What is asked and how much it counts: rules by id, severities as settings have them, and what may be suppressed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from podwall.check.rule import Rule, Severity
from podwall.check.run import Found
from podwall.check.suppress import Suppression, suppressions

__all__ = ["Weights", "chosen", "names_nothing", "picks", "suppression"]


class Weights(Struct, frozen=True):
    """What settings say of findings in one place: which do not interest there, and other severities, by id.

    An id is that of a rule, or how several of them begin; the longest one decides.
    """

    ignore: tuple[str, ...] = ()
    severities: Mapping[str, str] = {}

    def severity(self, found: Found) -> Severity | None:
        """How bad a finding is; None where it does not interest."""
        if picks(self.ignore, found.rule.id):
            return None
        said = [key for key in self.severities if found.rule.id.startswith(key)]
        return Severity[self.severities[max(said, key=len)].upper()] if said else found.severity


def picks(ids: Iterable[str], rule: str) -> bool:
    """Whether a rule is one of these ids, or begins like one."""
    return any(rule.startswith(one) for one in ids)


def chosen(rules: Iterable[Rule], select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that are asked; all where none is selected."""
    return tuple(rule for rule in rules if (not select or picks(select, rule.id)) and not picks(ignore, rule.id))


def names_nothing(rules: Sequence[Rule], ids: Iterable[str]) -> list[str]:
    """The ids that no rule has or begins with."""
    return [one for one in ids if not one or not any(rule.id.startswith(one) for rule in rules)]


def suppression(found: Found, annotations: Mapping[str, str], today: dt.date) -> Suppression | None:
    """What an object's annotations say about a finding about it, while it holds."""
    said = (one for one in suppressions(annotations) if one.rule == found.rule.id and one.holds(today))
    return next(said, None)
