"""Findings as JUnit XML: a test case for each rule, failed by what counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from podwall.report.findings.words import name, sentence, told
from podwall.report.public_findings import Finding, Findings

__all__ = ["junit"]


def junit(result: Findings, rules: Sequence[str], failing: Collection[str]) -> Iterator[str]:
    """One suite; `rules` are the ids that were asked, `failing` the severities that fail a case."""
    by_rule: dict[str, list[Finding]] = {rule: [] for rule in rules}
    for finding in result.findings:
        if finding.suppressed is None:
            by_rule.setdefault(finding.id, []).append(finding)
    failed = sum(any(f.severity in failing for f in found) for found in by_rule.values())
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites tests="{len(by_rule)}" failures="{failed}">\n'
    yield f'  <testsuite name="podwall check" tests="{len(by_rule)}" failures="{failed}" errors="0" skipped="0">\n'
    for rule, found in sorted(by_rule.items()):
        yield from _case(rule, found, failing)
    yield "  </testsuite>\n</testsuites>\n"


def _case(rule: str, found: Sequence[Finding], failing: Collection[str]) -> Iterator[str]:
    head = f"    <testcase classname={quoteattr('podwall.check')} name={quoteattr(rule)}"
    counting = [f for f in found if f.severity in failing]
    if not found:
        yield f"{head}/>\n"
        return
    yield f"{head}>\n"
    if counting:
        first = counting[0]
        message = _clean(f"{name(first)}: {sentence(first)}")
        yield f"      <failure type={quoteattr(first.severity)} message={quoteattr(message)}>"
        yield escape(_clean("\n".join(map(_told, counting))))
        yield "</failure>\n"
    others = [f for f in found if f.severity not in failing]
    if others:
        yield f"      <system-out>{escape(_clean(chr(10).join(map(_told, others))))}</system-out>\n"
    yield "    </testcase>\n"


def _told(finding: Finding) -> str:
    where = f"{finding.file}:{finding.line}: " if finding.file else ""
    return f"{where}{told(finding)}"


def _clean(text: str) -> str:
    """Without characters that XML 1.0 cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
