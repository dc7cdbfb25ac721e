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
from podwall.engine.rules import AnyPeer, AnyPort, Direction, Tier
from podwall.engine.verdict import Connection, Side, Verdict
from podwall.errors import InputError, UnknownReference
from podwall.ops.inputs import Opened
from podwall.ops.references import Refs

__all__ = ["Answer", "answers", "lines_of"]

Answer = dict[str, object]
_PEERS = {Direction.EGRESS: "to", Direction.INGRESS: "from"}
_TIERS = {Tier.ADMIN: "Admin", Tier.NETWORK_POLICY: "NetworkPolicy", Tier.BASELINE: "Baseline"}


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
    refs = Refs(opened) if trace else None
    read, echo = msgspec.json.Decoder(_Query), msgspec.json.Decoder(dict[str, Raw])
    for line in lines:
        if line.strip():
            answer: Answer
            try:
                answer = _answer(opened.model, _question(read.decode(line)), refs)
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


def _answer(model: Model, asked: Question, refs: Refs | None) -> Answer:
    found = model.questions.connections(asked)
    verdicts = [model.judge.verdict(c, evidence=refs is not None) for c in found.connections]
    egress = all([v.egress.allowed for v in verdicts])
    ingress = all([v.ingress.allowed for v in verdicts])
    answer: Answer = {
        "family": found.connections[0].family,
        "verdict": _word(egress and ingress),
        "egress": _word(egress),
        "ingress": _word(ingress),
    }
    if found.backends is not None:
        answer["backends"] = found.backends
    if any([v.assumed for v in verdicts]):
        answer["assumed"] = "pod-cidr"
    if refs is not None:
        answer["trace"] = [_trace(c, v, refs) for c, v in zip(found.connections, verdicts, strict=True)]
    return answer


def _trace(connection: Connection, verdict: Verdict, refs: Refs) -> Answer:
    return {
        "src": connection.source.name,
        "dst": connection.destination.name,
        "protocol": connection.protocol,
        "port": connection.port,
        "verdict": _word(verdict.allowed),
        "egress": _side(verdict.egress, refs),
        "ingress": _side(verdict.ingress, refs),
    }


def _side(side: Side, refs: Refs) -> Answer:
    return {
        "verdict": _word(side.allowed),
        "reason": side.reason.value,
        "isolated": bool(side.isolated_by),
        "isolatedBy": [refs[i.policy] for i in side.isolated_by],
        "decidedBy": [
            {
                "policy": refs[m.rule.policy],
                "tier": _TIERS[m.rule.tier],
                "action": m.rule.action.value,
                "rule": m.rule.path,
                "peer": None if isinstance(m.rule.peers[m.peer], AnyPeer) else f"{_PEERS[side.direction]}[{m.peer}]",
                "port": None if isinstance(m.rule.ports[m.port], AnyPort) else f"ports[{m.port}]",
            }
            for m in side.matches
        ],
    }


def _word(allowed: bool) -> str:  # noqa: FBT001 - what is said of it is the whole function
    return "allow" if allowed else "deny"
