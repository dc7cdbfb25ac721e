"""One random application: what is found in it against what it declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.applications.application import Application, Statement
from benchmarks.applications.judge import Judgement
from podwall.needs.need import Evidence


def differences(application: Application) -> list[str]:
    """Declared needs and questions that are not found, found ones that nothing declares, and Secrets passed over."""
    return list(_differences(Judgement(application)))


def _differences(judged: Judgement) -> Iterator[str]:
    for statement in judged.missed:
        yield f"missed: {_said(statement)}"
    for connection, evidence in judged.wrong.items():
        yield f"made up: {connection} by {_seen(judged, connection.source, evidence)}"
    for question in judged.wrong_questions:
        asking = f"{question.subject.namespace}/{question.subject.name}"
        yield f"asked for nothing: {question.asks} by {_seen(judged, asking, question.evidence)}"
    for workload, kind, name in judged.silent:
        yield f"passed over in silence: {kind} {name} of {workload}"


def _said(statement: Statement) -> str:
    meant = statement.asked or ", ".join(map(str, sorted(statement.connections)))
    return f"{statement.form} in {statement.place}, {statement.host or 'no host'}, {statement.mark!r}: {meant}"


def _seen(judged: Judgement, subject: str, evidence: Sequence[Evidence]) -> str:
    blamed = judged.blamed(subject, evidence)
    return f"{evidence[0].about} {evidence[0].says!r}" + (f" ({blamed.form} in {blamed.place})" if blamed else "")
