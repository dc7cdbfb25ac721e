"""How a finding is told in one sentence, for formats that have one text for all of it."""

from __future__ import annotations

from podwall.report.public_findings import Finding

__all__ = ["name", "sentence", "told"]


def name(finding: Finding) -> str:
    """The object with its kind."""
    ref = finding.object
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def sentence(finding: Finding) -> str:
    """What is wrong, beginning with the field."""
    return f"{finding.path} {finding.message}" if finding.path else f"it {finding.message}"


def told(finding: Finding) -> str:
    """Object, what is wrong, the connection that shows it, and what to do."""
    seen = finding.witness
    shown = f" Shown by: {seen.src} -> {seen.dst} {seen.protocol} {seen.port}." if seen else ""
    return f"{name(finding)}: {sentence(finding)}.{shown} To do: {finding.advice}."
