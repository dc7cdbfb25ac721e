"""Every port of a pair of ends, cut where a rule can tell two ports apart, and put together where the reasons agree."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.judge import Judge, ports_on
from podwall.engine.rules import Direction, PolicyRef
from podwall.engine.sets import PROTOCOLS, PortSet, cut
from podwall.engine.verdict import Connection, Match, Side, Verdict

__all__ = ["Answer", "all_ports"]


class Answer(Struct, frozen=True):
    """Ports that the same rules and peers decide alike; `asked` is about one of them, with a name if any has one."""

    ports: PortSet
    asked: Connection
    verdict: Verdict


def all_ports(judge: Judge, asked: Connection) -> list[Answer]:
    """Every port of the connection's ends, whatever it asks for: allowed first, most ports last."""
    source, destination = asked.source, asked.destination
    rules = (*judge.rules(Direction.EGRESS, source), *judge.rules(Direction.INGRESS, destination))
    found: dict[object, Answer] = {}
    for piece in cut(ports_on(rule.ports, destination.member) for rule in rules):
        protocol, port = _witness(piece, destination.member)
        one = msgspec.structs.replace(asked, protocol=protocol, port=port)
        verdict = judge.verdict(one)
        key = _reasons(verdict.egress), _reasons(verdict.ingress)
        known = found.get(key)
        if known is None:
            found[key] = Answer(piece, one, verdict)
        else:
            found[key] = _joined(known, Answer(piece, one, verdict), destination.member)
    return sorted(found.values(), key=lambda one: (not one.verdict.allowed, _size(one.ports), one.ports.spans))


def _size(ports: PortSet) -> int:
    return sum(last - first for first, last in ports.spans)


def _joined(known: Answer, other: Answer, destination: Endpoint) -> Answer:
    ports = known.ports | other.ports
    named = _named(other.ports, destination)
    better = named is not None and _named(known.ports, destination) is None
    chosen = other if better else known
    return Answer(ports, chosen.asked, chosen.verdict)


def _reasons(side: Side) -> tuple[object, ...]:
    return side.reason, _places(side.matches), _places(side.passed)


def _places(matches: Sequence[Match]) -> tuple[tuple[PolicyRef, str, int], ...]:
    return tuple((match.rule.policy, match.rule.path, match.peer) for match in matches)


def _witness(ports: PortSet, destination: Endpoint) -> tuple[str, int]:
    named = _named(ports, destination)
    if named is not None:
        return named
    first = ports.spans[0][0]
    return PROTOCOLS[first >> 16], first & 0xFFFF


def _named(ports: PortSet, destination: Endpoint) -> tuple[str, int] | None:
    """The first of the ports that a container has a name for."""
    return min(((p.protocol, p.number) for p in destination.ports if (p.protocol, p.number) in ports), default=None)
