"""The map as Markdown tables, for a pull request or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from podwall.report.maps.answer import Answer
from podwall.report.maps.external import Label, labels
from podwall.report.maps.folding import ANYWHERE, Line, fold
from podwall.report.maps.overview import MOST_ENDPOINTS, OUTSIDE, is_large, overview
from podwall.report.maps.words import permit_name, port_words, ports_line
from podwall.report.public import Endpoint, Permit
from podwall.report.wording import counted, policy_name

__all__ = ["write"]

_ANY = "any external address"
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&])")


def write(answer: Answer) -> Iterator[str]:
    """Who is isolated and who reaches whom; of a large map the namespaces instead of the endpoints."""
    if is_large(answer):
        yield from _by_namespace(answer)
    else:
        yield from _whole(answer)


def _whole(answer: Answer) -> Iterator[str]:
    head = answer.head
    lines = fold(answer)
    shown = labels(head.external)
    yield f"{counted(len(head.endpoints), 'endpoint')}, profile {head.profile}."
    folded = any(end.endswith("/*") for line in lines for end in (line.src, line.dst))
    yield " `ns/*` are all endpoints of a namespace but the one at the other end.\n" if folded else "\n"
    yield from _table("Endpoints", ("Endpoint", "Kind", "Pods", "Ingress", "Egress"), map(_endpoint, head.endpoints))
    reasons = any(line.egress is not None for line in lines)
    titles = ("From", "To", "Ports", *(("Egress allowed by", "Ingress allowed by") if reasons else ()))
    inside = {endpoint.name for endpoint in head.endpoints} | {f"{e.namespace}/*" for e in head.endpoints}
    yield from _table("Connections", titles, (_line(line, shown, inside) for line in lines))
    used = {end for line in lines for end in (line.src, line.dst)}
    named = ((label, words) for name, label in shown.items() if (words := label.words) and name in used)
    yield from _table("External addresses", ("Set", "Addresses"), ((_code(x.shown), " ".join(w)) for x, w in named))
    yield from _table("Policies", ("Policy", "Kind", "Place", "Owner"), _policies(lines))


def _endpoint(endpoint: Endpoint) -> tuple[str, ...]:
    sides = (endpoint.isolated.ingress, endpoint.isolated.egress)
    return (
        _code(endpoint.name),
        endpoint.kind,
        str(endpoint.pods),
        *("isolated" if isolated else "**not isolated**" for isolated in sides),
    )


def _line(line: Line, shown: dict[str, Label], inside: set[str]) -> Iterator[str]:
    for end in (line.src, line.dst):
        yield _ANY if end == ANYWHERE else _code(shown[end].shown if end in shown else end)
    yield ", ".join(port_words(line.ports))
    for end, by in ((line.src, line.egress), (line.dst, line.ingress)):
        if by is not None:  # policies have nothing to say at an external end
            yield (
                "" if end not in inside else by if isinstance(by, str) else ", ".join(_code(permit_name(p)) for p in by)
            )


def _policies(lines: Sequence[Line]) -> Iterator[tuple[str, ...]]:
    """Every policy that was named, once."""
    found: dict[tuple[str, str, str], Permit] = {}
    for line in lines:
        for by in (line.egress, line.ingress):
            if isinstance(by, tuple):
                found.update(((p.namespace, p.kind, p.name), p) for p in by)
    for _, permit in sorted(found.items()):
        place = f"{permit.file}:{permit.line}" if permit.line else permit.file
        yield _code(policy_name(permit)), permit.kind, _plain(place or ""), _plain(permit.owner or "")


def _by_namespace(answer: Answer) -> Iterator[str]:
    found = overview(answer)
    yield f"{counted(len(answer.head.endpoints), 'endpoint')}, {counted(found.connections, 'connection')}, "
    yield f"profile {answer.head.profile}. With more than {MOST_ENDPOINTS} endpoints, this is by namespace; "
    yield "ports are those of all pairs together.\n"
    titles = ("Namespace", "Endpoints", "Ingress isolated", "Egress isolated", "Open from outside", "Open to outside")
    yield from _table(
        "Namespaces",
        titles,
        (
            (_code(n.name), *map(str, (n.endpoints, n.ingress, n.egress, n.from_outside, n.to_outside)))
            for n in found.namespaces
        ),
    )
    rows = (
        (
            *(_ANY if end == OUTSIDE else _code(end) for end in (b.src, b.dst)),
            f"{'all ' if b.every else ''}{b.pairs}",
            ports_line(b.ports),
        )
        for b in found.between
    )
    yield from _table("Connections", ("From", "To", "Pairs", "Ports"), rows)


def _table(title: str, head: Sequence[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A heading with its table; nothing where there are no rows."""
    lines = [_row(row) for row in rows]
    if lines:
        yield f"\n### {title}\n\n{_row(head)}{_row(['---'] * len(head))}"
        yield from lines


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _code(text: str) -> str:
    """A name as code. Its pipes are escaped even there: a table is cut into cells before anything else is read."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def _plain(text: str) -> str:
    """Text that means nothing but itself: files and owners are called as somebody liked."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
