"""podwall check --fix: fixes made one by one, each proved on what the one before it has left, then written.

A fix is taken only if its proof says that it closes nothing and the check calls it safe, or if unsafe ones are asked
for. It must also take its finding away; so a second run has nothing left to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from podwall.check.facts import Facts, Object
from podwall.check.rule import Fix, Rule
from podwall.check.run import Found, run
from podwall.engine.collateral import Pairs
from podwall.engine.rules import PolicyRef
from podwall.errors import CannotEdit, InputError
from podwall.ops.changing import effects
from podwall.ops.inputs import Gathered, Inputs, Opened, gather, open_gathered
from podwall.ops.proving import Proof, Standing, prove
from podwall.ops.references import Refs
from podwall.ops.writing import write_whole
from podwall.report import public_fixes as public
from podwall.report.public import API_VERSION, Ref
from podwall.text.where import field

__all__ = ["Outcome", "Wanted", "fix"]

_MOST_PROVED = 20  # refused fixes whose effects are told: each takes to read the whole input again
_UNSAFE = "not safe by itself: --unsafe-fixes makes it"
_CLOSES = "closes connections: --unsafe-fixes makes it"
_STAYS = "the finding would stay"
_UNDONE = "it would undo an earlier fix"

_Refusals: TypeAlias = "list[tuple[Found, str]]"


class Wanted(Struct, frozen=True):
    """Which findings are to be fixed.

    `facts` makes what rules ask of the input as it is at any time; `counts` says which findings count, as those that
    are suppressed do not. `unsafe` takes fixes that close something, or whose rule does not call them safe.
    """

    rules: tuple[Rule, ...]
    facts: Callable[[Opened], Facts]
    counts: Callable[[Opened, Found], bool] = lambda _opened, _found: True
    unsafe: bool = False


class Outcome(Struct, frozen=True):
    """What was fixed and what not, and the files that change: their places, and their data before and after.

    `opened` is the input with all that in it: standard input, which cannot be read again, included.
    """

    answer: public.Fixes
    opened: Opened
    paths: Mapping[str, Path]
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]

    def diff(self) -> str:
        """All changes as `patch -p0` takes them."""
        return "".join(_diff(name, self.before[name], self.after[name]) for name in sorted(self.after))

    def write(self) -> None:
        """Writes every file, or none. Raises InputError, for one that is not as it was read, too."""
        for name in self.after:
            if self._on_disk(name) != self.before[name]:
                raise InputError(f"{name}: was changed while it was looked at; nothing is written, run it again")
        written: list[str] = []
        try:
            for name, data in sorted(self.after.items()):
                write_whole(self.paths[name], data)
                written.append(name)
        except InputError:
            for name in written:
                write_whole(self.paths[name], self.before[name])
            raise

    def _on_disk(self, name: str) -> bytes | None:
        try:
            return self.paths[name].read_bytes()
        except OSError:
            return None


def fix(inputs: Inputs, wanted: Wanted) -> Outcome:
    """Every fix that is wanted, made in memory. Raises InputError and InvalidInput as `open_cluster` does."""
    gathered = gather(inputs)
    paths = dict(_writable(gathered))
    before = {text.name: text.data for text in gathered.texts if text.name in paths}
    fixing = _Fixing(Standing(inputs, gathered, before, open_gathered(inputs, gathered)), wanted)
    while fixing.changes_anything():
        pass
    after = {name: data for name, data in fixing.standing.texts.items() if data != before[name]}
    opened = fixing.standing.opened
    return Outcome(fixing.answer(after), opened, paths, {name: before[name] for name in after}, after)


def _writable(gathered: Gathered) -> Iterator[tuple[str, Path]]:
    """The files whose text is what is on disk: not packed ones, no pipes, and nothing that a tool printed."""
    for text in gathered.texts:
        if text.path is not None and not text.admitted and text.path.read_bytes() == text.data:
            yield text.name, text.path


class _Fixing:
    """The texts on their way from one fix to the next."""

    def __init__(self, standing: Standing, wanted: Wanted) -> None:
        self.standing = standing
        self._wanted = wanted
        self._rules = sorted(wanted.rules, key=lambda rule: (-rule.severity, rule.id))
        self._facts = wanted.facts(standing.opened)
        self._refs = _Places(standing.opened)
        self._fixed: list[public.Fix] = []
        self._refused: _Refusals = []
        self._seen = {_key(standing)}

    def changes_anything(self) -> bool:
        """One pass over all rules; what one refuses, it may take in the next."""
        self._refused = []
        before = len(self._fixed)
        for rule in self._rules:
            self._refused += self._exhaust(rule)
        return len(self._fixed) > before

    def _exhaust(self, rule: Rule) -> _Refusals:
        """Every fix of one rule that can be made; the others, and why not."""
        found = self._found(rule)
        refused: _Refusals = []
        while len(refused) < len(found):
            one = found[len(refused)]
            try:
                proof = self._accepted(one, len(found))
            except CannotEdit as error:
                refused.append((one, str(error)))
                continue
            self._take(one, proof)
            found, refused = self._found(rule), []
        return refused

    def _found(self, rule: Rule) -> list[Found]:
        """The findings of one rule that count and have a fix, worst first."""
        found = run(self._facts, [rule]).found
        counts = self._wanted.counts
        return [one for one in found if one.finding.fix is not None and counts(self.standing.opened, one)]

    def _accepted(self, one: Found, known: int) -> Proof:
        """The proof of a fix that is wanted. Raises CannotEdit for every other."""
        if not _fix(one).safe and not self._wanted.unsafe:
            raise CannotEdit(_UNSAFE)
        proof = prove(self.standing, _fix(one).edits)
        if proof.closes.count and not self._wanted.unsafe:
            raise CannotEdit(_CLOSES)
        if _key(proof.after) in self._seen:
            raise CannotEdit(_UNDONE)
        facts = self._wanted.facts(proof.after.opened)
        left = [f for f in run(facts, [one.rule]).found if f.finding.fix and self._wanted.counts(proof.after.opened, f)]
        if len(left) >= known:
            raise CannotEdit(_STAYS)
        self._facts = facts
        return proof

    def _take(self, one: Found, proof: Proof) -> None:
        files = {edit.origin.source for edit in _fix(one).edits}
        self._fixed.append(
            public.Fix(
                id=one.rule.id,
                severity=one.severity.word,
                object=self._refs.of(self.standing.opened, one.finding.object),
                path=field(one.finding.path),
                title=_fix(one).title,
                safe=_fix(one).safe and not proof.closes.count,
                opens=effects(proof.opens),
                closes=effects(proof.closes),
                files=sorted(files),
            )
        )
        self.standing = proof.after
        self._seen.add(_key(proof.after))

    def answer(self, files: Iterable[str]) -> public.Fixes:
        """All that was done and refused."""
        return public.Fixes(
            apiVersion=API_VERSION,
            kind="Fixes",
            profile=self.standing.opened.model.profile.name,
            fixed=self._fixed,
            refused=[self._refusal(*pair, proved=number < _MOST_PROVED) for number, pair in enumerate(self._refused)],
            files=sorted(files),
        )

    def _refusal(self, one: Found, reason: str, *, proved: bool) -> public.Refusal:
        """What is not done, with what it would do where that can be told, and is wanted."""
        found: tuple[Pairs, Pairs] | None = None
        try:
            if proved:
                proof = prove(self.standing, _fix(one).edits)
                found = proof.opens, proof.closes
        except CannotEdit as error:
            reason = str(error)
        return public.Refusal(
            id=one.rule.id,
            severity=one.severity.word,
            object=self._refs.of(self.standing.opened, one.finding.object),
            path=field(one.finding.path),
            title=_fix(one).title,
            reason=reason,
            unsafe=reason in (_UNSAFE, _CLOSES),
            opens=effects(found[0]) if found else None,
            closes=effects(found[1]) if found else None,
        )


def _fix(one: Found) -> Fix:
    if one.finding.fix is None:
        raise LookupError(one.rule.id)
    return one.finding.fix


def _key(standing: Standing) -> int:
    return hash(tuple(sorted(standing.texts.items())))


class _Places:
    """Objects as references; lines are those before any fix, which a person has before the eyes."""

    def __init__(self, first: Opened) -> None:
        self._first = Refs(first)

    def of(self, now: Opened, what: Object) -> Ref:
        """The reference of what a finding is about."""
        for refs in (self._first, Refs(now)):
            try:
                return refs[PolicyRef(what.kind, what.namespace, what.name)]
            except LookupError:
                continue
        source = what.origin.source if what.origin else None
        line = now.positions.line(what.origin) if what.origin else 0
        return Ref(what.kind, what.namespace, what.name, now.owners.of_file(source or "<>"), source, line or None)


def _diff(name: str, before: bytes, after: bytes) -> str:
    old, new = (_lines(data) for data in (before, after))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(old, new, name, name)
    )


def _lines(data: bytes) -> list[str]:
    """Lines with their ends; others than a newline end none, as for `patch`."""
    parts = data.decode("utf-8", "surrogateescape").split("\n")
    return [*(f"{part}\n" for part in parts[:-1]), *parts[-1:]] if parts[-1] else [f"{part}\n" for part in parts[:-1]]
