"""Findings as SARIF 2.1.0 (OASIS), for GitHub code scanning and others that show it beside the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_letters, digits

import msgspec

from podwall.report.findings.words import told
from podwall.report.public_findings import ANNOTATION, Finding, Findings, RuleText, Suppression, fingerprints

__all__ = ["sarif"]

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_UNQUOTED = frozenset(f"{ascii_letters}{digits}-._~/")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(result: Findings, rules: Sequence[RuleText], version: str) -> str:
    """The whole log, with every rule that there is."""
    order = {rule.id: number for number, rule in enumerate(rules)}
    marks = fingerprints(result.findings)
    run = {
        "tool": {
            "driver": {
                "name": "podwall",
                "version": version,
                "semanticVersion": version,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(*pair, order) for pair in zip(result.findings, marks, strict=True)],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _rule(rule: RuleText) -> Mapping[str, object]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.says},
        "fullDescription": {"text": rule.help.split("\n\n")[0]},
        "help": {"text": rule.help, "markdown": rule.help},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(finding: Finding, mark: str, order: Mapping[str, int]) -> Mapping[str, object]:
    found: dict[str, object] = {
        "ruleId": finding.id,
        "ruleIndex": order[finding.id],
        "level": _LEVELS[finding.severity],
        "message": {"text": told(finding)},
        "locations": [_location(finding)],
        "partialFingerprints": {"podwall/v1": mark},
    }
    if finding.suppressed is not None:
        found["suppressions"] = [_suppression(finding.suppressed)]
    return found


def _suppression(suppressed: Suppression) -> Mapping[str, object]:
    until = f" (until {suppressed.until})" if suppressed.until else ""
    kind = "inSource" if suppressed.by == ANNOTATION else "external"
    return {"kind": kind, "status": "accepted", "justification": f"{suppressed.reason}{until}"}


def _location(finding: Finding) -> Mapping[str, object]:
    ref = finding.object
    logical = {"fullyQualifiedName": f"{ref.kind}/{ref.namespace}/{ref.name}", "kind": "object"}
    if finding.file is None or finding.file.startswith("<"):
        return {"logicalLocations": [logical]}
    place: dict[str, object] = {"artifactLocation": {"uri": _uri(finding.file)}}
    if finding.line:
        place["region"] = {"startLine": finding.line}
    return {"physicalLocation": place, "logicalLocations": [logical]}


def _uri(file: str) -> str:
    """A file as a URI reference, which has no spaces; a relative one starts from wherever the report is read."""
    path = file.replace("\\", "/")
    quoted = "".join(chr(b) if chr(b) in _UNQUOTED else f"%{b:02X}" for b in path.encode("utf-8", "surrogateescape"))
    return f"file://{quoted}" if path.startswith("/") else quoted
