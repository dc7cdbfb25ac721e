"""Observed traffic as checks ask for it: which connections of the cluster as it is now each edge is about."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import suppress

from msgspec import Struct

from podwall.check.examples import some_address, some_port
from podwall.check.facts import Facts
from podwall.check.rule import Skipped
from podwall.cluster.endpoints import Endpoint
from podwall.cluster.services import target_numbers
from podwall.engine.questions import Question
from podwall.engine.sets import PROTOCOLS, AddrSet, PortSet
from podwall.engine.verdict import Connection, is_selectable
from podwall.errors import UnknownReference
from podwall.flows.edges import Edge

__all__ = ["NOT_GIVEN", "Use", "asked", "is_ambiguous", "left_out", "uses", "window"]

NOT_GIVEN = Skipped("every rule", "observed traffic", "--flows")
_OF_CLIENTS = range(32768, 61000)  # where Linux takes the ports of clients from


class Use(Struct, frozen=True):
    """An edge with the connections that it is about; `one_of` says that nobody knows which of them was made."""

    edge: Edge
    connections: tuple[Connection, ...]
    one_of: bool = False


def window(facts: Facts) -> tuple[dt.datetime, dt.datetime] | None:
    """From when to when was watched, as far as edges tell; None without any."""
    edges = facts.options.edges
    return (min(e.began for e in edges), max(e.ended for e in edges)) if edges else None


def uses(facts: Facts, edges: Iterable[Edge], lost: list[Edge]) -> Iterator[Use]:
    """The edges whose ends are still there; `lost` gets the others. ICMP and the like are never decided (D15)."""
    for edge in edges:
        if edge.port is None or edge.protocol.upper() not in PROTOCOLS:
            continue
        sources, destinations = _ends(facts, edge.src), _ends(facts, edge.dst)
        port = PortSet.of(edge.protocol.upper(), edge.port)
        made = [c for s in sources for d in destinations for c in asked(facts, s, d, port)]
        if made:
            yield Use(edge, tuple(made), one_of=len(sources) * len(destinations) > 1)
        else:
            lost.append(edge)


def asked(facts: Facts, source: str, destination: str, ports: PortSet) -> tuple[Connection, ...]:
    """What a question about one of some ports is about; nothing where there is no such end, or no way to it."""
    if not ports:
        return ()
    protocol, port = some_port(ports)
    with suppress(UnknownReference):
        return facts.model.questions.connections(Question(source, destination, port, protocol)).connections
    return ()


def _ends(facts: Facts, reference: str) -> list[str]:
    """A reference; of a CIDR, one address for each part that some rule tells from the others."""
    try:
        network = ipaddress.ip_network(reference, strict=False)
    except ValueError:
        return [reference]
    wanted = AddrSet.of(str(network))
    parts = (addresses & wanted for _, addresses in facts.index.cells()[0].external((network.version,)))
    return [some_address(part) for part in parts if part]


def is_ambiguous(facts: Facts, connection: Connection) -> bool:
    """Whether the port is one of those that clients have and nothing says that somebody listens there.

    Then the edge may be a reply that was taken for a request (flows.md 1.11, rule 1).
    """
    if connection.port not in _OF_CLIENTS:
        return False
    member = connection.destination.member
    return not is_selectable(member) or (connection.protocol, connection.port) not in _listening(facts, member)


def _listening(facts: Facts, endpoint: Endpoint) -> set[tuple[str, int]]:
    """The ports that an endpoint declares, and those that its Services lead to."""
    found = set(facts.declared(endpoint))
    for service in facts.services_of(endpoint):
        for port in (service.spec.ports if service.spec else None) or ():
            found |= {(port.protocol or "TCP", number) for number in target_numbers(port, endpoint)}
    return found


def left_out(edges: list[Edge], lacks: str) -> Iterator[Skipped]:
    """Edges that a check says nothing about, as one question."""
    if edges:
        first = min(edges, key=lambda e: (e.src, e.dst, e.protocol, e.port or 0))
        more = f" and {len(edges) - 1:,} more observed edges" if len(edges) > 1 else ""
        yield Skipped(f"{first.src} -> {first.dst} {first.protocol} {first.port}{more}", lacks)
