"""podwall check: the rules over one cluster, each finding with its lines, and how well each namespace is closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from msgspec import Struct, structs

from podwall import __version__
from podwall.check.facts import Facts, Object, Options
from podwall.check.posture import Counts, Posture, postures
from podwall.check.registry import all_rules, documentation
from podwall.check.rule import Rule
from podwall.check.run import run
from podwall.cluster.objects import Located, kind_of, name_of
from podwall.cluster.topology import Topology
from podwall.errors import InputError
from podwall.ops.baseline import write_baseline
from podwall.ops.fixing import Outcome, Wanted, fix
from podwall.ops.inputs import Inputs, Opened
from podwall.ops.mistakes import ignoring_in
from podwall.ops.needing import topology_of
from podwall.ops.project import Project
from podwall.ops.weighing import Asked, Weighed, Weighing
from podwall.report import public_findings as public
from podwall.report.findings.rule import rule_text
from podwall.report.public import API_VERSION, Ref
from podwall.sources.project import Settings
from podwall.text.where import field

__all__ = ["Asked", "Checked", "checked", "explained", "facts_of", "fixed", "listed", "pointed_at", "today"]

_MORE = 3  # lines below one that only opens something
_OPENS = (":", "{", "[")


class Checked(Struct, frozen=True):
    """The public answer, what some formats say beside it, and what is to be said to whoever runs it."""

    answer: public.Findings
    report: public.Report
    notes: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether anything that counts is bad enough."""
        return any(f.suppressed is None and f.severity in self.report.failing for f in self.answer.findings)


def explained(rule_id: str) -> Iterator[str]:
    """What a rule's file says of it. Raises InputError where there is none of this id."""
    for rule in all_rules():
        if rule.id == rule_id.upper():
            return rule_text(rule, documentation(rule))
    raise InputError(f"--explain {rule_id}: there is no such check; --explain all lists them")


def listed() -> Iterator[str]:
    """Every rule on a line."""
    return (f"{rule.id}  {rule.severity.word:<8} {rule.says}\n" for rule in all_rules())


def today() -> dt.date:
    """The day that dates in manifests are held against."""
    return dt.date.today()  # noqa: TID251, DTZ011 - an edge, and whoever writes a date means their own day


def facts_of(opened: Opened, asked: Asked, project: Project | None = None, topology: Topology | None = None) -> Facts:
    """What rules ask of a cluster, today. An owner is only who is named as one; `topology` where it is read already."""
    settings = Settings() if project is None else project.settings
    options = Options(
        today=today(),
        whole=opened.whole,
        owners=dict(_owners(opened)),
        without_dns=frozenset(settings.check.without_dns),
        sets=settings.sets,
        edges=asked.edges,
        unused_days=settings.check.unused_days if asked.unused_days is None else asked.unused_days,
    )
    read = lambda: topology_of(opened) if topology is None else topology  # noqa: E731
    return Facts(opened.model, options, opened.mistakes, opened.ignoring, read)


def _owners(opened: Opened) -> Iterator[tuple[tuple[str, str, str], str]]:
    cluster = opened.model.cluster
    for bucket in cluster.namespaces.values():
        for located in (*bucket.policies, *bucket.workloads, *bucket.pods):
            yield from _owner(opened, bucket.name, located)
    for wide in cluster.cluster_policies:
        yield from _owner(opened, "", wide)


def _owner(opened: Opened, namespace: str, located: Located[Any]) -> Iterator[tuple[tuple[str, str, str], str]]:
    item = located.object
    owner = opened.owners.named(item.metadata, located.origin.source)
    if owner is not None:
        yield (kind_of(item), namespace, name_of(item.metadata)), owner


def fixed(inputs: Inputs, asked: Asked, project: Project | None, *, unsafe: bool) -> Outcome:
    """Every fix of what the rules say, made in memory and proved. Raises as `checked` and `open_cluster` do."""
    weighing = Weighing(asked, project, today())
    wanted = Wanted(tuple(weighing.rules), lambda opened: facts_of(opened, asked, project), weighing.counts, unsafe)
    return fix(structs.replace(inputs, keep_mistakes=True), wanted)


def checked(opened: Opened, asked: Asked, project: Project | None = None) -> Checked:
    """Everything that the rules say. Raises InputError for ids that there are not, and for the baseline."""
    weighing = Weighing(asked, project, today())
    topology = topology_of(opened)
    opened = structs.replace(opened, ignoring=dict(ignoring_in(topology)) | dict(opened.ignoring))
    facts = facts_of(opened, asked, project, topology)
    said = run(facts, weighing.rules)
    answer = public.Findings(
        apiVersion=API_VERSION,
        kind="Findings",
        profile=opened.model.profile.name,
        findings=list(_findings(opened, facts, weighing.weighed(opened, said.found))),
        posture=[_posture(facts, p) for p in postures(facts) if opened.only in (None, p.namespace)],
        skipped=[public.Skipped(m.rule, m.skipped.about, m.skipped.lacks, m.skipped.flag or None) for m in said.missed],
        incomplete=list(opened.incomplete),
    )
    notes = weighing.notes
    if asked.write_baseline:
        notes = (_write_baseline(weighing.baseline, answer.findings),)
    return Checked(answer, public.Report(tuple(map(_rule, weighing.rules)), weighing.failing, __version__), notes)


def _write_baseline(path: str | None, findings: Iterable[public.Finding]) -> str:
    if path is None:
        raise InputError("--write-baseline: say which file, with --baseline or in the project file")
    return f"{path}: written, {write_baseline(path, findings)} findings"


def _rule(rule: Rule) -> public.RuleText:
    return public.RuleText(rule.id, rule.says, documentation(rule), rule.severity.word)


# Findings as public ones


def _findings(opened: Opened, facts: Facts, weighed: list[Weighed]) -> Iterator[public.Finding]:
    """Each with its place; all places of a text are looked up in one pass over it."""
    found = [one.found.finding for one in weighed]
    opened.positions.prepare((f.object.origin, f.path) for f in found if f.object.origin is not None)
    for one, finding in zip(weighed, found, strict=True):
        what = finding.object
        line = opened.positions.line(what.origin, finding.path) if what.origin else 0
        witness = finding.witness
        yield public.Finding(
            id=one.found.rule.id,
            severity=one.severity.word,
            object=_ref(opened, facts, what),
            path=field(finding.path),
            message=finding.message,
            advice=finding.advice,
            file=what.origin.source if what.origin else None,
            line=line or None,
            witness=public.Witness(witness.src, witness.dst, witness.protocol, witness.port) if witness else None,
            fixable=finding.fix is not None,
            unsafeFix=finding.fix is not None and not finding.fix.safe,
            suppressed=one.suppressed,
        )


def _ref(opened: Opened, facts: Facts, what: Object) -> Ref:
    owner = facts.owner(what.kind, what.namespace, what.name)
    if what.origin is None:
        return Ref(what.kind, what.namespace, what.name, owner, None, None)
    line = opened.positions.line(what.origin)
    owner = owner or opened.owners.of_file(what.origin.source)
    return Ref(what.kind, what.namespace, what.name, owner, what.origin.source, line or None)


def _posture(facts: Facts, posture: Posture) -> public.Posture:
    """One namespace, with those whose policies and workloads are in it."""
    bucket = facts.model.cluster.namespaces[posture.namespace]
    held = (located.object for located in (*bucket.policies, *bucket.workloads))
    owners = {facts.owner(kind_of(item), bucket.name, name_of(item.metadata)) for item in held}
    return public.Posture(
        namespace=posture.namespace,
        owners=sorted(owner for owner in owners if owner is not None),
        workloads=posture.workloads,
        withoutPolicy=posture.without_policy,
        ingressDefaultDeny=posture.ingress_denied,
        egressDefaultDeny=posture.egress_denied,
        dns=posture.dns,
        fromInternet=posture.from_internet,
        toInternet=posture.to_internet,
        reachableFrom=posture.reachable_from,
        score=posture.score,
        byOwner=[_owned(posture, *pair) for pair in posture.owned],
    )


def _owned(posture: Posture, owner: str, counts: Counts) -> public.Owned:
    return public.Owned(
        owner=owner,
        workloads=counts.workloads,
        withoutPolicy=counts.without_policy,
        fromInternet=counts.from_internet,
        toInternet=counts.to_internet,
        score=posture.score_of(counts),
    )


def pointed_at(opened: Opened, answer: public.Findings) -> dict[tuple[str, int], tuple[str, ...]]:
    """The lines that findings point at, by file and number, as far as the texts are at hand.

    A line that only opens something comes with those below it that say what.
    """
    wanted: dict[str, set[int]] = {}
    for finding in answer.findings:
        if finding.file and finding.line and finding.suppressed is None:
            wanted.setdefault(finding.file, set()).add(finding.line)
    found = {}
    for source, numbers in sorted(wanted.items()):
        lines = list(islice(opened.positions.lines(source, 1), max(numbers) + _MORE))
        for number in numbers:
            shown = tuple(_opening(lines[number - 1 : number + _MORE]))
            if shown:
                found[source, number] = shown
    return found


def _opening(lines: list[bytes]) -> Iterator[str]:
    """Lines up to the first that holds a value, without the indent of the first."""
    indent = 0
    for place, line in enumerate(lines):
        text = line.decode(errors="replace").expandtabs().rstrip()
        indent = indent if place else len(text) - len(text.lstrip())
        yield text[indent:] if not text[:indent].strip() else text.lstrip()
        if not text.endswith(_OPENS):
            return
