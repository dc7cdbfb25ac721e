"""Assertions in a lab: which probes one is about, and whether what was seen is as asserted. Pure.

What an assertion means is said by `expect`; here its pairs are pairs of seats, and of its ports those are asked that
matter, with both ends of each range. A pod and itself are no pair of a lab.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random

from msgspec import Struct

from podwall.engine.index import key_of
from podwall.engine.sets import NO_PORTS, PortSet
from podwall.expect.ends import Found
from podwall.expect.expectation import Expectation
from podwall.expect.judge import Prepared
from podwall.lab.asking import Asker, Question
from podwall.lab.plan import SeatKind
from podwall.lab.ports import Ports
from podwall.lab.probe import Outcome, Seen

__all__ = ["Judged", "Seats", "Wrong", "judged", "questions", "some_of"]

_ALL = (1, 65535)


class _Side(Struct, frozen=True):
    """Stands of one end that are meant in the same families, at the same ports."""

    stands: tuple[int, ...]
    families: frozenset[int]
    ports: PortSet


class Wrong(Struct, frozen=True):
    """A pair that is not as asserted in a family: ports that were open and should not be, or the other way round."""

    source: str
    destination: str
    family: int
    ports: PortSet


class Judged(Struct, frozen=True):
    """What was seen of an assertion: its pairs, those of them that are open as far as it asks, and the others."""

    pairs: int
    open: int
    wrong: tuple[Wrong, ...]

    def holds(self, asserted: Expectation) -> bool:
        """Whether it is as asserted; an assertion about no pair never is."""
        if not self.pairs:
            return False
        if asserted.some:
            return self.open > 0
        return self.open == self.pairs if asserted.allow else not self.open


class Seats:
    """Finds the stands that ends of assertions mean."""

    def __init__(self, asker: Asker, ports: Ports) -> None:
        self._asker = asker
        self._ports = ports
        self._by_key: dict[tuple[str, str, str], str] = {}
        self._by_name: dict[str, list[int]] = {}
        for seat, number in asker.seats():
            if seat.kind is not SeatKind.EXTERNAL:
                self._by_key.setdefault(key_of(seat.endpoint), seat.stands_for)
                self._by_name.setdefault(seat.stands_for, []).append(number)

    def sides(self, found: Found) -> Iterator[_Side]:
        """The stands of an end."""
        for pick in found.picks:
            member = pick.endpoint
            name = f"node/{member.node}" if member.kind == "Node" else self._by_key.get(key_of(member), "")
            yield _Side(tuple(dict.fromkeys(self._by_name.get(name, ()))), pick.families, pick.ports)
        for outside in found.outside:
            held = [
                (number, end.member.addresses[0])
                for number, stand in enumerate(self._asker.stands)
                if stand.is_outside
                for end in stand.ends.values()
            ]
            stands = tuple(number for number, address in held if address in outside.addresses)
            yield _Side(stands, frozenset((4, 6)), outside.ports)

    def asked(self, ports: PortSet) -> tuple[tuple[str, int], ...]:
        """The ports to ask at, of those that are meant."""
        found = {port for port in self._ports.all if port in ports}
        for protocol, first, last in ports.ranges():
            if (first, last) != _ALL:
                found |= {(protocol, first), (protocol, last)}
        return tuple(sorted(found))


def questions(seats: Seats, asker: Asker, asserted: Prepared) -> list[Question]:
    """What is asked about an assertion."""
    if asserted.source is None or asserted.destination is None:
        return []
    into = [(side, seats.asked(side.ports)) for side in seats.sides(asserted.destination)]
    found: dict[Question, None] = {}
    for out in seats.sides(asserted.source):
        for side, ports in into:
            families = out.families & side.families
            for source in out.stands:
                for destination in side.stands:
                    found.update((q, None) for q in asker.of_pair(source, destination, ports) if q.family in families)
    return list(found)


def some_of(asked: Sequence[Question], most: int, random: Random) -> list[Question]:
    """All of them, or whole pairs in an order by chance until there are so many."""
    if len(asked) <= most:
        return list(asked)
    pairs: dict[tuple[int, int], list[Question]] = {}
    for question in asked:
        pairs.setdefault((question.source, question.destination), []).append(question)
    out: list[Question] = []
    for pair in random.sample(list(pairs), len(pairs)):
        if len(out) >= most:
            break
        out += pairs[pair]
    return out


def judged(
    asker: Asker, asserted: Expectation, asked: Iterable[Question], outcomes: Mapping[Question, Outcome]
) -> Judged:
    """Holds what was seen against an assertion: allow in one common family at least, deny in each of them (D20)."""
    pairs: dict[tuple[int, int], dict[int, list[Question]]] = {}
    for question in asked:
        families = pairs.setdefault((question.source, question.destination), {})
        families.setdefault(question.family, []).append(question)
    wrong: list[Wrong] = []
    opened = 0
    for (source, destination), families in sorted(pairs.items(), key=lambda held: held[0]):
        names = asker.stands[source].seat.name, asker.stands[destination].seat.name
        closed = {family: _ports(q for q in held if not _came(outcomes[q])) for family, held in families.items()}
        open_ = {family: _ports(q for q in held if _came(outcomes[q])) for family, held in families.items()}
        is_open = any(not ports for ports in closed.values()) if asserted.allow else any(open_.values())
        opened += is_open
        if is_open is not asserted.allow:
            ports = closed if asserted.allow else open_
            family = min(family for family, found in ports.items() if found)
            wrong.append(Wrong(*names, family, ports[family]))
    return Judged(len(pairs), opened, tuple(wrong))


def _came(outcome: Outcome) -> bool:
    """Whether packets came through; a refusal is an answer of whoever was reached, though not one of a listener."""
    return outcome.seen in (Seen.ALLOW, Seen.REFUSED)


def _ports(asked: Iterable[Question]) -> PortSet:
    found = NO_PORTS
    for question in asked:
        found |= PortSet.of(question.protocol, question.port)
    return found
