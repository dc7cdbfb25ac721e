"""How much a finding counts: what flags and the project file ask for, and what annotations and a baseline suppress."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from podwall.check.facts import Object
from podwall.check.registry import all_rules
from podwall.check.rule import Rule, Severity
from podwall.check.run import Found
from podwall.check.weigh import Weights, chosen, names_nothing, picks, suppression
from podwall.errors import InputError
from podwall.flows.edges import Edge
from podwall.ops.baseline import read_baseline
from podwall.ops.inputs import Opened
from podwall.ops.project import Project
from podwall.report import public_findings as public
from podwall.sources.globs import glob
from podwall.sources.project import FILE, Check, PathRules
from podwall.text.where import field

__all__ = ["NEVER", "Asked", "Weighed", "Weighing"]

NEVER = "never"
_DEFAULT = "error"


class Asked(Struct, frozen=True):
    """The flags of `check`; what they leave open, the project file says. `edges` are what the files of --flows hold."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: str | None = None
    baseline: str | None = None
    write_baseline: bool = False
    edges: tuple[Edge, ...] | None = None
    unused_days: int | None = None


class Weighed(Struct, frozen=True):
    """A finding, how bad it is here, and why it does not count; None where it does."""

    found: Found
    severity: Severity
    suppressed: public.Suppression | None

    def order(self) -> tuple[object, ...]:
        """Worst first, then as rules and places stand."""
        return -self.severity, self.found.order()[1:]


class Weighing:
    """One call's settings. Raises InputError for ids of no rule, and for a baseline that cannot be read."""

    def __init__(self, asked: Asked, project: Project | None, today: dt.date) -> None:
        self._asked = asked
        self._project = project
        self._said = Check() if project is None else project.settings.check
        self._today = today
        self._in_file: dict[str, Weights] = {}
        self._check_ids()
        path = self.baseline
        self._known = read_baseline(path) if path is not None and not asked.write_baseline else frozenset()
        self._met: set[str] = set()

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are asked: --select stands for what the file selects, --ignore is added to what it ignores."""
        select = self._asked.select or self._said.select
        return chosen(all_rules(), select, (*self._said.ignore, *self._asked.ignore))

    @property
    def baseline(self) -> str | None:
        """The file of findings that are known already."""
        if self._asked.baseline is not None or self._project is None or self._said.baseline is None:
            return self._asked.baseline
        return self._project.path(self._said.baseline)

    @property
    def failing(self) -> frozenset[str]:
        """The severities of which a finding that counts makes the command fail."""
        least = self._asked.fail_on or self._said.fail_on or _DEFAULT
        if least == NEVER or self._asked.write_baseline:
            return frozenset()
        return frozenset(severity.word for severity in Severity if severity >= Severity[least.upper()])

    def _check_ids(self) -> None:
        said, asked = self._said, self._asked
        in_file = (*said.select, *said.ignore, *said.severities, *said.no_suppress)
        in_paths = (one for rules in said.paths.values() for one in (*rules.ignore, *rules.severities))
        for flag, ids in (("--select", asked.select), ("--ignore", asked.ignore), (FILE, (*in_file, *in_paths))):
            unknown = names_nothing(all_rules(), ids)
            if unknown:
                raise InputError(f"{flag}: there is no check {unknown[0]}; podwall check --explain all lists them")

    # Findings

    def weighed(self, opened: Opened, found: Iterable[Found]) -> list[Weighed]:
        """The findings that interest, worst first."""
        return sorted(self._weighed(opened, found), key=Weighed.order)

    def _weighed(self, opened: Opened, found: Iterable[Found]) -> Iterator[Weighed]:
        for one in found:
            severity = self._weights(one.finding.object).severity(one)
            if severity is not None and _is_about(one.finding.object, opened.only):
                yield Weighed(one, severity, self._suppressed(opened, one))

    def counts(self, opened: Opened, found: Found) -> bool:
        """Whether a finding interests and is not suppressed."""
        return any(one.suppressed is None for one in self._weighed(opened, [found]))

    def _weights(self, what: Object) -> Weights:
        source = what.origin.source if what.origin is not None else ""
        if source not in self._in_file:
            rules = [rules for pattern, rules in self._patterns if source and pattern.search(self._relative(source))]
            ignore = tuple(one for each in rules for one in each.ignore)
            severities = dict(self._said.severities)
            for each in rules:
                severities |= each.severities
            self._in_file[source] = Weights(ignore, severities)
        return self._in_file[source]

    @cached_property
    def _patterns(self) -> Sequence[tuple[re.Pattern[str], PathRules]]:
        return [(glob(pattern), rules) for pattern, rules in self._said.paths.items()]

    def _relative(self, source: str) -> str:
        """A file as the project's patterns mean it."""
        folder = self._project.folder if self._project is not None else Path()
        return Path(os.path.relpath(source, folder)).as_posix()

    def _suppressed(self, opened: Opened, found: Found) -> public.Suppression | None:
        if picks(self._said.no_suppress, found.rule.id):
            return None
        what = found.finding.object
        key = (what.kind, what.namespace, what.name)
        said = suppression(found, opened.ignoring.get(key, {}), self._today)
        if said is not None:
            return public.Suppression(said.reason, said.until.isoformat() if said.until else None, public.ANNOTATION)
        mark = public.fingerprint_of((found.rule.id, *key, field(found.finding.path)))
        if mark not in self._known:
            return None
        self._met.add(mark)
        return public.Suppression(f"in the baseline {self.baseline}", None, public.BASELINE)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said when all findings are weighed: how much of the baseline is settled."""
        settled = len(self._known - self._met)
        if not settled:
            return ()
        return (f"{self.baseline}: {settled} of its findings are not there any more; --write-baseline takes them out",)


def _is_about(what: Object, only: str | None) -> bool:
    return only is None or what.namespace == only or (what.kind, what.name) == ("Namespace", only)
