"""All rules over one cluster: what they found, worst first, and what they could not look at."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from podwall.check.facts import Facts, Object
from podwall.check.rule import Finding, Rule, Severity, Skipped
from podwall.text.where import Path

__all__ = ["Checked", "Found", "Missed", "run"]


class Found(Struct, frozen=True):
    """A finding and whose it is."""

    rule: Rule
    finding: Finding

    @property
    def severity(self) -> Severity:
        """How bad it is here."""
        return self.rule.severity if self.finding.severity is None else self.finding.severity

    def order(self) -> tuple[int, str, Object, tuple[str, ...], str]:
        """Worst first, then by rule and place."""
        finding = self.finding
        bare = Object(finding.object.kind, finding.object.namespace, finding.object.name)
        return -self.severity, self.rule.id, bare, _sortable(finding.path), finding.message


class Missed(Struct, frozen=True, order=True):
    """What a rule says nothing about, and which fact the input lacks."""

    rule: str
    skipped: Skipped


class Checked(Struct, frozen=True):
    """What came of all rules."""

    found: tuple[Found, ...]
    missed: tuple[Missed, ...]


def run(facts: Facts, rules: Iterable[Rule]) -> Checked:
    """Every finding of these rules, once."""
    found: list[Found] = []
    missed: set[Missed] = set()
    for rule in rules:
        for said in rule.check(facts):
            if isinstance(said, Finding):
                found.append(Found(rule, said))
            else:
                missed.add(Missed(rule.id, said))
    return Checked(tuple(sorted(found, key=Found.order)), tuple(sorted(missed)))


def _sortable(path: Path) -> tuple[str, ...]:
    return tuple(f"{step:06d}" if isinstance(step, int) else step for step in path)
