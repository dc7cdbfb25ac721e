"""Pairs of endpoints that stand for all pairs a rule is about, and what the engine says of them.

Endpoints of one class are the same to every rule, so one of each will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwall.check.examples import some_port
from podwall.check.facts import Facts
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.hosts import external
from podwall.engine.index import key_of
from podwall.engine.judge import ports_on
from podwall.engine.rules import Direction, Rule
from podwall.engine.sets import PortSet, cut
from podwall.engine.verdict import Connection, End

__all__ = ["BEYOND", "MOST_PAIRS", "Budget", "TooManyPairs", "classes", "connection", "outward", "pairs", "pieces"]


MOST_PAIRS = 20_000
"""How many pairs are asked about for one rule."""
MOST_IN_ALL = 200_000
"""How many a check asks about for all rules: a second's work or two."""


class TooManyPairs(Exception):
    """A rule is about more pairs than a check goes through; what was asked for is not known."""


def classes(facts: Facts, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """One endpoint of each class among these, the first by name."""
    found: dict[tuple[str, int], Endpoint] = {}
    for endpoint in sorted(endpoints, key=key_of):
        found.setdefault((endpoint.namespace, facts.index.slot(endpoint)), endpoint)
    return list(found.values())


BEYOND = f"an answer for more than {MOST_PAIRS:,} pairs ({MOST_IN_ALL:,} for all rules)"
"""What a check needs that it does not give where the budget is spent."""


class Budget:
    """How many pairs a check still asks about: for one rule, and for all of them."""

    def __init__(self) -> None:
        self._rule = MOST_PAIRS
        self._all = MOST_IN_ALL

    def begin(self) -> None:
        """Another rule."""
        self._rule = MOST_PAIRS

    def spend(self) -> None:
        """Another pair. Raises TooManyPairs where that is one too many."""
        if not (self._rule and self._all):
            raise TooManyPairs
        self._rule -= 1
        self._all -= 1


def pairs(facts: Facts, rule: Rule, budget: Budget) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Each source and destination, of other pods than itself, that a rule with pods as peers is about.

    Raises TooManyPairs where the budget is spent.
    """
    budget.begin()
    subjects, peers = facts.index.pods(rule.subject), facts.peers_of(rule)
    for subject in facts.classes(subjects):
        for peer in facts.classes(peers):
            if subject is not peer or subject.many:
                budget.spend()
                yield (peer, subject) if rule.direction is Direction.INGRESS else (subject, peer)


def pieces(rules: Iterable[Rule], destination: Endpoint, within: PortSet) -> Iterator[PortSet]:
    """Ports of a set in pieces that none of the rules can tell apart on a destination."""
    for piece in cut(ports_on(rule.ports, destination) for rule in rules):
        inside = piece & within
        if inside:
            yield inside


def connection(facts: Facts, source: Endpoint, destination: Endpoint, ports: PortSet) -> Connection | None:
    """A question about one of some ports; None where the two have no address family in common (D20)."""
    families = _families(source) & _families(destination)
    if not families:
        return None
    return Connection(_end(facts, source), _end(facts, destination), *some_port(ports), min(families))


def outward(facts: Facts, source: Endpoint, address: str, ports: PortSet) -> Connection | None:
    """A question about one of some ports of an address that no pod has."""
    family = 6 if ":" in address else 4
    if family not in _families(source):
        return None
    return Connection(_end(facts, source), End(address, external(address)), *some_port(ports), family)


def _families(endpoint: Endpoint) -> set[int]:
    return {6 if ":" in address else 4 for address in endpoint.addresses}


def _end(facts: Facts, endpoint: Endpoint) -> End:
    return End(facts.shown(endpoint), endpoint, facts.index.slot(endpoint), endpoint.many, endpoint.node)
