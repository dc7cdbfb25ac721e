"""Findings as Markdown: for a pull request, a wiki page, or the summary of a CI job."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.report.findings.words import name
from podwall.report.public_findings import Finding, Findings, Posture

__all__ = ["markdown"]

_SEVERITIES = ("error", "warning", "info")


def markdown(result: Findings) -> Iterator[str]:
    """A line of counts, a table of what counts, the posture, and what is suppressed with its reasons."""
    counting = [f for f in result.findings if f.suppressed is None]
    hidden = [f for f in result.findings if f.suppressed is not None]
    yield f"## Podwall check: {_counts(counting)}\n"
    if counting:
        yield "\n| severity | check | where | what | to do |\n|---|---|---|---|---|\n"
        yield from (_row(finding) for finding in counting)
    if result.posture:
        yield "\n### Posture\n\n"
        yield "| namespace | deny in | deny out | DNS | without policy | from internet | to internet | score |\n"
        yield "|---|---|---|---|---|---|---|---|\n"
        yield from map(_posture, sorted(result.posture, key=lambda row: (row.score, row.namespace)))
        yield from _owners(result.posture)
    if hidden:
        yield "\n### Suppressed\n\n"
        for finding in hidden:
            yield f"- {finding.id} {_cell(name(finding))}: {_cell(finding.suppressed.reason)}"  # type: ignore[union-attr]
            until = finding.suppressed.until if finding.suppressed else None
            yield f" (until {until})\n" if until else "\n"


def _counts(findings: list[Finding]) -> str:
    numbers = [(word, sum(f.severity == word for f in findings)) for word in _SEVERITIES]
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in numbers if n) or "nothing found"


def _row(finding: Finding) -> str:
    where = f"{finding.file}:{finding.line}" if finding.file and finding.line else finding.file or ""
    place = f"{_cell(name(finding))}<br>`{_cell(where)}`" if where else _cell(name(finding))
    field = f"`{finding.path}` " if finding.path else ""
    return (
        f"| {finding.severity} | {finding.id} | {place} | {field}{_cell(finding.message)} | {_cell(finding.advice)} |\n"
    )


def _posture(row: Posture) -> str:
    closed = ("yes" if row.ingressDefaultDeny else "**no**", "yes" if row.egressDefaultDeny else "**no**")
    counts = (f"{row.withoutPolicy} of {row.workloads}", str(row.fromInternet), str(row.toInternet), str(row.score))
    return f"| {' | '.join((_cell(row.namespace), *closed, row.dns, *counts))} |\n"


def _owners(rows: list[Posture]) -> Iterator[str]:
    listed = sorted((one.score, one.owner, row.namespace, one) for row in rows for one in row.byOwner)
    if listed:
        yield "\n| owner | namespace | without policy | from internet | to internet | score |\n"
        yield "|---|---|---|---|---|---|\n"
    for score, owner, namespace, one in listed:
        counts = (f"{one.withoutPolicy} of {one.workloads}", str(one.fromInternet), str(one.toInternet), str(score))
        yield f"| {' | '.join((_cell(owner), _cell(namespace), *counts))} |\n"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
