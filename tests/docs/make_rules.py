"""The pages of docs/rules, made from the files of the checks: `python -m tests.docs.make_rules`, or `make docs`.

What a page shows is the first bad example of its check, and what Podwall says about it.
"""

from __future__ import annotations

import datetime as dt
import difflib
import textwrap
from collections.abc import Iterator
from pathlib import Path

import msgspec

from podwall.check.facts import Facts, Options
from podwall.check.registry import all_rules, documentation
from podwall.check.rule import Bad, Rule
from podwall.check.run import Found, run
from podwall.flows.edges import KIND, Edges
from podwall.ops.checking import pointed_at
from podwall.ops.inputs import Inputs, Opened, open_texts
from podwall.ops.needing import topology_of
from podwall.report.findings.text import findings_text
from podwall.report.public import API_VERSION, Ref
from podwall.report.public_findings import Finding as Public
from podwall.report.public_findings import Findings, Witness
from podwall.sources.files import Text
from podwall.text.where import field

FOLDER = Path(__file__).parents[2] / "docs" / "rules"
TODAY = dt.date(2026, 11, 21)  # of the examples
_FILE = "example.yaml"
_HEAD = """\
# Checks

What `podwall check` looks for, one page each. Made from the files of the checks by `make docs`: edit those.

| check | severity | what it finds | fix |
|---|---|---|---|
"""


def pages() -> dict[str, str]:
    """Every page by its file name."""
    made = {f"{rule.id}.md": "\n".join(_page(rule)) + "\n" for rule in all_rules()}
    return {"README.md": _HEAD + "".join(map(_row, all_rules())), **made}


def _row(rule: Rule) -> str:
    fix = _fixes(rule)
    return f"| [{rule.id}]({rule.id}.md) | {rule.severity.word} | {rule.says.replace('|', '/')} | {fix} |\n"


def _fixes(rule: Rule) -> str:
    opened = _open(rule.bad[0])
    fixes = [one.finding.fix for one in _found(opened, rule) if one.finding.fix is not None]
    if not fixes:
        return ""
    return "`--fix`" if all(fix.safe for fix in fixes) else "`--unsafe-fixes`"


def _page(rule: Rule) -> Iterator[str]:
    example = rule.bad[0]
    opened = _open(example)
    found = _found(opened, rule)
    yield f"# {rule.id}: {rule.says}\n"
    yield f"Severity: {rule.severity.word}. Made from the file of the check by `make docs`: edit that.\n"
    yield f"{documentation(rule)}\n"
    yield "## Example\n"
    yield f"```yaml\n{example.objects.rstrip()}\n```\n"
    if example.flows is not None:
        yield "Observed traffic, as `--flows` takes it:\n"
        document = Edges(kind=KIND, edges=list(example.flows), apiVersion=API_VERSION)
        yield f"```json\n{msgspec.json.format(msgspec.json.encode(document)).decode()}\n```\n"
    yield "What `podwall check` says:\n"
    yield f"```text\n{_said(opened, found)}\n```\n"
    yield from _fix(rule, found)


def _fix(rule: Rule, found: list[Found]) -> Iterator[str]:
    example = rule.bad[0]
    yield "## Fix\n"
    fixes = [one.finding.fix for one in found if one.finding.fix is not None]
    if not fixes:
        yield "None that a program could make: somebody has to know what was meant."
        return
    safe = all(fix.safe for fix in fixes)
    flag = "`--fix` makes it" if safe else "`--fix --unsafe-fixes` makes it"
    said = f"{flag}: {'; '.join(sorted({fix.title for fix in fixes}))}. Whatever it opens or closes is printed."
    more = " Where it would close a connection, it takes `--unsafe-fixes`." if safe else ""
    yield textwrap.fill(said + more, 120, break_long_words=False, break_on_hyphens=False)
    if example.fixed:
        old, new = example.objects.splitlines(), example.fixed.splitlines()
        lines = difflib.unified_diff(old, new, _FILE, _FILE, lineterm="")
        yield "\n```diff\n" + "\n".join(line.rstrip() for line in lines) + "\n```"


def _open(example: Bad) -> Opened:
    inputs = Inputs(keep_mistakes=True, cni=example.profile.name)
    return open_texts(inputs, [Text(_FILE, example.objects.encode())])


def _found(opened: Opened, rule: Rule) -> list[Found]:
    options = Options(TODAY, owners=rule.bad[0].owners, edges=rule.bad[0].flows)
    facts = Facts(opened.model, options, opened.mistakes, opened.ignoring, lambda: topology_of(opened))
    return list(run(facts, [rule]).found)


def _said(opened: Opened, found: list[Found]) -> str:
    findings = [_public(opened, one) for one in found]
    result = Findings(API_VERSION, "Findings", opened.model.profile.name, findings, [], [], [])
    return "".join(findings_text(result, pointed_at(opened, result))).strip("\n")


def _public(opened: Opened, one: Found) -> Public:
    finding, what = one.finding, one.finding.object
    line = opened.positions.line(what.origin, finding.path) if what.origin else None
    ref = Ref(what.kind, what.namespace, what.name, None, _FILE if what.origin else None, line)
    seen = finding.witness
    return Public(
        id=one.rule.id,
        severity=one.severity.word,
        object=ref,
        path=field(finding.path),
        message=finding.message,
        advice=finding.advice,
        file=ref.file,
        line=line,
        witness=None if seen is None else Witness(seen.src, seen.dst, seen.protocol, seen.port),
        fixable=finding.fix is not None,
        unsafeFix=finding.fix is not None and not finding.fix.safe,
        suppressed=None,
    )


def main() -> None:
    """Writes all pages, and takes away those of checks that are no more."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
