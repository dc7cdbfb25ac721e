"""Everything that could be asked in a lab, or a sample of it where that is too much.

A sample goes through the pairs of classes in rounds: pods that no rule tells apart are of one class, and before some
pair of classes is asked for a second time, every other one has been. The ports that rules or Services mean for a pair
take turns with the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, islice
from random import Random

from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import Direction
from podwall.engine.verdict import End
from podwall.lab.asking import Asker, Question
from podwall.lab.hosting import family_of
from podwall.lab.plan import SeatKind
from podwall.lab.ports import Ports, meant
from podwall.lab.probe import FAMILIES

__all__ = ["every", "number_of", "sample"]

_SERVICES_SHARE = 4  # of a sample, one in so many is about Services at most
_FRUITLESS = 50  # draws in a row that bring nothing new, for each class: then there is hardly anything left

_Port = tuple[str, int]


def every(asker: Asker, ports: Ports) -> Iterator[Question]:
    """All questions, those of one source together."""
    numbers = range(len(asker.stands))
    for source in numbers:
        for destination in numbers:
            yield from asker.of_pair(source, destination, ports.all)
        yield from _services_of(asker, source)


def number_of(asker: Asker, ports: Ports) -> int:
    """How many questions there are, without going through all pairs."""
    return sum(_pairs_in(asker, family) * len(ports.all) + _asking_services(asker, family) for family in FAMILIES)


def _pairs_in(asker: Asker, family: int) -> int:
    """The ordered pairs that are asked about in a family: see `Asker.pairs` for those that are not."""
    alike = Counter(asker.alike(number) for number, stand in enumerate(asker.stands) if family in stand.ends)
    return alike.total() ** 2 - sum(count**2 for count in alike.values())


def _asking_services(asker: Asker, family: int) -> int:
    sources = sum(family in stand.ends and not stand.is_outside for stand in asker.stands)
    return sources * sum(family_of(translation.address) == family for translation in asker.translations)


def sample(asker: Asker, ports: Ports, most: int, seed: int) -> list[Question]:
    """So many questions, the same ones for the same seed; those of one source together."""
    random = Random(seed)  # noqa: S311 - a sample is no secret
    of_services = _sample_of_services(asker, max(most // _SERVICES_SHARE, 1), random)
    rounds = _Rounds(asker, ports, random)
    found = [*islice(rounds.questions(), most - len(of_services)), *of_services]
    return sorted(found, key=lambda q: (q.source, q.service, q.destination, q.protocol, q.port, q.family))


def _sample_of_services(asker: Asker, most: int, random: Random) -> list[Question]:
    """Some of what is asked about Services, of which there may be more than one wants to go through."""
    size = len(asker.translations)
    drawn = random.sample(range(len(asker.stands) * size), min(len(asker.stands) * size, most))
    return [question for number in drawn for question in asker.of_service(*divmod(number, size))]


def _services_of(asker: Asker, source: int) -> Iterator[Question]:
    for number in range(len(asker.translations)):
        yield from asker.of_service(source, number)


class _Rounds:
    """One sample in the making."""

    def __init__(self, asker: Asker, ports: Ports, random: Random) -> None:
        self._asker = asker
        self._ports = ports
        self._random = random
        self._classes = self._grouped()
        self._meant: dict[int, tuple[set[_Port], set[_Port]]] = {}
        self._served: dict[str, set[_Port]] = {}
        for translation in asker.translations:
            for address, port in translation.targets:
                self._served.setdefault(address, set()).add((translation.protocol, port))

    def questions(self) -> Iterator[Question]:
        """Question after question, each one once, until there is hardly any that was not asked."""
        seen: set[Question] = set()
        fruitless = 0
        for turn in count():
            for one, other in self._walk():
                found = self._draw(one, other, turn)
                if found is not None and found not in seen:
                    fruitless = 0
                    seen.add(found)
                    yield found
                    continue
                fruitless += 1
                if fruitless > _FRUITLESS * len(self._classes) ** 2:
                    return

    def _grouped(self) -> Sequence[list[int]]:
        held: dict[tuple[SeatKind, str, object], list[int]] = {}
        for number, stand in enumerate(self._asker.stands):
            pod = stand.seat.kind is SeatKind.POD
            seen_as: object = next(iter(stand.ends.values())).slot if pod and stand.ends else number
            held.setdefault((stand.seat.kind, stand.seat.endpoint.namespace, seen_as), []).append(number)
        return list(held.values())

    def _walk(self) -> Iterator[tuple[list[int], list[int]]]:
        """Every pair of classes once; after each lap all have been a source and a destination equally often."""
        sources, destinations = list(self._classes), list(self._classes)
        self._random.shuffle(sources)
        self._random.shuffle(destinations)
        size = len(destinations)
        for shift in range(size):
            for place, source in enumerate(sources):
                yield source, destinations[(place + shift) % size]

    def _draw(self, one: list[int], other: list[int], turn: int) -> Question | None:
        source, destination = self._random.choice(one), self._random.choice(other)
        families = self._asker.pairs(source, destination)
        if not families:
            return None
        wanted = self._wanted(source, destination)
        others = [port for port in self._ports.all if port not in wanted]
        # The ports that are meant and those that are not take turns; where there is but one sort, always that one.
        protocol, port = self._random.choice((wanted if turn % 2 == 0 else others) or wanted or others)
        return Question(source, destination, protocol, port, self._random.choice(families))

    def _wanted(self, source: int, destination: int) -> list[_Port]:
        """The ports that rules on either side, or Services, mean at a destination."""
        known = self._of_stand(source)[0] | self._of_stand(destination)[1]
        return [port for port in self._ports.all if port in known]

    def _of_stand(self, number: int) -> tuple[set[_Port], set[_Port]]:
        """What the rules of a stand mean as a source; as a destination, with what it serves."""
        if number not in self._meant:
            ends = list(self._asker.stands[number].ends.values())
            member = ends[0].member
            served = {port for address in member.addresses for port in self._served.get(address, ())}
            own = {(p.protocol, p.number) for p in member.ports} | served
            into = self._terms(Direction.INGRESS, ends[0], member) | own
            self._meant[number] = self._terms(Direction.EGRESS, ends[0], member), into
        return self._meant[number]

    def _terms(self, direction: Direction, end: End, member: Endpoint) -> set[_Port]:
        terms = (term for rule in self._asker.judge.rules(direction, end) for term in rule.ports)
        return meant(terms, member.ports)
