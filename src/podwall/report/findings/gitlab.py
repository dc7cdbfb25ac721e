"""Findings as a GitLab code quality report: JSON in the format of Code Climate."""

from __future__ import annotations

import msgspec

from podwall.report.findings.words import told
from podwall.report.public_findings import Finding, Findings, fingerprints

__all__ = ["code_quality"]

_SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def code_quality(result: Findings) -> str:
    """All findings that count. One without a file has no place there, and stands at the first line of the root."""
    counting = [finding for finding in result.findings if finding.suppressed is None]
    issues = [_issue(*pair) for pair in zip(counting, fingerprints(counting), strict=True)]
    return msgspec.json.format(msgspec.json.encode(issues), indent=2).decode() + "\n"


def _issue(finding: Finding, mark: str) -> dict[str, object]:
    return {
        "type": "issue",
        "check_name": finding.id,
        "description": told(finding),
        "categories": ["Security"],
        "severity": _SEVERITIES[finding.severity],
        "fingerprint": mark,
        "location": {"path": finding.file or ".", "lines": {"begin": finding.line or 1}},
    }
