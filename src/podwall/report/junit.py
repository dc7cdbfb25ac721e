"""`test` as JUnit XML: a suite for each file, a case for each assertion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from podwall.report.public_testing import Coverage, Expected, Report
from podwall.report.testing import explained, why

__all__ = ["junit_text"]

_UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


def junit_text(report: Report) -> Iterator[str]:
    """Line by line; a coverage that is asked for is a suite of its own."""
    suites: dict[str, list[Expected]] = {}
    for expected in report.expectations:
        suites.setdefault(expected.file, []).append(expected)
    coverage = report.coverage if isinstance(report.coverage, Coverage) else None
    asked = coverage if coverage and coverage.minimum is not None else None
    failed = sum(not expected.ok for expected in report.expectations)
    short = asked is not None and asked.minimum is not None and asked.percent < asked.minimum
    total = len(report.expectations) + (asked is not None)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="podwall test" tests="{total}" failures="{failed + short}" errors="0" time="0">\n'
    for name, found in suites.items():
        yield from _suite(name, found)
    if asked is not None:
        yield from _coverage(asked, short=short)
    yield "</testsuites>\n"


def _suite(name: str, found: Sequence[Expected]) -> Iterator[str]:
    failed = sum(not expected.ok for expected in found)
    yield f'  <testsuite name={_attribute(name)} tests="{len(found)}" failures="{failed}" errors="0" time="0">\n'
    for expected in found:
        yield from _case(expected)
    yield "  </testsuite>\n"


def _case(expected: Expected) -> Iterator[str]:
    start = (
        f"    <testcase classname={_attribute(expected.file)} name={_attribute(expected.text)} "
        f'file={_attribute(expected.file)} line="{expected.line}" time="0"'
    )
    if expected.ok:
        yield f"{start}/>\n"
        return
    lines = list(why(expected))
    because = [f"because: {expected.because}"] if expected.because else []
    body = [f"{expected.file}:{expected.line}", *because, *lines, *explained(expected, {})]
    yield f"{start}>\n"
    yield f'      <failure type="{expected.want}" message={_attribute(lines[0])}>'
    yield f"{_printable(escape(chr(10).join(body)))}</failure>\n    </testcase>\n"


def _coverage(coverage: Coverage, *, short: bool) -> Iterator[str]:
    said = f"{coverage.percent:g}% of at least {coverage.minimum:g}%"
    yield f'  <testsuite name="coverage" tests="1" failures="{int(short)}" errors="0" time="0">\n'
    yield '    <testcase classname="podwall test" name="coverage" time="0"'
    yield f'>\n      <failure type="coverage" message="{said}"/>\n    </testcase>\n' if short else "/>\n"
    yield "  </testsuite>\n"


def _attribute(text: str) -> str:
    return _printable(quoteattr(text))


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("�", text)
