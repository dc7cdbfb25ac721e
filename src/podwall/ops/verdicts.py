"""podwall verdict: many questions, JSON Lines in and out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from podwall.engine.model import Model
from podwall.engine.questions import Question, split_port, split_protocol
from podwall.errors import InputError, UnknownReference
from podwall.ops.evidence import Evidence, allow_or_deny, by_name
from podwall.ops.inputs import Opened

__all__ = ["Answer", "answers", "lines_of"]

Answer = dict[str, object]
_WANTED = {
    "src": "expected text: the name or address of an end",
    "dst": "expected text: the name or address of an end",
    "port": "expected a whole number, or the name of the destination's port",
    "protocol": "expected text: TCP, UDP or SCTP",
    "family": "expected 4 or 6",
}


class _Query(Struct, frozen=True):
    """A line of the input; what else it holds is handed back as it came."""

    src: str
    dst: str
    port: int | str | None = None
    protocol: str | None = None
    family: Literal[4, 6] | None = None


_READ = msgspec.json.Decoder(_Query)
_ECHO: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(dict[str, Raw])


def lines_of(queries: str) -> Iterator[bytes]:
    """The lines of a file of questions, or of standard input for `-`. Raises InputError."""
    if queries == "-":
        if sys.stdin is None:
            raise InputError("--queries -: standard input is closed")
        return _unmarked(sys.stdin.buffer)
    try:
        return _unmarked(Path(queries).read_bytes().splitlines())
    except OSError as error:
        raise InputError(f"--queries {queries}: cannot be read: {error.strerror}") from None


def _unmarked(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Without the byte order mark that some editors begin a file with."""
    rest = iter(lines)
    yield from (line.removeprefix(b"\xef\xbb\xbf") for line in islice(rest, 1))
    yield from rest


def answers(opened: Opened, lines: Iterable[bytes], *, trace: bool) -> Iterator[Answer]:
    """One answer for each line that is not blank, in order; a question that cannot be answered gets an `error`."""
    evidence = Evidence(opened) if trace else None
    for line in lines:
        if line.strip():
            answer = _echoed(line)
            try:
                answer.update(_answer(opened.model, _question(_READ.decode(line)), evidence))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
                answer["error"] = _explained(error)
            except UnknownReference as error:
                answer["error"] = str(error)
            if opened.incomplete:
                answer["incomplete"] = opened.incomplete
            yield answer


def _echoed(line: bytes) -> Answer:
    """The question's own fields; the whole line where it has none."""
    try:
        return _ECHO.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {"query": line.decode(errors="replace").strip()}


def _explained(error: Exception) -> str:
    """What the decoder says of a line, with the field that it is about."""
    message, _, place = str(error).partition(" - at `$.")
    if isinstance(error, msgspec.ValidationError) and place:
        return f"{place.rstrip('`')}: {_WANTED[place.rstrip('`')]}"
    if isinstance(error, msgspec.ValidationError):
        return f"a question needs {message.split('`')[1]}" if "required" in message else "a question is a JSON object"
    return f"not JSON: {message.removeprefix('JSON is malformed: ')}"


def _question(asked: _Query) -> Question:
    port: int | str | None
    dst, port = split_port(asked.dst)
    if asked.port is not None:
        if port is not None and port != str(asked.port):
            raise UnknownReference(f"dst names port {port}, and port says {asked.port}: give it once")
        port = asked.port
    if port is None:
        raise UnknownReference("a question needs a port: a number, or the name of the destination's port")
    protocol = asked.protocol.upper() if asked.protocol else None
    if isinstance(port, str):
        port, named = split_protocol(port)
        if None not in (named, protocol) and named != protocol:
            raise UnknownReference(f"the port is of {named}, and protocol says {asked.protocol}: give it once")
        protocol = named or protocol
    return Question(split_port(asked.src)[0], dst, port, protocol or "TCP", asked.family)


def _answer(model: Model, asked: Question, evidence: Evidence | None) -> Answer:
    found = model.questions.connections(asked)
    egress = ingress = True
    assumed = False
    for connection in found.connections:
        verdict = model.judge.verdict(connection, evidence=evidence is not None)
        egress = egress and verdict.egress.allowed
        ingress = ingress and verdict.ingress.allowed
        assumed = assumed or verdict.assumed
    answer: Answer = {
        "family": found.connections[0].family,
        "verdict": allow_or_deny(egress and ingress),
        "egress": allow_or_deny(egress),
        "ingress": allow_or_deny(ingress),
    }
    if found.backends is not None:
        answer["backends"] = found.backends
    if assumed:
        answer["assumed"] = "pod-cidr"
    if any(map(by_name, found.connections)):
        answer["byName"] = True
    if evidence is not None:
        answer["trace"] = [evidence.connection(c) for c in found.connections]
    return answer
