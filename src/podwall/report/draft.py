"""A draft of assertions as the file that people review."""

from __future__ import annotations

import re
from collections.abc import Iterator

from podwall.expect.draft import MOST_NAMESPACES, MOST_PAIRS, Draft
from podwall.report.wording import listed, wrapped

__all__ = ["draft_text"]

_SCHEMA = "# yaml-language-server: $schema=expectations.schema.json"
_DRAFTED = (
    "# A draft by `podwall test --write`: what is open and closed now, which need not be what is meant. "
    "Read each line, keep what you want to hold, and say why in `because`. "
)
_EDITORS = "`podwall test --schema > expectations.schema.json` lets editors help."
_MOST_NAMED = 8
_PLAIN = re.compile(r"[A-Za-z0-9][^#'\"]*")  # as an item of a list; lines have no `: `


def draft_text(draft: Draft, head: str = _DRAFTED) -> Iterator[str]:
    """Line by line; `head` says what it is a draft of."""
    yield f"{_SCHEMA}\n"
    yield from (f"{line}\n" for line in wrapped(head + _EDITORS, "# "))
    if draft.wide:
        names = listed(draft.wide, _MOST_NAMED)
        said = f"# Left out: what is open on every port, from or to {names}. A policy should say which ports are meant."
        yield from (f"{line}\n" for line in wrapped(said, "# "))
    if not draft.between:
        said = f"# Left out: what is closed between more than {MOST_NAMESPACES} namespaces; draft one of them with -n."
        yield from (f"{line}\n" for line in wrapped(said, "# "))
    if draft.crowded:
        said = (
            f"# Left out: which single workloads cannot connect, of {listed(draft.crowded, _MOST_NAMED)}: beyond "
            f"{MOST_PAIRS:,} pairs only whole namespaces are asked about."
        )
        yield from (f"{line}\n" for line in wrapped(said, "# "))
    yield "apiVersion: podwall.io/v1\nkind: Expectations\nexpect:"
    yield "\n" if draft.sections else " []\n"
    for section in draft.sections:
        yield f"\n# {section.namespace}\n"
        yield from (f"- {_scalar(line)}\n" for line in section.lines)


def _scalar(line: str) -> str:
    return line if _PLAIN.fullmatch(line) else f'"{line}"'
