"""The machine format of `check` (interface.md) as Structs: findings, and the posture of each namespace."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from podwall.report.public import Ref

__all__ = [
    "ANNOTATION",
    "BASELINE",
    "Finding",
    "Findings",
    "Owned",
    "Posture",
    "Report",
    "RuleText",
    "Skipped",
    "Suppression",
    "Witness",
    "fingerprint",
    "fingerprint_of",
    "fingerprints",
]

ANNOTATION, BASELINE = "annotation", "baseline"


class Witness(Struct, frozen=True, order=True):
    """A connection that shows a finding; `podwall explain` takes it as it is."""

    src: str
    dst: str
    protocol: str
    port: int


class Suppression(Struct, frozen=True):
    """Why a finding does not count, until when (a date, inclusive), and what says so: annotation or baseline."""

    reason: str
    until: str | None
    by: str


class Finding(Struct, frozen=True):
    """One finding. `object` has the line of the object, `file` and `line` are those of the field at `path`.

    `unsafeFix` says that its fix takes `--unsafe-fixes`; one that closes something takes it in any case.
    """

    id: str
    severity: str
    object: Ref
    path: str
    message: str
    advice: str
    file: str | None
    line: int | None
    witness: Witness | None
    fixable: bool
    unsafeFix: bool  # noqa: N815 - the public spelling
    suppressed: Suppression | None


class Owned(Struct, frozen=True):
    """The workloads of one owner in a namespace, as in Posture."""

    owner: str
    workloads: int
    withoutPolicy: int  # noqa: N815 - the public spelling
    fromInternet: int  # noqa: N815 - the public spelling
    toInternet: int  # noqa: N815 - the public spelling
    score: int


class Posture(Struct, frozen=True):
    """One namespace. Counts are of its workloads as they are shown; `score` is 0–100.

    `dns` is ok, broken or unknown. `reachableFrom` counts other namespaces that can open a connection into it;
    `fromInternet` and `toInternet` its workloads that are open to, or can reach, addresses outside of private ranges.
    `byOwner` has the same of each owner of workloads that is known; `owners` are those of its policies, too.
    """

    namespace: str
    owners: list[str]
    workloads: int
    withoutPolicy: int  # noqa: N815 - the public spelling
    ingressDefaultDeny: bool  # noqa: N815 - the public spelling
    egressDefaultDeny: bool  # noqa: N815 - the public spelling
    dns: str
    fromInternet: int  # noqa: N815 - the public spelling
    toInternet: int  # noqa: N815 - the public spelling
    reachableFrom: int  # noqa: N815 - the public spelling
    score: int
    byOwner: list[Owned]  # noqa: N815 - the public spelling


class Skipped(Struct, frozen=True):
    """What a check says nothing about, because the input lacks a fact; `flag` is the one that gives it, if one does."""

    id: str
    about: str
    lacks: str
    flag: str | None


class Findings(Struct, frozen=True):
    """All that `check` says, worst first."""

    apiVersion: str  # noqa: N815 - the public spelling
    kind: str
    profile: str
    findings: list[Finding]
    posture: list[Posture]
    skipped: list[Skipped]
    incomplete: list[str]


class RuleText(Struct, frozen=True):
    """What is said of a rule itself: its line in the catalogue, its documentation in Markdown, its own severity."""

    id: str
    says: str
    help: str
    severity: str


class Report(Struct, frozen=True):
    """What some formats say beside the findings: the rules that were asked, the severities that fail, the version."""

    rules: tuple[RuleText, ...]
    failing: frozenset[str]
    version: str


def fingerprint(finding: Finding) -> str:
    """The same for the same slip, wherever the file and the line have moved: rule, object and path."""
    ref = finding.object
    return fingerprint_of((finding.id, ref.kind, ref.namespace, ref.name, finding.path))


def fingerprints(findings: Sequence[Finding]) -> list[str]:
    """Theirs, for services that take each one once: two of one rule, object and path are told apart by their number."""
    seen: Counter[str] = Counter()
    marks = []
    for mark in map(fingerprint, findings):
        seen[mark] += 1
        marks.append(mark if seen[mark] == 1 else f"{mark}-{seen[mark]}")
    return marks


def fingerprint_of(parts: tuple[str, str, str, str, str]) -> str:
    """That of a rule's id, an object's kind, namespace and name, and a path."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
