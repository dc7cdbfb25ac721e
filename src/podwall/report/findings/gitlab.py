"""Findings as a GitLab code quality report: JSON in the format of Code Climate."""

from __future__ import annotations

import msgspec

from podwall.report.public_findings import Finding, Findings, fingerprint

__all__ = ["code_quality"]

_SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def code_quality(result: Findings) -> str:
    """All findings that count. One without a file cannot be shown there, so it stands at line 1 of nothing."""
    issues = [_issue(finding) for finding in result.findings if finding.suppressed is None]
    return msgspec.json.format(msgspec.json.encode(issues), indent=2).decode() + "\n"


def _issue(finding: Finding) -> dict[str, object]:
    ref = finding.object
    field = f" {finding.path}" if finding.path else ""
    return {
        "type": "issue",
        "check_name": finding.id,
        "description": f"{ref.namespace}/{ref.name}{field}: {finding.message}. {finding.advice}",
        "categories": ["Security"],
        "severity": _SEVERITIES[finding.severity],
        "fingerprint": fingerprint(finding),
        "location": {"path": finding.file or "", "lines": {"begin": finding.line or 1}},
    }
