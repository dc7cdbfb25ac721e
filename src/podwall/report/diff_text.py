"""`diff` as text for 80 columns: risks first, then what is opened, what is closed, and who came and went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.report.diff_overview import MOST_CAUSES, is_large, more_causes, shares, span_words, spans
from podwall.report.diff_rows import Group, Words, cause_words, grouped, risk_rows
from podwall.report.public_diff import Cause, Changed, Diff, RiskFound
from podwall.report.wording import counted, ports_text, wrapped

__all__ = ["diff_text"]

_MOST_ROWS = 20  # of one cause
_MOST_RISKS = 20
_MOST_NAMES = 12
_MOST_SPANS = 30
_MOST_SHARES = 20


def diff_text(result: Diff) -> Iterator[str]:
    """The whole answer."""
    words = Words(result)
    for line in (
        *_head(result),
        *_risks(result.risks, words),
        *_section("OPENED", result.opened, words),
        *_section("CLOSED", result.closed, words),
        *_moved("ADDED", result.endpoints.added, grouped(result.endpoints.opened), words),
        *_moved("REMOVED", result.endpoints.removed, grouped(result.endpoints.closed), words),
        *_legend(words),
    ):
        yield f"{line}\n"


def _head(result: Diff) -> Iterator[str]:
    counts = result.counts
    yield from wrapped(f"{result.old} -> {result.new}, profile {result.profile}", "  ")
    said = f"{counted(counts.opened, 'connection')} opened, {counts.closed:,} closed"
    moved = f"{counted(counts.added, 'endpoint')} added, {counts.removed:,} removed"
    yield f"{counted(counts.edits, 'edit')}: {said}; {moved}"


def _risks(risks: Sequence[RiskFound], words: Words) -> Iterator[str]:
    if risks:
        yield ""
        yield f"RISKS: {len(risks):,}"
    rows = risk_rows(risks)
    for at, row in enumerate(rows[:_MOST_RISKS]):
        yield from wrapped(f"  {words.risk(row)}", "    ")
        if row.causes != (rows[at + 1].causes if at + 1 < len(rows) else ()):
            yield from _causes(row.causes)
    if len(rows) > _MOST_RISKS:
        yield f"  … and {sum(len(row.endpoints) for row in rows[_MOST_RISKS:]):,} more: -o json"


def _section(title: str, pairs: Sequence[Changed], words: Words) -> Iterator[str]:
    groups = grouped(pairs)
    if groups:
        yield ""
        yield f"{title}: {counted(len(pairs), 'connection')}"
    if is_large(groups):
        yield from _overview(pairs, groups, words)
        return
    for number, group in enumerate(groups):
        if number:
            yield ""
        yield from _rows(group, words)
        yield from _causes(group.causes)


def _overview(pairs: Sequence[Changed], groups: Sequence[Group], words: Words) -> Iterator[str]:
    """What is too much to be listed."""
    yield "Too many to list here: -n NS, or -o json. By namespace:"
    found = spans(pairs, words.outside)
    for span in found[:_MOST_SPANS]:
        source, destination, number, ports = span_words(span)
        yield from wrapped(f"  {source} -> {destination}: {number}, {ports}", "    ")
    if len(found) > _MOST_SPANS:
        yield f"  … and {counted(sum(span.pairs for span in found[_MOST_SPANS:]), 'more connection')}"
    yield ""
    yield "By edit, with the connections that it has a part in:"
    edits = shares(groups)
    for share in edits[:_MOST_SHARES]:
        what, where = cause_words(share.cause)
        yield from wrapped(f"  {share.pairs:,} by {what}", "    ")
        yield from wrapped(f"    {where}", "    ")
    if len(edits) > _MOST_SHARES:
        yield f"  … and {counted(len(edits) - _MOST_SHARES, 'more edit')}"


def _causes(causes: Sequence[Cause]) -> Iterator[str]:
    for cause in causes[:MOST_CAUSES]:
        what, where = cause_words(cause)
        yield from wrapped(f"      by {what}", "         ")
        yield from wrapped(f"         {where}", "         ")
    more = more_causes(causes)
    if more:
        yield f"      and {more}: -o json"


def _rows(group: Group, words: Words) -> Iterator[str]:
    for row in group.rows[:_MOST_ROWS]:
        ends = f"{words.ends(row.sources)} -> {words.ends(row.destinations)}"
        yield from wrapped(f"  {ends}: {ports_text(row.ports, {})}", "    ")
    more = group.rows[_MOST_ROWS:]
    if more:
        yield f"  … and {counted(sum(row.pairs for row in more), 'more connection')}: -o json"


def _moved(title: str, names: Sequence[str], groups: Sequence[Group], words: Words) -> Iterator[str]:
    if names:
        yield ""
        yield f"{title}: {counted(len(names), 'endpoint')}"
        more = len(names) - _MOST_NAMES
        listed = ", ".join(names[:_MOST_NAMES]) + (f" and {more:,} more: -o json" if more > 0 else "")
        yield from wrapped(f"  {listed}", "  ")
    for group in groups:
        yield f"  {'opens' if title == 'ADDED' else 'took away'} {counted(group.pairs, 'connection')}:"
        yield from _rows(group, words)


def _legend(words: Words) -> Iterator[str]:
    found = list(words.legend())
    if found:
        yield ""
        yield "External addresses stand together where no rule can tell them apart:"
    for label in found:
        yield f"  {label.shown}"
        yield from wrapped(f"      {' '.join(label.words)}", "      ")
