"""`test` as TAP 14: one point for each assertion, the reasons as YAML below those that fail."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.report.public_testing import Coverage, Expected, Report
from podwall.report.testing import explained, why
from podwall.text.write import yaml_text

__all__ = ["tap_text"]


def tap_text(report: Report) -> Iterator[str]:
    """Line by line; a coverage that is asked for is one more point."""
    coverage = report.coverage if isinstance(report.coverage, Coverage) else None
    aim = coverage.minimum if coverage else None
    total = len(report.expectations) + (aim is not None)
    yield f"TAP version 14\n1..{total}\n"
    for number, expected in enumerate(report.expectations, start=1):
        yield f"{'ok' if expected.ok else 'not ok'} {number} - {_escaped(expected.text)}\n"
        if not expected.ok:
            yield from _diagnostics(expected)
    if coverage:
        said = f"coverage {coverage.percent:g}%"
        if aim is None:
            yield f"# {said}\n"
        else:
            yield f"{'ok' if coverage.percent >= aim else 'not ok'} {total} - {said} of at least {aim:g}%\n"
    yield from (f"# incomplete: {line}\n" for fact in report.incomplete for line in fact.splitlines())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("#", "\\#")


def _diagnostics(expected: Expected) -> Iterator[str]:
    value = {
        "message": "\n".join(why(expected)),
        "at": {"file": expected.file, "line": expected.line},
        "wanted": expected.want,
        "found": expected.got,
    }
    if expected.because:
        value["because"] = expected.because
    explanation = "\n".join(explained(expected, {})).strip("\n")
    if explanation:
        value["explanation"] = explanation
    yield "  ---\n"
    yield from (f"  {line}".rstrip() + "\n" for line in yaml_text(value).splitlines())
    yield "  ...\n"
