"""podwall verdict: many questions, JSON Lines in and out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from podwall.engine.model import Model
from podwall.engine.questions import Question, split_port
from podwall.engine.rules import AnyPeer, AnyPort, Direction, Tier
from podwall.engine.verdict import Connection, Side, Verdict
from podwall.errors import InputError, UnknownReference
from podwall.ops.inputs import Opened
from podwall.ops.references import Refs

__all__ = ["Answer", "answers", "lines_of"]

Answer = dict[str, object]

_WORDS = {int: "number", str: "text"}
_PEERS = {Direction.EGRESS: "to", Direction.INGRESS: "from"}
_TIERS = {Tier.ADMIN: "Admin", Tier.NETWORK_POLICY: "NetworkPolicy", Tier.BASELINE: "Baseline"}

_FIELDS: dict[str, tuple[type, ...]] = {
    "src": (str,),
    "dst": (str,),
    "protocol": (str,),
    "port": (int, str),
    "family": (int,),
}


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
    decode = msgspec.json.Decoder().decode
    for line in lines:
        if not line.strip():
            continue
        try:
            asked = decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            yield {"query": line.decode(errors="replace").strip(), "error": f"not a JSON object: {error}"}
            continue
        if not isinstance(asked, dict):
            yield {"query": asked, "error": "not a JSON object"}
            continue
        try:
            answer = _answer(opened.model, _question(asked), refs)
        except UnknownReference as error:
            answer = {"error": str(error)}
        if opened.incomplete:
            answer["incomplete"] = opened.incomplete
        yield {**asked, **answer}


def _question(asked: dict[str, object]) -> Question:
    for name, sort in _FIELDS.items():
        value = asked.get(name)
        if value is not None and (not isinstance(value, sort) or isinstance(value, bool)):
            raise UnknownReference(f"{name}: {value!r} is not a {' or '.join(_WORDS[s] for s in sort)}")
    src, dst = asked.get("src"), asked.get("dst")
    if not isinstance(src, str) or not isinstance(dst, str):
        raise UnknownReference(f"a question needs {'src' if not isinstance(src, str) else 'dst'}")
    dst, embedded = split_port(dst)
    port = asked.get("port", embedded)
    family = asked.get("family")
    if not isinstance(port, int | str):
        raise UnknownReference("a question needs a port: a number, or the name of the destination's port")
    if family not in (None, 4, 6):
        raise UnknownReference(f"family: {family!r} is not 4 or 6")
    return Question(split_port(src)[0], dst, port, str(asked.get("protocol") or "TCP"), family)


def _answer(model: Model, asked: Question, refs: Refs | None) -> Answer:
    found = model.questions.connections(asked)
    verdicts = [model.judge.verdict(c) for c in found.connections]
    answer: Answer = {
        "family": found.connections[0].family,
        "verdict": _word(all(v.allowed for v in verdicts)),
        "egress": _word(all(v.egress.allowed for v in verdicts)),
        "ingress": _word(all(v.ingress.allowed for v in verdicts)),
    }
    if found.backends is not None:
        answer["backends"] = found.backends
    if _assumed(verdicts):
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


def _assumed(verdicts: list[Verdict]) -> bool:
    return any(v.assumed for v in verdicts)


def _word(allowed: bool) -> str:  # noqa: FBT001 - what is said of it is the whole function
    return "allow" if allowed else "deny"
