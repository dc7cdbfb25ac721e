"""podwall verdict: many questions, JSON Lines in and out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from podwall.engine.model import Model
from podwall.engine.questions import Question, split_port
from podwall.errors import InputError, UnknownReference
from podwall.ops.evidence import Evidence, allow_or_deny
from podwall.ops.inputs import Opened

__all__ = ["Answer", "answers", "lines_of"]

Answer = dict[str, object]


class _Query(Struct, frozen=True):
    """A line of the input; what else it holds is handed back as it came."""

    src: str
    dst: str
    port: int | str | None = None
    protocol: str | None = None
    family: Literal[4, 6] | None = None


def lines_of(queries: str) -> Iterable[bytes]:
    """The lines of a file of questions, or of standard input for `-`. Raises InputError."""
    if queries == "-":
        return sys.stdin.buffer
    try:
        return Path(queries).read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"--queries {queries}: cannot be read: {error.strerror}") from None


def answers(opened: Opened, lines: Iterable[bytes], *, trace: bool) -> Iterator[Answer]:
    """One answer for each line that is not blank, in order; a question that cannot be answered gets an `error`."""
    evidence = Evidence(opened) if trace else None
    read, echo = msgspec.json.Decoder(_Query), msgspec.json.Decoder(dict[str, Raw])
    for line in lines:
        if line.strip():
            answer: Answer
            try:
                answer = _answer(opened.model, _question(read.decode(line)), evidence)
            except (UnknownReference, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                answer = {"error": str(error)}
            if opened.incomplete:
                answer["incomplete"] = opened.incomplete
            yield {**_echoed(line, echo), **answer}


def _echoed(line: bytes, decoder: msgspec.json.Decoder[dict[str, Raw]]) -> Answer:
    """The question's own fields; the whole line where it has none."""
    try:
        return dict(decoder.decode(line))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {"query": line.decode(errors="replace").strip()}


def _question(asked: _Query) -> Question:
    dst, embedded = split_port(asked.dst)
    port = embedded if asked.port is None else asked.port
    if port is None:
        raise UnknownReference("a question needs a port: a number, or the name of the destination's port")
    return Question(split_port(asked.src)[0], dst, port, asked.protocol or "TCP", asked.family)


def _answer(model: Model, asked: Question, evidence: Evidence | None) -> Answer:
    found = model.questions.connections(asked)
    verdicts = [model.judge.verdict(c, evidence=evidence is not None) for c in found.connections]
    egress = all([v.egress.allowed for v in verdicts])
    ingress = all([v.ingress.allowed for v in verdicts])
    answer: Answer = {
        "family": found.connections[0].family,
        "verdict": allow_or_deny(egress and ingress),
        "egress": allow_or_deny(egress),
        "ingress": allow_or_deny(ingress),
    }
    if found.backends is not None:
        answer["backends"] = found.backends
    if any([v.assumed for v in verdicts]):
        answer["assumed"] = "pod-cidr"
    if evidence is not None:
        answer["trace"] = [evidence.connection(c) for c in found.connections]
    return answer
