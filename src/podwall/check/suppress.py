"""Suppressions: a finding that somebody has looked at does not count, with a reason and, if they like, until a day.

On an object, as the annotation `podwall.io/ignore`: one line for each rule, `PW150: partner publishes no ranges (until
2027-01-31)`. The reason is required; the last day on which it holds is optional.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

__all__ = ["IGNORE", "Suppression", "lines", "suppressions"]

IGNORE = "podwall.io/ignore"
_LINE = re.compile(r"(?P<id>PW[0-9]{3})\s*:\s*(?P<reason>.*?)\s*(?:\(until (?P<until>[^()]*)\))?\s*")


class Suppression(Struct, frozen=True):
    """One line of the annotation. `wrong` says why it suppresses nothing, "" where it does."""

    rule: str
    reason: str
    until: dt.date | None = None
    wrong: str = ""

    def holds(self, today: dt.date) -> bool:
        """Whether it suppresses findings today."""
        return not self.wrong and (self.until is None or today <= self.until)


def suppressions(annotations: Mapping[str, str] | None) -> Iterator[Suppression]:
    """What the annotation of an object says, line by line."""
    yield from map(_read, lines(annotations))


def lines(annotations: Mapping[str, str] | None) -> list[str]:
    """The lines of the annotation that say something; `;` ends a line as well."""
    written = re.split(r"[\n;]", (annotations or {}).get(IGNORE, ""))
    return [line.strip() for line in written if line.strip()]


def _read(line: str) -> Suppression:
    found = _LINE.fullmatch(line)
    if found is None:
        return Suppression("", "", wrong=f"`{line}` is not `PW150: reason (until 2027-01-31)`")
    rule, reason, until = found["id"], found["reason"], found["until"]
    if not reason:
        return Suppression(rule, "", wrong=f"{rule} is suppressed without a reason")
    if until is None:
        return Suppression(rule, reason)
    try:
        return Suppression(rule, reason, dt.date.fromisoformat(until))
    except ValueError:
        return Suppression(rule, reason, wrong=f"`{until}` is no date: write it as 2027-01-31")
