"""The formats of `check` for machines and for pages, by the names that -o takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from podwall.report import json
from podwall.report.findings.github import workflow_commands
from podwall.report.findings.gitlab import code_quality
from podwall.report.findings.junit import junit
from podwall.report.findings.markdown import markdown
from podwall.report.findings.sarif import sarif
from podwall.report.public_findings import Findings, Report

__all__ = ["WRITERS"]

WRITERS: Mapping[str, Callable[[Findings, Report], Iterable[str]]] = {
    "json": lambda answer, _: [json.document(answer)],
    "sarif": lambda answer, report: [sarif(answer, report.rules, report.version)],
    "junit": lambda answer, report: junit(answer, [rule.id for rule in report.rules], report.failing),
    "github": lambda answer, _: workflow_commands(answer),
    "gitlab": lambda answer, _: [code_quality(answer)],
    "md": lambda answer, _: markdown(answer),
}
