"""`diff` as Markdown for a comment on a pull request: a summary, a table of risks, and the rest folded away.

GitHub takes comments of 65,536 characters. What does not fit is cut at whole blocks, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from podwall.report.diff_overview import MOST_CAUSES, is_large, more_causes, shares, span_words, spans
from podwall.report.diff_rows import Group, Words, cause_words, grouped, risk_rows
from podwall.report.maps.external import Label
from podwall.report.public_diff import Cause, Changed, Diff, RiskFound
from podwall.report.wording import counted, ports_text

__all__ = ["diff_markdown"]

_LIMIT = 65_536
_CUT = "\n_Cut here: the rest would be longer than a comment may be. The whole answer: `podwall diff … -o json`._\n"
_MOST_RISKS = 25
_MOST_ROWS = 50  # of one cause
_MOST_NAMES = 50
_MOST_SPANS = 50
_MOST_SHARES = 50
_SERIOUS = ("from-internet", "to-internet", "from-everyone", "to-everyone", "dns-lost")


def diff_markdown(result: Diff) -> str:
    """The whole answer, no longer than a comment may be."""
    words = Words(result)
    blocks = [
        *_summary(result),
        *_risks(result.risks, words),
        *_incomplete(result.incomplete),
        *_section("Opened", result.opened, words),
        *_section("Closed", result.closed, words),
        *_moved("Added", result.endpoints.added, grouped(result.endpoints.opened), words),
        *_moved("Removed", result.endpoints.removed, grouped(result.endpoints.closed), words),
        *_legend(words.legend()),
    ]
    return _fitted(blocks)


def _fitted(blocks: Sequence[str]) -> str:
    """Whole blocks while there is room for them and for saying that there were more."""
    text = ""
    for number, block in enumerate(blocks):
        rest = sum(map(len, blocks[number:]))
        if len(text) + rest > _LIMIT and len(text) + len(block) > _LIMIT - len(_CUT):
            return text + _CUT
        text += block
    return text


def _summary(result: Diff) -> Iterator[str]:
    counts = result.counts
    serious = sum(risk.risk in _SERIOUS for risk in result.risks)
    if counts.opened or counts.closed or counts.added or counts.removed:
        said = f"**{counted(counts.opened, 'connection')} opened, {counts.closed:,} closed**"
    else:
        said = "**No change in connectivity**"
    parts = [said, counted(counts.edits, "edit")]
    if counts.added or counts.removed:
        parts.append(f"{counted(counts.added, 'endpoint')} added, {counts.removed:,} removed")
    if serious:
        parts.append(f":warning: {counted(serious, 'risk')}")
    yield f"### Podwall: what this change opens and closes\n\n{' · '.join(parts)}\n"
    yield f"\n<sub>{_code(result.old)} → {_code(result.new)}, profile {result.profile}</sub>\n"


def _risks(risks: Sequence[RiskFound], words: Words) -> Iterator[str]:
    if not risks:
        return
    rows = risk_rows(risks)
    yield "\n| Risk | Because of |\n|---|---|\n"
    for row in rows[:_MOST_RISKS]:
        causes = "<br>".join([_cause(cause) for cause in row.causes[:MOST_CAUSES]]) or "it is new"
        more = more_causes(row.causes)
        causes += f"<br>and {more}" if more else ""
        mark = ":warning: " if row.risk in _SERIOUS else ""
        yield f"| {mark}{_cell(words.risk(row))} | {causes} |\n"
    if len(rows) > _MOST_RISKS:
        yield f"\n… and {sum(len(row.endpoints) for row in rows[_MOST_RISKS:]):,} more.\n"


def _section(title: str, pairs: Sequence[Changed], words: Words) -> Iterator[str]:
    groups = grouped(pairs)
    if not groups:
        return
    yield f"\n#### {title}\n"
    if is_large(groups):
        yield from _overview(pairs, groups, words)
        return
    for group in groups:
        because = ", ".join(_html(" at ".join(cause_words(cause))) for cause in group.causes[:MOST_CAUSES])
        more = more_causes(group.causes)
        yield from _folded(
            f"{counted(group.pairs, 'connection')} by {because}{f' and {more}' if more else ''}", group, words
        )


def _overview(pairs: Sequence[Changed], groups: Sequence[Group], words: Words) -> Iterator[str]:
    """What is too much to be listed."""
    found, edits = spans(pairs, words.outside), shares(groups)
    rows = [f"| {' | '.join(map(_cell, span_words(span)))} |\n" for span in found[:_MOST_SPANS]]
    left = counted(sum(span.pairs for span in found[_MOST_SPANS:]), "more connection")
    rest = f"\n… and {left}.\n" if len(found) > _MOST_SPANS else ""
    table = f"| From | To | Connections | Ports |\n|---|---|---|---|\n{''.join(rows)}{rest}"
    yield f"\nToo many to list here; by namespace:\n\n{table}"
    rows = [f"| {_cause(share.cause)} | {share.pairs:,} |\n" for share in edits[:_MOST_SHARES]]
    rest = f"\n… and {counted(len(edits) - _MOST_SHARES, 'more edit')}.\n" if len(edits) > _MOST_SHARES else ""
    table = f"| Edit | Connections that it has a part in |\n|---|---|\n{''.join(rows)}{rest}"
    yield f"\n<details><summary>{counted(len(edits), 'edit')}</summary>\n\n{table}\n</details>\n"


def _moved(title: str, names: Sequence[str], groups: Sequence[Group], words: Words) -> Iterator[str]:
    if not names:
        return
    more = len(names) - _MOST_NAMES
    listed = ", ".join(map(_code, names[:_MOST_NAMES])) + (f" and {more:,} more" if more > 0 else "")
    yield f"\n#### {title}: {counted(len(names), 'endpoint')}\n\n{listed}\n"
    for group in groups:
        verb = "come" if title == "Added" else "go"
        yield from _folded(f"{counted(group.pairs, 'connection')} {verb} with them", group, words)


def _folded(summary: str, group: Group, words: Words) -> Iterator[str]:
    """A block of its own for each table, so that a cut never falls inside of one."""
    rows = [
        f"| {_cell(words.ends(row.sources))} | {_cell(words.ends(row.destinations))} "
        f"| {_cell(ports_text(row.ports, {}))} |\n"
        for row in group.rows[:_MOST_ROWS]
    ]
    more = sum(row.pairs for row in group.rows[_MOST_ROWS:])
    rest = f"\n… and {counted(more, 'more connection')}.\n" if more else ""
    table = f"| From | To | Ports |\n|---|---|---|\n{''.join(rows)}"
    yield f"\n<details><summary>{summary}</summary>\n\n{table}{rest}\n</details>\n"


def _legend(found: Iterable[Label]) -> Iterator[str]:
    lines = [f"| {_cell(label.shown)} | {_cell(' '.join(label.words))} |\n" for label in found]
    if lines:
        table = f"| Addresses | Which |\n|---|---|\n{''.join(lines)}"
        yield f"\n<details><summary>External addresses</summary>\n\n{table}\n</details>\n"


def _incomplete(facts: Sequence[str]) -> Iterator[str]:
    if facts:
        yield "\n#### The input is incomplete\n\n"
        yield from (f"- {_cell(fact)}\n" for fact in facts)


def _cause(cause: Cause) -> str:
    what, where = cause_words(cause)
    return f"{_cell(what)} ({_code(where)})"


def _cell(text: str) -> str:
    """Text that is nothing but text, in a table too."""
    for character in "\\`*_|[]":
        text = text.replace(character, f"\\{character}")
    return _html(text.replace("\n", " ").replace("@", "@\u200b"))


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    """A name or a place, as code: nobody is notified by an owner's @name in it."""
    return f"<code>{_html(text).replace('|', '&#124;')}</code>"
