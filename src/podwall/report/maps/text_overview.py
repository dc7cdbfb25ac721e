"""A large map as text of 80 columns: every namespace, and what is open between namespaces."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from podwall.report.maps.answer import Answer
from podwall.report.maps.overview import MOST_ENDPOINTS, OUTSIDE, Between, Namespace, Overview, overview
from podwall.report.maps.words import focus_words, ports_line
from podwall.report.wording import counted, wrapped

__all__ = ["overview_text"]

_NAME = 28  # characters of the first column
_PAIRS_AT = 30
_PORTS_AT = 48
_WIDTH = 80
_ANYWHERE = "external addresses"
_HELP = (
    f"With more than {MOST_ENDPOINTS} endpoints, this is by namespace. Closer: {{closer}}. "
    "Every connection: -o wide, csv or json. Beside a number of pairs stand the ports of all of them together."
)
_KEPT = "\N{NO-BREAK SPACE}"  # until the lines are made
_CLOSER = tuple(way.replace(" ", _KEPT) for way in ("-n NS", "--from REF", "--to REF", "--about REF", "--port PORT"))


def overview_text(answer: Answer) -> Iterator[str]:
    """A table of the namespaces, then one paragraph for each as a source."""
    found = overview(answer)
    head, only = answer.head, answer.scope.namespace
    place = counted(len(found.namespaces), "namespace") if only is None else only
    inside = counted(sum(only in (None, endpoint.namespace) for endpoint in head.endpoints), "endpoint")
    them = "" if only is None else " from or to them"
    paragraphs = [f"{inside} in {place}, {counted(found.connections, 'connection')}{them}, profile {head.profile}"]
    if head.focus:
        paragraphs.append(f"only {', '.join(focus_words(head.focus))}")
    paragraphs.append(_HELP.format(closer=", ".join(_CLOSER if only is None else _CLOSER[1:])))
    yield from (f"{line}\n".replace(_KEPT, " ") for text in paragraphs for line in wrapped(text, ""))
    yield from _table(found.namespaces)
    yield from _paragraphs(found)


def _table(namespaces: list[Namespace]) -> Iterator[str]:
    yield f"\n{'':<{_NAME + 16}}isolated  open to outside\n"
    yield f"{'NAMESPACE':<{_NAME}}ENDPOINTS  INGRESS   EGRESS  INGRESS   EGRESS\n"
    for each in namespaces:
        numbers = (each.ingress, each.egress, each.from_outside, each.to_outside)
        name = f"{each.name}\n{'':<{_NAME}}" if len(each.name) >= _NAME else f"{each.name:<{_NAME}}"
        first, second, third, fourth = (f"{number:>9,}" for number in numbers)
        yield f"{name}{each.endpoints:>9,}{first}{second}{third}{fourth}\n"


def _paragraphs(found: Overview) -> Iterator[str]:
    sizes = {each.name: each.endpoints for each in found.namespaces}
    by_source: dict[str, list[Between]] = {}
    for between in found.between:
        by_source.setdefault(between.src, []).append(between)
    outside = by_source.pop(OUTSIDE, [])
    for src, rows in by_source.items():
        yield f"\nfrom {src} ({sizes[src]:,})\n"
        yield from _rows(rows, len(sizes))
    if outside:
        yield f"\nfrom {_ANYWHERE}\n"
        yield from _rows(outside, len(sizes))


def _rows(rows: list[Between], namespaces: int) -> Iterator[str]:
    """Namespaces of the same ports together, external addresses last."""
    together: dict[tuple[str, bool], list[Between]] = {}
    for row in rows:
        together.setdefault((ports_line(row.ports), OUTSIDE in (row.src, row.dst)), []).append(row)
    lines = [
        (row[0].dst == OUTSIDE, _whom(row, namespaces), _pairs(row), ports)
        for (ports, _), found in together.items()
        for row in (found,)
    ]
    for _, whom, pairs, ports in sorted(lines):
        yield from _row(whom, pairs, ports)


def _whom(found: list[Between], namespaces: int) -> str:
    names = [row.dst or _ANYWHERE for row in found]
    if len(names) <= 2:
        return " and ".join(names)
    others = namespaces - (found[0].src != OUTSIDE)
    whole = len(names) == namespaces or (len(names) == others and found[0].src not in names)
    return f"all {len(names):,} namespaces" if whole else f"{len(names):,} namespaces"


def _pairs(found: list[Between]) -> str:
    number = sum(row.pairs for row in found)
    what = "endpoint" if OUTSIDE in (found[0].src, found[0].dst) else "pair"
    return f"{'all ' if all(row.every for row in found) else ''}{counted(number, what)}"


def _row(whom: str, pairs: str, ports: str) -> Iterator[str]:
    head = f"  {whom}"
    if len(head) + 2 > _PAIRS_AT:
        yield f"{head}\n"
        head = ""
    head = f"{head:<{_PAIRS_AT}}{pairs}"
    for line in textwrap.wrap(ports, _WIDTH - _PORTS_AT, break_on_hyphens=False):
        yield f"{head:<{_PORTS_AT - 2}}  {line}\n"
        head = ""
