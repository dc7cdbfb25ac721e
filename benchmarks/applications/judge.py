"""What Podwall finds in an application, held against what was declared: what it misses, and what it makes up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from benchmarks.applications.application import ADDRESSES, EVERYONE, Application, Asked, Connection, Statement
from podwall.cluster.endpoints import Endpoint
from podwall.needs.application import Application as Looked
from podwall.needs.need import Evidence, Found, Question
from podwall.needs.party import Party
from podwall.needs.registry import find
from podwall.needs.site import Site
from podwall.ops.inputs import Gathered, Inputs, Opened, open_gathered
from podwall.sources.evidence import read_topology
from podwall.sources.files import Text

__all__ = ["Judgement", "connections_of", "opened", "texts_of"]

_RANGE = 64  # ports of a range that are told one by one; nothing declares more


def texts_of(application: Application) -> tuple[Text, ...]:
    """The files of an application, as Podwall takes them."""
    return tuple(Text(name, data) for name, data in application.texts.items())


def opened(application: Application) -> Opened:
    """The cluster that an application's files are read as."""
    return open_gathered(Inputs(), Gathered(texts_of(application)))


class Judgement:
    """One application with what is found in it."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.opened = opened(application)
        site = Site(self.opened.model, given=True)
        self.site = site
        self.found: Found = find(Looked(site, read_topology(texts_of(application), (), self.opened.model.namespace)))

    @cached_property
    def connections(self) -> dict[Connection, list[Evidence]]:
        """Every connection that is found, with what it was found in."""
        out: dict[Connection, list[Evidence]] = {}
        for need in self.found.needs:
            for connection in connections_of(self.site, need.sources, need.destinations, need.ports.ranges()):
                out.setdefault(connection, []).extend(need.evidence)
        return out

    def is_found(self, statement: Statement) -> bool:
        """Whether all that a statement declares is found, or the question that it must leave."""
        if statement.asked is not None:
            return any(_answers(question, statement.asked) for question in self.found.questions)
        return statement.connections <= self.connections.keys()

    @cached_property
    def missed(self) -> list[Statement]:
        """Statements of which something is not found."""
        return [one for one in self.application.statements if not one.is_noise and not self.is_found(one)]

    @cached_property
    def wrong(self) -> dict[Connection, list[Evidence]]:
        """Connections that are found, though nothing declares them."""
        meant = self.application.needs | self.application.tolerated
        return {one: self.connections[one] for one in sorted(self.connections.keys() - meant)}

    @cached_property
    def wrong_questions(self) -> list[Question]:
        """Questions that nothing gives a reason for."""
        asked = self.application.asked
        return [q for q in self.found.questions if not any(_answers(q, one) for one in asked)]

    @cached_property
    def silent(self) -> list[tuple[str, str, str]]:
        """What a workload refers to and nobody can read, without a word about it."""
        return sorted(one for one in self.application.unseen if not self._is_told(*one))

    def _is_told(self, workload: str, kind: str, name: str) -> bool:
        for one in self.found.unseen:
            _, namespace, about = one.evidence.about
            if f"{namespace}/{about}" == workload and name in f"{one.what} {one.evidence.says}" and kind in one.what:
                return True
        return False

    def blamed(self, subject: str, evidence: Iterable[Evidence]) -> Statement | None:
        """The statement that something about a workload was found in; None where that cannot be told."""
        every = [one for one in self.application.statements if one.subject in ("", subject) or _is_about(one, subject)]
        return next((one for e in evidence for one in self._told_by(every, e)), None)

    def _told_by(self, statements: list[Statement], evidence: Evidence) -> Iterator[Statement]:
        """The likeliest first: what the evidence says has its mark, or its host; then what stands there."""
        texts = [one for one in statements if one.subject]
        says, tokens = _words(evidence.says), sorted(re.findall(r"[\w.-]+", evidence.says), key=len, reverse=True)
        yield from sorted((one for one in texts if _words(one.mark) in says), key=lambda one: -len(one.mark))
        there = _words(json.dumps(self._value(evidence)))
        near = [one for one in texts if _words(one.mark) in there]
        yield from (one for token in tokens[:2] for one in (*near, *texts) if token in one.written)
        yield from (one for one in statements if not one.subject and one.mark == evidence.about[2])
        yield from near

    def _value(self, evidence: Evidence) -> object:
        """What stands at the place, with its own key."""
        at: object = next((o for o in self.application.objects if _is(o, evidence)), None)
        for step in evidence.path:
            if isinstance(at, dict):
                at = at.get(step)
            elif isinstance(at, list) and isinstance(step, int) and step < len(at):
                at = at[step]
        return [*evidence.about, *evidence.path[-1:], at]


def _is_about(statement: Statement, subject: str) -> bool:
    """Whether it is shared by several workloads, one of which this is."""
    return any(connection.source == subject for connection in statement.connections)


def _is(item: dict[str, object], evidence: Evidence) -> bool:
    meta = item["metadata"]
    return isinstance(meta, dict) and (item["kind"], meta.get("namespace", ""), meta["name"]) == evidence.about


def _words(text: str) -> str:
    return " " + re.sub(r"[\W_]+", " ", text.upper()).strip() + " "


def connections_of(
    site: Site, sources: Party, destinations: Party, ports: Iterable[tuple[str, int, int]]
) -> Iterator[Connection]:
    """Every connection from one party to another, workload by workload."""
    to = sorted(_ends(site, destinations))
    spans = [(protocol, first, min(last, first + _RANGE)) for protocol, first, last in ports]
    for source in sorted(_ends(site, sources)):
        for destination in to:
            for protocol, first, last in spans:
                for port in range(first, last + 1):
                    yield Connection(source, destination, protocol, port)


def _ends(site: Site, party: Party) -> set[str]:
    if party.anyone:
        return {EVERYONE}
    found = {_key(endpoint) for endpoint in site.model.endpoints if party.has_pod(endpoint)}
    return found | ({ADDRESSES} if party.cidrs or party.outside else set())


def _key(endpoint: Endpoint) -> str:
    return f"{endpoint.namespace}/{endpoint.controller.name if endpoint.controller else endpoint.name}"


def _answers(question: Question, asked: Asked) -> bool:
    """Whether it is the question that must be asked."""
    subject = f"{question.subject.namespace}/{question.subject.name}"
    peer = question.peer.rpartition("://")[2]
    known = {peer, peer.removesuffix("."), re.sub(r":\d+$", "", peer)}
    return (subject, question.direction.value) == (asked.subject, asked.direction) and bool(known & asked.peers)
