"""Findings for a terminal of 80 columns: the worst first, each with its line of YAML, and the posture as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from podwall.report.public_findings import Finding, Findings, Posture
from podwall.report.wording import counted, cut, place, policy_name, wrapped

__all__ = ["findings_text"]

_SEVERITIES = ("error", "warning", "info")
_MOST_ALIKE = 4
_MOST_ROWS = 15
Lines = Mapping[tuple[str, int], Sequence[str]]


def findings_text(result: Findings, lines: Lines, *, skipped: bool = False) -> Iterator[str]:
    """Everything that counts; `lines` are the lines that are pointed at, with `skipped` comes what was not asked.

    Findings of one place stand together, so that two checks that see the same slip are one thing to do; and so do
    places of which the same is said, in the order of the worst of each.
    """
    counting = [f for f in result.findings if f.suppressed is None]
    for alike in _alike(_places(counting)):
        yield from (f"{line}\n" for line in (*_place(alike[0], lines), *_others(alike)))
    if result.posture:
        yield from _posture(result.posture)
    if skipped and result.skipped:
        yield from _skipped(result)
    yield f"\n{_summary(result, counting)}\n"


def _places(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings by object and path."""
    found: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        ref = finding.object
        found.setdefault((ref.kind, ref.namespace, ref.name, finding.path), []).append(finding)
    return list(found.values())


def _alike(places: Sequence[list[Finding]]) -> list[list[list[Finding]]]:
    """Places of which the same is said."""
    found: dict[tuple[tuple[str, ...], ...], list[list[Finding]]] = {}
    for place_ in places:
        said = tuple((f.id, f.severity, f.object.kind, f.path, f.message, f.advice) for f in place_)
        found.setdefault(said, []).append(place_)
    return list(found.values())


def _others(alike: Sequence[Sequence[Finding]]) -> Iterator[str]:
    """The other places of which the same is said, the first ones by name."""
    others = [found[0] for found in alike[1:]]
    for other in others[:_MOST_ALIKE]:
        yield from wrapped(f"  also {_name(other)}, {place(other.object, other.line)}", "    ")
    if len(others) > _MOST_ALIKE:
        yield f"  and {len(others) - _MOST_ALIKE:,} more (-o json lists them)"


def _place(findings: Sequence[Finding], lines: Lines) -> Iterator[str]:
    first, *others = findings
    yield ""
    yield cut(f"{first.severity.upper()} {first.id}  {_name(first)}")
    yield from wrapped(f"  {place(first.object, first.line) if first.file else 'in no file'}", "    ")
    for number, text in enumerate(lines.get((first.file or "", first.line or 0), ()), start=first.line or 0):
        yield cut(f"    {number:>4} | {text}")
    field = f"{first.path} " if first.path else "it "
    yield from wrapped(f"  {field}{first.message}.", "  ")
    for other in others:
        yield from wrapped(f"  {other.id}: {other.message}.", "  ")
    if first.witness is not None:
        witness = first.witness
        yield from wrapped(f"  Shown by: {witness.src} -> {witness.dst} {witness.protocol} {witness.port}", "    ")
    yield from wrapped(f"  -> {first.advice}{_fix(findings)}", "     ")


def _fix(findings: Sequence[Finding]) -> str:
    if any(f.fixable and not f.unsafeFix for f in findings):
        return " [--fix]"
    return " [--unsafe-fixes]" if any(f.fixable for f in findings) else ""


def _name(finding: Finding) -> str:
    """The object, with its kind where it is no policy of a namespace."""
    ref = finding.object
    plain = ref.kind == "NetworkPolicy" or not ref.namespace
    return policy_name(ref) if plain else f"{ref.kind} {policy_name(ref)}"


def _posture(rows: Sequence[Posture]) -> Iterator[str]:
    yield "\nPosture, the weakest namespace first:\n"
    listed = sorted(rows, key=lambda r: (r.score, r.namespace))
    width = min(max(len("namespace"), *(len(row.namespace) for row in listed[:_MOST_ROWS])), 24)
    head = ("in", "out", "dns", "no policy", "from net", "to net", "from ns", "score")
    yield f"  {'namespace':<{width}}  {head[0]:<4}{head[1]:<5}{head[2]:<8}" + "".join(f"{h:>9}" for h in head[3:7])
    yield f"{head[7]:>7}\n"
    for row in listed[:_MOST_ROWS]:
        cells = (f"{row.withoutPolicy}/{row.workloads}", row.fromInternet, row.toInternet, row.reachableFrom)
        yield f"  {row.namespace[:width]:<{width}}  {_yes(row.ingressDefaultDeny):<4}{_yes(row.egressDefaultDeny):<5}"
        yield f"{row.dns:<8}" + "".join(f"{cell:>9}" for cell in cells) + f"{row.score:>7}\n"
    if len(listed) > _MOST_ROWS:
        yield f"  and {len(listed) - _MOST_ROWS:,} more, with a score of {listed[_MOST_ROWS].score} or better\n"
    yield "  in, out: default deny of ingress, egress; from ns: namespaces that reach it\n"
    yield from _owners(rows)


def _owners(rows: Sequence[Posture]) -> Iterator[str]:
    listed = sorted((one.score, one.owner, row.namespace, one) for row in rows for one in row.byOwner)
    if not listed:
        return
    widths = [min(max(map(len, names)), 20) for names in zip(*((o, n) for _, o, n, _ in listed), strict=True)]
    first, second = max(widths[0], len("owner")), max(widths[1], len("namespace"))
    yield "\nBy owner of the workloads:\n"
    yield f"  {'owner':<{first}}  {'namespace':<{second}}  no policy from net   to net  score\n"
    for score, owner, namespace, one in listed[:_MOST_ROWS]:
        yield f"  {owner[:first]:<{first}}  {namespace[:second]:<{second}}  "
        yield f"{f'{one.withoutPolicy}/{one.workloads}':>9}{one.fromInternet:>9}{one.toInternet:>9}{score:>7}\n"
    if len(listed) > _MOST_ROWS:
        yield f"  and {len(listed) - _MOST_ROWS:,} more, with a score of {listed[_MOST_ROWS][0]} or better\n"


def _yes(closed: bool) -> str:  # noqa: FBT001 - a cell of the table
    return "yes" if closed else "NO"


def _skipped(result: Findings) -> Iterator[str]:
    yield "\nNot looked at, because the input lacks a fact:\n"
    for one in result.skipped:
        flag = f" ({one.flag})" if one.flag else ""
        yield from (f"{line}\n" for line in wrapped(f"  {one.id} {one.about}: needs {one.lacks}{flag}", "    "))


def _summary(result: Findings, counting: Sequence[Finding]) -> str:
    numbers = [(word, sum(f.severity == word for f in counting)) for word in _SEVERITIES]
    said = ", ".join(counted(number, word) for word, number in numbers if number) or "nothing found"
    hidden = len(result.findings) - len(counting)
    more = [f"{hidden} suppressed"] if hidden else []
    unasked = [one for one in result.skipped if one.flag is None]  # nobody has missed the others
    if unasked:
        more.append(f"{counted(len(unasked), 'question')} not asked (--explain-skipped)")
    return said + (f"; {', '.join(more)}" if more else "")
