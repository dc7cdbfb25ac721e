"""Pairs of endpoints that stand for all pairs a rule is about, and what the engine says of them.

Endpoints of one class are the same to every rule, so one of each will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from podwall.check.facts import Facts
from podwall.cluster.endpoints import Endpoint
from podwall.engine.index import key_of
from podwall.engine.judge import ports_on
from podwall.engine.rules import Direction, Pods, Rule
from podwall.engine.sets import PortSet, cut
from podwall.engine.verdict import Connection, End

__all__ = ["MOST_PAIRS", "TooManyPairs", "classes", "connection", "pairs", "pieces"]


MOST_PAIRS = 20_000
"""How many pairs are asked about for one rule: a second's work."""


class TooManyPairs(Exception):
    """A rule is about more pairs than a check goes through; what was asked for is not known."""


def classes(facts: Facts, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """One endpoint of each class, the first by name."""
    found: dict[tuple[str, int], Endpoint] = {}
    for endpoint in sorted(endpoints, key=key_of):
        found.setdefault((endpoint.namespace, facts.index.slot(endpoint)), endpoint)
    return list(found.values())


def pairs(facts: Facts, rule: Rule) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Each source and destination, of other pods than itself, that a rule with pods as peers is about.

    Raises TooManyPairs behind the first MOST_PAIRS of them.
    """
    subjects = classes(facts, facts.selected(rule.subject))
    peers = {key_of(e): e for peer in rule.peers if isinstance(peer, Pods) for e in facts.selected(peer)}
    chosen = classes(facts, peers.values())
    left = MOST_PAIRS
    for subject in subjects:
        for peer in chosen:
            if subject is not peer or subject.many:
                if not left:
                    raise TooManyPairs
                left -= 1
                yield (peer, subject) if rule.direction is Direction.INGRESS else (subject, peer)


def pieces(rules: Iterable[Rule], destination: Endpoint, within: PortSet) -> Iterator[PortSet]:
    """Ports of a set in pieces that none of the rules can tell apart on a destination."""
    for piece in cut(ports_on(rule.ports, destination) for rule in rules):
        inside = piece & within
        if inside:
            yield inside


def connection(facts: Facts, source: Endpoint, destination: Endpoint, ports: PortSet) -> Connection | None:
    """A question about the first of some ports; None where the two have no address family in common (D20)."""
    families = _families(source) & _families(destination)
    if not families:
        return None
    protocol, port, _ = next(ports.ranges())
    return Connection(_end(facts, source), _end(facts, destination), protocol, port, min(families))


def _families(endpoint: Endpoint) -> set[int]:
    return {6 if ":" in address else 4 for address in endpoint.addresses}


def _end(facts: Facts, endpoint: Endpoint) -> End:
    return End(facts.shown(endpoint), endpoint, facts.index.slot(endpoint), endpoint.many, endpoint.node)
