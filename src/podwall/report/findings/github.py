"""Findings for GitHub Actions: workflow commands that become annotations on the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.report.findings.words import name, sentence
from podwall.report.public_findings import Finding, Findings

__all__ = ["workflow_commands"]

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def workflow_commands(result: Findings) -> Iterator[str]:
    """One command for each finding that counts."""
    for finding in result.findings:
        if finding.suppressed is None:
            yield _command(finding)


def _command(finding: Finding) -> str:
    properties = {"file": finding.file, "line": finding.line, "title": f"{finding.id} {name(finding)}"}
    if finding.file is None or finding.file.startswith("<"):
        properties = {"title": properties["title"]}
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    text = f"{sentence(finding)}. To do: {finding.advice}."
    return f"::{_COMMANDS[finding.severity]} {listed}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
