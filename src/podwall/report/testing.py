"""`test` as text for 80 columns: what failed, why and what would mend it, then the counts and what nobody watches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from podwall.report.changes import changes_text
from podwall.report.explanation import Excerpts, deciding_text
from podwall.report.lab import differences_text
from podwall.report.public_explanation import Explanation
from podwall.report.public_testing import Coverage, Edit, Expected, Pair, Report, Unnoticed
from podwall.report.wording import counted, place, policy_name, ports_text, wrapped

__all__ = ["edit_text", "explained", "report_text", "summary", "why"]

_MOST_UNNOTICED = 40  # policies and rules


def report_text(
    report: Report, excerpts: Mapping[int, Excerpts], differences: Mapping[int, Excerpts] | None = None
) -> Iterator[str]:
    """The whole answer, line by line; `excerpts` are those of each explanation, by number of the assertion.

    `differences` are the same of mismatches.
    """
    for line in _lines(report, excerpts):
        yield f"{line.rstrip()}\n"
    for line in differences_text(report.mismatches, differences or {}):
        yield f"{line.rstrip()}\n"
    for line in wrapped(summary(report), ""):
        yield f"{line}\n"


def _lines(report: Report, excerpts: Mapping[int, Excerpts]) -> Iterator[str]:
    for number, expected in enumerate(report.expectations):
        if not expected.ok:
            yield from _failure(expected, excerpts.get(number, {}))
            yield ""
    if isinstance(report.coverage, Coverage):
        yield from _coverage(report.coverage)
        yield ""


def summary(report: Report) -> str:
    """One line of counts."""
    failed = sum(not expected.ok for expected in report.expectations)
    total = counted(len(report.expectations), "assertion")
    judged = f"{counted(report.probes, 'pair')} judged"
    if report.seconds:  # packets were sent
        judged = f"{counted(report.probes, 'probe')} in {report.seconds:.1f} s"
        judged += f", {len(report.mismatches):,} DIFFERENT from the engine" if report.mismatches else ", as predicted"
    return f"{total}: {f'{failed} FAILED' if failed else 'all hold'} ({judged}, profile {report.profile})"


def _failure(expected: Expected, excerpts: Excerpts) -> Iterator[str]:
    yield from wrapped(f"FAILED {expected.text}", "    ")
    yield f"  {expected.file}:{expected.line}"
    if expected.because:
        yield from wrapped(f"  because: {expected.because}", "    ")
    yield from (line for text in why(expected) for line in wrapped(f"  {text}", "      "))
    yield from explained(expected, excerpts)


def why(expected: Expected) -> Iterator[str]:
    """What is not as asserted: the counts, then the first pairs."""
    if expected.problem:
        yield expected.problem
        return
    wrong = len(expected.failures) + expected.moreFailures
    word = "denied" if expected.want == "allow" else "open"
    of = counted(expected.pairs, "pair")
    yield f"{word} for {f'{wrong:,} of {of}' if wrong != expected.pairs else of if wrong == 1 else f'all {of}'}"
    for pair in expected.failures:
        family = "" if pair.family == 4 else " (IPv6)"
        yield f"  {pair.src} -> {pair.dst}  {ports_text(pair.ports, {})}{family}"
    if expected.moreFailures:
        yield f"  and {expected.moreFailures:,} more"


def explained(expected: Expected, excerpts: Excerpts) -> Iterator[str]:
    """What decides about the first pair, and the smallest change that mends it; nothing where that was not asked."""
    if isinstance(expected.explanation, Explanation):
        yield ""
        if len(expected.failures) > 1:
            yield "The first of them:"
        yield from deciding_text(expected.explanation, excerpts)
        yield from changes_text(expected.explanation)


# Coverage


def _coverage(coverage: Coverage) -> Iterator[str]:
    percent = f"{coverage.percent:g}%"
    aim = f", at least {coverage.minimum:g}% asked for" if coverage.minimum is not None else ""
    edits = counted(coverage.mutants, "edit")
    yield from wrapped(f"COVERAGE {percent}: {coverage.noticed:,} of {edits} of policies noticed{aim}", "  ")
    rules = list(_by_policy(coverage.unnoticed))
    for unnoticed in rules[:_MOST_UNNOTICED]:
        yield ""
        yield from _unnoticed(unnoticed)
    left = rules[_MOST_UNNOTICED:]
    if left:
        said = f"{sum(map(len, left)):,} more edits of {len(left):,} more policies and rules go unnoticed: -o json"
        yield ""
        yield from wrapped(said, "  ")
    if coverage.withoutEffect:
        said = f"{counted(len(coverage.withoutEffect), 'more edit')} would change nothing in this cluster: -o json"
        yield ""
        yield from wrapped(said, "  ")


def _by_policy(found: Sequence[Unnoticed]) -> Iterator[list[Unnoticed]]:
    """Those of one rule together, in their order."""
    together: dict[tuple[str, str, str, str], list[Unnoticed]] = {}
    for one in found:
        ref = one.edit.policy
        together.setdefault((ref.kind, ref.namespace, ref.name, one.edit.rule), []).append(one)
    yield from together.values()


def _unnoticed(found: Sequence[Unnoticed]) -> Iterator[str]:
    edit = found[0].edit
    rule = "" if edit.rule == "spec" else f" {edit.rule}"
    yield from wrapped(f"unnoticed: {policy_name(edit.policy)}{rule}", "  ")
    yield from wrapped(f"  {place(edit.policy, edit.line)}", "    ")
    for one in found:
        pair, word = (one.opens, "opens") if one.opens else (one.closes, "closes")
        yield from wrapped(f"  {edit_text(one.edit)}{f', {word} {_pair(one.edit, pair)}' if pair else ''}", "    ")
    for suggestion in dict.fromkeys(one.suggestion for one in found if one.suggestion):
        yield from wrapped(f"  watch it: {suggestion}", "    ")


def edit_text(edit: Edit) -> str:
    """An edit in words."""
    part = f"{edit.part} " if edit.part else ""
    match edit.edit:
        case "policy removed":
            return "without the policy"
        case "rule removed":
            return "without the rule"
        case "ports opened":
            return "with all ports"
        case "except dropped":
            return f"{part}without except {edit.dropped}"
        case _:
            return f"{part}without {edit.dropped}"


def _pair(edit: Edit, pair: Pair) -> str:
    """A pair; where ports are opened, the others of them are many ranges that say nothing more."""
    ports = "all other ports" if edit.edit == "ports opened" else ports_text(pair.ports, {})
    return f"{pair.src} -> {pair.dst} {ports}"
