"""Findings as a GitLab code quality report: JSON in the format of Code Climate."""

from __future__ import annotations

from collections import Counter

import msgspec

from podwall.report.findings.words import told
from podwall.report.public_findings import Finding, Findings, fingerprint

__all__ = ["code_quality"]

_SEVERITIES = {"error": "critical", "warning": "major", "info": "info"}


def code_quality(result: Findings) -> str:
    """All findings that count. One without a file has no place there, and stands at the first line of the root.

    Two of one rule, object and path are told apart by their number: GitLab takes each fingerprint once.
    """
    seen: Counter[str] = Counter()
    issues = []
    for finding in result.findings:
        if finding.suppressed is None:
            mark = fingerprint(finding)
            seen[mark] += 1
            issues.append(_issue(finding, mark if seen[mark] == 1 else f"{mark}-{seen[mark]}"))
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
