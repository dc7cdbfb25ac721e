"""podwall explain: why a connection is allowed or denied, and what would turn it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from podwall.engine.ports import Answer, all_ports
from podwall.engine.questions import Question, split_port, split_protocol
from podwall.engine.sets import PortSet
from podwall.engine.verdict import Connection
from podwall.errors import UnknownReference
from podwall.ops.evidence import Evidence, allow_or_deny, by_name
from podwall.ops.inputs import Opened
from podwall.report import public_explanation as public
from podwall.report.public import API_VERSION, Port
from podwall.text.excerpt import Line

__all__ = ["Asking", "Explained", "asking", "excerpts", "explain"]

_Rule: TypeAlias = public.Decision | public.NearMiss

_ANY_PORT = 1  # whichever: all ports are gone through


class Asking(Struct, frozen=True):
    """What is asked, each part once; `port` is None for all ports. `change`: also what would deny it."""

    src: str
    dst: str
    port: int | str | None = None
    protocol: str = "TCP"
    family: int | None = None
    change: bool = False


class Explained(Struct, frozen=True):
    """The public answer, and the lines of its rules, by file and line, for whoever shows them."""

    answer: public.Explanation
    excerpts: dict[tuple[str, int], tuple[Line, ...]]

    @property
    def allowed(self) -> bool:
        """Whether the connection, or one on some port, is allowed."""
        return self.answer.verdict == "allow"


def asking(src: str, dst: str, port: str | None, *, family: int | None = None, change: bool = False) -> Asking:
    """`SRC DST[:PORT] [PORT]` as typed; a port is `53`, `http`, `53/udp` or `udp/53`. Raises UnknownReference."""
    name, embedded = split_port(dst)
    if embedded is not None and port is not None and embedded != port:
        raise UnknownReference(f"{dst} names a port, and {port} another one: give it once")
    given = port if port is not None else embedded
    number, protocol = (None, None) if given is None else split_protocol(given)
    return Asking(split_port(src)[0], name, number, protocol or "TCP", family, change)


def explain(opened: Opened, asked: Asking) -> Explained:
    """The answer with everything that it rests on. Raises UnknownReference."""
    evidence = Evidence(opened)
    if asked.port is not None:
        answer = _at_port(opened, evidence, asked, asked.port)
    else:
        answer = _all_ports(opened, evidence, asked)
    return Explained(answer, dict(excerpts(answer, evidence)))


def _at_port(opened: Opened, evidence: Evidence, asked: Asking, port: int | str) -> public.Explanation:
    question = Question(asked.src, asked.dst, port, asked.protocol, asked.family)
    found = opened.model.questions.connections(question)
    reasons = [evidence.connection(connection) for connection in found.connections]
    answer = _answer(opened, asked, found.connections, [r.verdict for r in reasons])
    answer = msgspec.structs.replace(answer, otherFamily=_other_family(opened, question, answer))
    answer = _with_changes(opened, evidence, answer, _turned(found.connections, reasons, asked))
    if found.backends is not None or len(reasons) > 1:
        return msgspec.structs.replace(answer, backends=sorted(reasons, key=lambda r: (r.src, r.dst, r.port)))
    (only,) = reasons
    return msgspec.structs.replace(
        answer, changesFor=UNSET, src=only.src, dst=only.dst, port=only.port, egress=only.egress, ingress=only.ingress
    )


def _with_changes(
    opened: Opened, evidence: Evidence, answer: public.Explanation, turned: Connection | None
) -> public.Explanation:
    if turned is None:
        return answer
    from podwall.ops.changing import changes_of  # a tenth of all modules, for denials only

    changes, refused = changes_of(opened, evidence.refs, turned)
    whom = f"{turned.source.name} -> {turned.destination.name} {turned.protocol} {turned.port}"
    return msgspec.structs.replace(answer, changesFor=whom, changes=changes, refused=refused)


def _turned(connections: Sequence[Connection], reasons: Sequence[public.Explained], asked: Asking) -> Connection | None:
    """The connection that a change should turn: the first that is denied, or the only one where that is wanted."""
    denied = [connection for connection, r in zip(connections, reasons, strict=True) if r.verdict == "deny"]
    if denied:
        return denied[0]
    return connections[0] if asked.change and len(connections) == 1 else None


def _other_family(opened: Opened, question: Question, answer: public.Explanation) -> public.OtherFamily | UnsetType:
    if question.family is not None:
        return UNSET
    family = 10 - answer.family  # 4 or 6
    try:
        found = opened.model.questions.connections(msgspec.structs.replace(question, family=family)).connections
    except UnknownReference:  # the ends do not both have it
        return UNSET
    verdict = allow_or_deny(all(opened.model.judge.verdict(connection).allowed for connection in found))
    return UNSET if verdict == answer.verdict else public.OtherFamily(family, verdict)


def _all_ports(opened: Opened, evidence: Evidence, asked: Asking) -> public.Explanation:
    """All ports of a pair, or the ports that a Service has, each with those behind it."""
    questions = opened.model.questions
    service = questions.service_ports(asked.dst)
    if service is not None:
        return _service(opened, evidence, asked, service)
    found = questions.connections(Question(asked.src, asked.dst, _ANY_PORT, family=asked.family)).connections
    if len(found) > 1:
        raise UnknownReference(f"{asked.src} stands for {len(found)} endpoints: give a port, or one of them")
    (connection,) = found
    answers = all_ports(opened.model.judge, connection)
    answer = _answer(opened, asked, found, [_some(answers)])
    ports = [_reasons(evidence, one) for one in answers]
    return msgspec.structs.replace(
        answer, src=connection.source.name, dst=connection.destination.name, protocol=None, ports=ports
    )


def _some(answers: list[Answer]) -> str:
    return allow_or_deny(any(one.verdict.allowed for one in answers))


def _service(
    opened: Opened, evidence: Evidence, asked: Asking, ports: tuple[tuple[str, int], ...]
) -> public.Explanation:
    if not ports:
        raise UnknownReference(f"Service {asked.dst} has no ports in the input")
    connections: list[Connection] = []
    verdicts: list[str] = []
    backends: list[public.Explained] = []
    for protocol, number in ports:
        found = opened.model.questions.connections(Question(asked.src, asked.dst, number, protocol, asked.family))
        reasons = [evidence.connection(connection) for connection in found.connections]
        connections += found.connections
        backends += reasons
        verdicts.append(allow_or_deny(all(r.verdict == "allow" for r in reasons)))
    answer = _answer(opened, asked, tuple(connections), [allow_or_deny("allow" in verdicts)])
    answer = _with_changes(opened, evidence, answer, _turned(connections, backends, asked))
    ordered = sorted(backends, key=lambda r: (r.protocol, r.port, r.src, r.dst))
    return msgspec.structs.replace(answer, protocol=None, backends=ordered)


def _answer(
    opened: Opened, asked: Asking, connections: tuple[Connection, ...], verdicts: list[str]
) -> public.Explanation:
    judged = [opened.model.judge.verdict(connection) for connection in connections]
    return public.Explanation(
        apiVersion=API_VERSION,
        kind="Explanation",
        src=asked.src,
        dst=asked.dst,
        protocol=asked.protocol,
        port=asked.port,
        family=connections[0].family,
        verdict=allow_or_deny("deny" not in verdicts),
        profile=opened.model.profile.name,
        assumed="pod-cidr" if any(verdict.assumed for verdict in judged) else UNSET,
        byName=any(map(by_name, connections)) or UNSET,
        incomplete=list(opened.incomplete),
    )


def _reasons(evidence: Evidence, answer: Answer) -> public.PortReasons:
    explained = evidence.connection(answer.asked)
    names = [p for p in answer.asked.destination.member.ports if (p.protocol, p.number) in answer.ports]
    return public.PortReasons(
        ports=_ports(answer.ports),
        named={f"{p.protocol} {p.number}": p.name for p in sorted(names, key=lambda p: (p.protocol, p.number))},
        verdict=explained.verdict,
        egress=explained.egress,
        ingress=explained.ingress,
    )


def _ports(ports: PortSet) -> list[Port]:
    return [Port(*span) for span in ports.ranges()]


def excerpts(answer: public.Explanation, evidence: Evidence) -> Iterator[tuple[tuple[str, int], tuple[Line, ...]]]:
    """The lines of the rules that decide on each side, else of the nearest miss, by where they stand."""
    for side in _sides(answer):
        shown: Iterable[_Rule] = (*side.decidedBy[:1], *side.passed, *side.nearMisses[:1])
        for found in shown:
            if found.policy.file and found.line:
                yield (found.policy.file, found.line), evidence.excerpt(found)


def _sides(answer: public.Explanation) -> Iterator[public.SideReasons]:
    backends = answer.backends or ()
    for one in (answer, *backends):
        for side in (one.egress, one.ingress):
            if isinstance(side, public.SideReasons):
                yield side
