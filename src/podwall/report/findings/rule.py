"""The documentation of one check, as its file has it, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.rule import Rule
from podwall.report.wording import wrapped

__all__ = ["rule_text"]


def rule_text(rule: Rule, documentation: str) -> Iterator[str]:
    """Its line in the catalogue, what its file says, and the first example of what it finds."""
    yield from (f"{line}\n" for line in wrapped(f"{rule.id} ({rule.severity.word}): {rule.says}", "  "))
    yield "\n"
    for paragraph in documentation.split("\n\n"):
        yield from (f"{line}\n" for line in _lines(paragraph.replace("**", "")))
        yield "\n"
    bad = rule.bad[0]
    yield "Found in:\n\n"
    yield from (f"    {line}\n" for line in bad.objects.strip("-\n").splitlines())
    yield f"\nat {bad.finds[0]}\n"


def _lines(paragraph: str) -> Iterator[str]:
    """A paragraph in lines of a terminal; code stays as it is, the entries of a list keep lines of their own."""
    if paragraph.startswith("```"):
        yield from (f"    {line}" for line in paragraph.splitlines()[1:-1])
        return
    entries = paragraph.replace("\n- ", "\n\0- ").split("\n\0")
    for entry in entries:
        yield from wrapped(" ".join(entry.split()), "  " if entry.startswith("- ") else "")
