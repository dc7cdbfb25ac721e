"""Which ports probes are sent to: those that somebody names, and one that nobody does.

Every number is tried with TCP and UDP, since what is allowed in one protocol must not be open in the other. SCTP is
tried where it is named, and at one port always: it must be isolated with the rest (N22).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint, PortName, container_ports, pod_spec
from podwall.cluster.objects import Cluster
from podwall.engine.rules import NamedPort, PolicyRules, PortRange, PortTerm

__all__ = ["Ports", "meant", "ports_of"]

_LAST = 65535
_UNNAMED_FROM = 49151  # downwards: the last port that is not for dialing out


class Ports(Struct, frozen=True):
    """Protocol and number of each port, in order; `unnamed` is the number that nobody names."""

    all: tuple[tuple[str, int], ...]
    unnamed: int


def ports_of(
    cluster: Cluster,
    policies: Iterable[PolicyRules],
    endpoints: Iterable[Endpoint],
    targets: Iterable[tuple[str, int]] = (),
) -> Ports:
    """The ports that matter; `targets` are those that Services go to, with their protocols."""
    terms = [term for policy in policies for rule in policy.rules for term in rule.ports]
    names = {port for endpoint in endpoints for port in endpoint.ports}
    named = {*targets, *_declared(cluster), *_of_terms(terms, names)}
    unnamed = _unnamed({number for _, number in named}, terms)
    numbers = sorted({number for _, number in named} | {unnamed})
    sctp = {(protocol, number) for protocol, number in named if protocol == "SCTP"} | {("SCTP", unnamed)}
    return Ports((*((p, number) for p in ("TCP", "UDP") for number in numbers), *sorted(sctp)), unnamed)


def meant(terms: Iterable[PortTerm], names: Iterable[PortName]) -> set[tuple[str, int]]:
    """The ports that entries of rules name on an endpoint with these port names: of a range, both ends."""
    held = tuple(names)
    found: set[tuple[str, int]] = set()
    for term in terms:
        if isinstance(term, PortRange):
            found |= {(term.protocol, term.first), (term.protocol, term.last)}
        elif isinstance(term, NamedPort):
            found |= {(n.protocol, n.number) for n in held if n.name == term.name and term.protocol in (n.protocol, "")}
    return found


def _of_terms(terms: Iterable[PortTerm], names: Iterable[PortName]) -> set[tuple[str, int]]:
    """The same, and what is next to a range: there a mistake by one would be."""
    held = [term for term in terms if isinstance(term, PortRange) and term.first < term.last]
    beside = ((t.protocol, n) for t in held for n in (t.first - 1, t.last + 1))
    return meant(terms, names) | {(protocol, number) for protocol, number in beside if 1 <= number <= _LAST}


def _declared(cluster: Cluster) -> Iterator[tuple[str, int]]:
    for bucket in cluster.namespaces.values():
        for located in (*bucket.pods, *bucket.workloads):
            for port in container_ports(pod_spec(located.object)):
                yield port.protocol or "TCP", port.containerPort


def _unnamed(named: set[int], terms: Iterable[PortTerm]) -> int:
    """A port that nobody names, and that is in no range if there is one."""
    ranges = [(term.first, term.last) for term in terms if isinstance(term, PortRange)]
    free = [number for number in range(_UNNAMED_FROM, 0, -1) if number not in named]
    return next((n for n in free if not any(first <= n <= last for first, last in ranges)), free[0])
