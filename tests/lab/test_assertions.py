"""Assertions held against what packets showed: which probes they are about, and what holds."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from podwall.expect.ends import Ends
from podwall.expect.judge import Prepared, prepared
from podwall.expect.parse import Given, parse
from podwall.lab.asking import Question
from podwall.lab.assertions import Judged, Seats, judged, questions, some_of
from podwall.lab.probe import Outcome, Seen
from podwall.lab.sampling import every
from tests.lab.test_asking import DUAL, asker_of
from tests.lab.worlds import deployment, model, node, policy, service
from tests.truth.vocabulary import Object

OBJECTS: list[Object] = [
    deployment("web", ("http", 8080)),
    deployment("db", ("pg", 5432)),
    service("web", 80, "http"),
    node("n1", "192.168.0.5"),
    policy("p", podSelector={}, ingress=[{"ports": [{"port": 9000, "endPort": 9009}]}]),
]
ANSWERED, SILENT, REFUSED, FAILED = (Outcome(seen) for seen in Seen)


class World:
    """One cluster in a lab of two replicas each, and an assertion about it."""

    def __init__(self, text: str) -> None:
        world = model(OBJECTS, DUAL)
        self.asker, self.ports = asker_of(world, replicas=2)
        (found,) = parse(f"kind: Expectations\nexpect:\n- {text}\n".encode(), "f", Given("default", {})).expectations
        self.asserted: Prepared = prepared(Ends(world), found)
        self.asked = questions(Seats(self.asker, self.ports), self.asker, self.asserted)

    def name(self, number: int) -> str:
        return self.asker.stands[number].seat.name.removeprefix("default/")

    def pairs(self) -> set[str]:
        return {f"{self.name(q.source)} {self.name(q.destination)}" for q in self.asked}

    def judged(self, seen: Callable[[Question], Outcome]) -> Judged:
        outcomes = {question: seen(question) for question in self.asked}
        return judged(self.asker, self.asserted.expectation, self.asked, outcomes)

    def holds(self, seen: Callable[[Question], Outcome]) -> bool:
        return self.judged(seen).holds(self.asserted.expectation)


PAIRS = [
    ("web -> db:5432 allow", {"web db", "web db-1", "web-1 db", "web-1 db-1"}),
    ("web -> web allow", {"web web-1", "web-1 web"}),  # two replicas
    ("node/n1 -> web deny", {"node/n1 web", "node/n1 web-1"}),
    ("192.168.0.5 -> web deny", {"node/n1 web", "node/n1 web-1"}),
    ("web -> default/service/web deny", {"web web-1", "web-1 web"}),
    ("internet -> node/n1 deny", {"192.0.2.1 node/n1"}),
    ("192.0.2.0/24 -> web:http allow", {"192.0.2.1 web", "192.0.2.1 web-1"}),
    ("nobody -> web allow", set()),
    ("web -> db:nothing deny", set()),
]


@pytest.mark.parametrize(("text", "pairs"), PAIRS)
def test_the_pairs_of_an_assertion_are_pairs_of_seats(text: str, pairs: set[str]) -> None:
    assert World(text).pairs() == pairs


PORTS = [
    ("web -> db:5432 allow", {("TCP", 5432)}),
    ("web -> db:53/udp allow", {("UDP", 53)}),
    ("web -> db:pg allow", {("TCP", 5432)}),
    ("web -> db:5000-6000 deny", {("TCP", 5000), ("TCP", 5432), ("TCP", 6000)}),  # both ends, and what matters between
    ("web -> default/service/web:80 deny", {("TCP", 8080)}),  # where the Service leads
]


@pytest.mark.parametrize(("text", "ports"), PORTS)
def test_the_ports_of_an_assertion(text: str, ports: set[tuple[str, int]]) -> None:
    assert {(question.protocol, question.port) for question in World(text).asked} == ports


def test_any_port_is_every_port_that_matters() -> None:
    world = World("web -> db deny")
    assert {(question.protocol, question.port) for question in world.asked} == set(world.ports.all)
    assert {question.family for question in world.asked} == {4, 6}
    assert set(world.asked) <= set(every(world.asker, world.ports))


def by_family(four: Outcome, six: Outcome) -> Callable[[Question], Outcome]:
    return lambda question: four if question.family == 4 else six


def but_for_one(all_: Outcome, one: Outcome) -> Callable[[Question], Outcome]:
    """One pair at one port in both families is another way."""
    first: list[tuple[int, int, int]] = []

    def seen(question: Question) -> Outcome:
        key = (question.source, question.destination, question.port)
        first.append(key)
        return one if key == first[0] else all_

    return seen


HOLDS = [
    ("web -> db:5432 allow", by_family(ANSWERED, ANSWERED), True),
    ("web -> db:5432 allow", by_family(SILENT, SILENT), False),
    ("web -> db:5432 allow", by_family(ANSWERED, SILENT), True),  # in one common family at least (D20)
    ("web -> db:5432 allow", but_for_one(ANSWERED, SILENT), False),
    ("web -> db:5432,5433 allow", but_for_one(ANSWERED, SILENT), False),
    ("web -> db:5432 deny", by_family(SILENT, SILENT), True),
    ("web -> db:5432 deny", by_family(SILENT, ANSWERED), False),  # in every one
    ("web -> db:5432 deny", but_for_one(SILENT, ANSWERED), False),
    ("web -> db:5432 deny", but_for_one(SILENT, REFUSED), False),  # it came through
    ("{from: web, to: db, port: 5432, verdict: allow, some: true}", but_for_one(SILENT, ANSWERED), True),
    ("{from: web, to: db, port: 5432, verdict: allow, some: true}", by_family(SILENT, SILENT), False),
]


@pytest.mark.parametrize(("text", "seen", "holds"), HOLDS)
def test_what_holds(text: str, seen: Callable[[Question], Outcome], holds: bool) -> None:
    assert World(text).holds(seen) is holds


def test_what_is_wrong_is_named() -> None:
    found = World("web -> db:5432,5433 deny").judged(but_for_one(SILENT, ANSWERED))
    assert (found.pairs, found.open) == (4, 1)
    (wrong,) = found.wrong
    assert (wrong.source, wrong.destination, wrong.family) == ("default/web", "default/db", 4)
    assert list(wrong.ports.ranges()) == [("TCP", 5432, 5432)]


def test_a_sample_of_an_assertion_is_whole_pairs() -> None:
    world = World("web -> db deny")
    per_pair = len(world.asked) // 4
    found = some_of(world.asked, per_pair + 1, Random(7))
    assert len(found) == 2 * per_pair
    assert some_of(world.asked, len(world.asked), Random(7)) == world.asked
