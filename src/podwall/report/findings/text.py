"""Findings for a terminal of 80 columns: the worst first, each with its line of YAML, and the posture as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from podwall.report.public_findings import Finding, Findings, Posture
from podwall.report.wording import counted, cut, place, policy_name, wrapped

__all__ = ["findings_text"]

_SEVERITIES = ("error", "warning", "info")
Lines = Mapping[tuple[str, int], Sequence[str]]


def findings_text(result: Findings, lines: Lines, *, skipped: bool = False) -> Iterator[str]:
    """Everything that counts; `lines` are the lines that are pointed at, with `skipped` comes what was not asked.

    Findings of one place stand together, so that two checks that see the same slip are one thing to do.
    """
    counting = [f for f in result.findings if f.suppressed is None]
    for found in _places(counting):
        yield from (f"{line}\n" for line in _place(found, lines))
    if result.posture:
        yield from _posture(result.posture)
    if skipped:
        yield from _skipped(result)
    yield f"\n{_summary(result, counting)}\n"


def _places(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings by object and path, in the order of the worst of each."""
    found: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        ref = finding.object
        found.setdefault((ref.kind, ref.namespace, ref.name, finding.path), []).append(finding)
    return list(found.values())


def _place(findings: Sequence[Finding], lines: Lines) -> Iterator[str]:
    first, *others = findings
    about = policy_name(first.object) if first.object.kind == "NetworkPolicy" else _name(first)
    yield ""
    yield cut(f"{first.severity.upper()} {first.id}  {about}")
    yield from wrapped(f"  {place(first.object, first.line) if first.file else 'in no file'}", "    ")
    for number, text in enumerate(lines.get((first.file or "", first.line or 0), ()), start=first.line or 0):
        yield cut(f"    {number:>4} | {text}")
    field = f"{first.path} " if first.path else "it "
    yield from wrapped(f"  {field}{first.message}.", "  ")
    for other in others:
        yield from wrapped(f"  {other.id}: {other.message}.", "  ")
    if first.witness is not None:
        witness = first.witness
        yield from wrapped(f"  Seen on: {witness.src} -> {witness.dst} {witness.protocol} {witness.port}", "    ")
    fixable = " [--fix]" if any(f.fixable for f in findings) else ""
    yield from wrapped(f"  -> {first.advice}{fixable}", "     ")


def _name(finding: Finding) -> str:
    ref = finding.object
    return f"{ref.kind} {ref.namespace}/{ref.name}" if ref.namespace else f"{ref.kind} {ref.name}"


def _posture(rows: Sequence[Posture]) -> Iterator[str]:
    yield "\nPosture, the weakest namespace first:\n"
    width = min(max(len(row.namespace) for row in rows), 24)
    head = ("in", "out", "dns", "no policy", "from net", "to net", "from ns", "score")
    yield f"  {'namespace':<{width}}  {head[0]:<4}{head[1]:<5}{head[2]:<8}" + "".join(f"{h:>9}" for h in head[3:7])
    yield f"{head[7]:>7}\n"
    for row in sorted(rows, key=lambda r: (r.score, r.namespace)):
        cells = (f"{row.withoutPolicy}/{row.workloads}", row.fromInternet, row.toInternet, row.reachableFrom)
        yield f"  {row.namespace[:width]:<{width}}  {_yes(row.ingressDefaultDeny):<4}{_yes(row.egressDefaultDeny):<5}"
        yield f"{row.dns:<8}" + "".join(f"{cell:>9}" for cell in cells) + f"{row.score:>7}\n"
    yield "  in, out: default deny of ingress, egress; from ns: namespaces that reach it\n"


def _yes(closed: bool) -> str:  # noqa: FBT001 - a cell of the table
    return "yes" if closed else "NO"


def _skipped(result: Findings) -> Iterator[str]:
    yield "\nNot looked at, because the input lacks a fact:\n"
    for one in result.skipped:
        yield from (f"{line}\n" for line in wrapped(f"  {one.id} {one.about}: needs {one.lacks}", "    "))


def _summary(result: Findings, counting: Sequence[Finding]) -> str:
    numbers = [(word, sum(f.severity == word for f in counting)) for word in _SEVERITIES]
    said = ", ".join(counted(number, word) for word, number in numbers if number) or "nothing found"
    hidden = len(result.findings) - len(counting)
    more = [f"{hidden} suppressed"] if hidden else []
    if result.skipped:
        more.append(f"{counted(len(result.skipped), 'question')} not asked (--explain-skipped)")
    return said + (f"; {', '.join(more)}" if more else "")
