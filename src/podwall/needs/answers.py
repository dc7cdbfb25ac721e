"""What people say to questions: whom a workload needs that manifests do not tell, or that it needs nobody there.

The file is read by `ops`; here its words are weighed against the questions, and become needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from podwall.engine.references import ServiceRef
from podwall.engine.rules import Direction
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.errors import CannotWrite, PodwallError
from podwall.needs.need import Found, Need, Question, Sureness
from podwall.needs.party import Party
from podwall.needs.site import Site

__all__ = ["Answer", "Answers", "Settled", "Wrong", "settle"]

API_VERSION, KIND = "podwall.io/v1", "Answers"


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to one question, by its words; without `allow` and `deny` it is open still."""

    question: Annotated[
        str, Meta(description="As lockdown asks it: shop/web -> api.example.com; * -> api.example.com for all who ask")
    ] = ""
    allow: Annotated[list[str], Meta(description="CIDRs, addresses, NS/WORKLOAD, NS/service/NAME or NS/*")] = []
    ports: Annotated[list[int | str], Meta(description="443, 53/udp, http; else those of the question")] = []
    deny: Annotated[bool, Meta(description="Nobody is needed there.")] = False
    because: str = ""


class Answers(Struct, frozen=True, forbid_unknown_fields=True, rename={"api_version": "apiVersion"}):
    """A file of answers."""

    api_version: str = API_VERSION
    kind: str = KIND
    answers: list[Answer] = []


class Wrong(Struct, frozen=True):
    """An answer that cannot be taken: its place in the list, its field, and why."""

    number: int
    field: str
    why: str


class Settled(Struct, frozen=True):
    """What was found with what was answered; `denied` are the questions answered with no, `unused` answers to none."""

    found: Found
    denied: tuple[Question, ...] = ()
    unused: tuple[str, ...] = ()
    wrong: tuple[Wrong, ...] = ()


def settle(site: Site, found: Found, answers: Sequence[Answer]) -> Settled:
    """The questions that are answered as needs, the others as they were."""
    by_words = {answer.question: number for number, answer in reversed(list(enumerate(answers)))}
    needs, left, denied = list(found.needs), [], []
    wrong = list(_misnamed(answers, by_words))
    for question in found.questions:
        number = by_words.get(question.key, by_words.get(question.shared) if question.shared else None)
        answer = None if number is None else answers[number]
        if answer is None or number is None or not (answer.allow or answer.deny):
            left.append(question)
        elif answer.allow and answer.deny:
            wrong.append(Wrong(number, "deny", "contradicts `allow`: keep one of the two"))
        elif answer.deny:
            denied.append(question)
        else:
            needs += _needs(site, question, answer, number, wrong)
    asked = {words for question in found.questions for words in (question.key, question.shared)}
    unused = tuple(words for words in by_words if words and words not in asked)
    return Settled(Found(tuple(needs), tuple(left), found.unseen), tuple(denied), unused, tuple(wrong))


def _misnamed(answers: Sequence[Answer], first: Mapping[str, int]) -> Iterator[Wrong]:
    for number, answer in enumerate(answers):
        if not answer.question:
            yield Wrong(number, "question", "is left out")
        elif first[answer.question] != number:
            yield Wrong(number, "question", f"is answered already, by answers[{first[answer.question]}]")


def _needs(site: Site, question: Question, answer: Answer, number: int, wrong: list[Wrong]) -> Iterator[Need]:
    """One for each reference, and one for all blocks: a provider may have thousands of them."""
    blocks: dict[PortSet, list[Party]] = {}
    for reference in answer.allow:
        try:
            party = site.party(reference)
            ports = _ports(site, question, answer, reference, party)
        except PodwallError as error:
            wrong.append(Wrong(number, "allow", f"{reference}: {error}"))
            continue
        if party.cidrs and not party.endpoints:
            blocks.setdefault(ports, []).append(party)
        else:
            yield _need(question, party, ports)
    for ports, parties in blocks.items():
        cidrs = tuple(dict.fromkeys(cidr for party in parties for cidr in party.cidrs))
        yield _need(question, Party(question.peer, cidrs=cidrs), ports)


def _need(question: Question, party: Party, ports: PortSet) -> Need:
    ends = (question.subject, party) if question.direction is Direction.EGRESS else (party, question.subject)
    return Need(*ends, ports, question.evidence, Sureness.STATED)


def _ports(site: Site, question: Question, answer: Answer, reference: str, party: Party) -> PortSet:
    """The ports that the answer gives, else those of the question, or of a Service that has none of these."""
    egress = question.direction is Direction.EGRESS
    at, whose = (reference, party) if egress else (f"{question.subject.namespace}/*", question.subject)
    out = NO_PORTS
    for port in answer.ports:
        out |= site.ports(str(port), at, whose)
    if out:
        return out
    target = site.references.target(reference) if egress and not party.cidrs and not party.whole else None
    if isinstance(target, ServiceRef):
        listed = [
            (p.port, p.protocol or "TCP") for p in (target.service.spec.ports if target.service.spec else None) or ()
        ]
        asked = [one for one in listed if question.ports.overlaps(PortSet.of(one[1], one[0]))]
        for number, protocol in asked or listed:
            out |= site.ports(f"{number}/{protocol.lower()}", reference, party)
    elif question.ports:
        return question.ports
    if not out:
        raise CannotWrite("no port is known of it: add `ports: [443]`")
    return out
