"""A script: all that the rules say about one sort of pod in one direction, in the order in which it is decided.

Still symbolic, as the engine's rules are; `chains` makes rules of the kernel of it. Named ports of the subject itself
become numbers here (N13), tiers become runs (C1), and what cannot match anything is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from msgspec import Struct

from podwall.cluster.endpoints import PortName
from podwall.dataplane.ruleset import Group
from podwall.engine.governing import Governing
from podwall.engine.rules import (
    Action,
    AnyPeer,
    AnyPort,
    Block,
    Direction,
    Domains,
    NamedPort,
    NamespacesMatching,
    Nobody,
    Nodes,
    NoPort,
    Peer,
    Pods,
    PortRange,
    PortTerm,
    Rule,
)

__all__ = ["NAME_DIGITS", "PeerTerm", "PortOf", "Run", "Script", "Term", "peer_text", "port_text", "script_of"]
__all__ += ["term_text"]

NAME_DIGITS = 32
"""Of a hash that names something: so many that nobody writes a policy that is taken for another one's."""
PeerTerm: TypeAlias = AnyPeer | Pods | Block | Nodes
PortOf: TypeAlias = AnyPort | PortRange | NamedPort
Term: TypeAlias = tuple[frozenset[PeerTerm], frozenset[PortOf]]
"""Any of these peers at any of these ports. It is not taken apart into pairs: a rule may have thousands of both."""


_ANYBODY: frozenset[PeerTerm] = frozenset((AnyPeer(),))
_ANYTHING: frozenset[PortOf] = frozenset((AnyPort(),))


class Run(Struct, frozen=True):
    """Rules of one action that follow each other: connections that meet one of `terms`. Their order means nothing."""

    action: Action
    terms: frozenset[Term]


class Script(Struct, frozen=True):
    """First `admin`; then `allowed` and nothing else where a NetworkPolicy isolates; else `baseline`, then allow."""

    group: Group
    admin: tuple[Run, ...]
    isolated: bool
    allowed: Run
    baseline: tuple[Run, ...]

    def runs(self) -> Iterator[Run]:
        """All of them."""
        yield from self.admin
        yield self.allowed
        yield from self.baseline


def script_of(direction: Direction, governing: Governing, ports: Sequence[PortName]) -> Script:
    """The script of a sort of pod; `ports` are its own named ones."""
    own = None if direction is Direction.EGRESS else ports
    admin = _runs(governing.admin, own)
    allowed = Run(Action.ALLOW, frozenset(_terms(governing.rules, own)))
    baseline = _runs(governing.baseline, own)
    rules = (*governing.admin, *governing.rules, *governing.baseline)
    isolating = tuple(sorted({isolation.policy for isolation in governing.isolations}))
    policies = tuple(sorted({*(rule.policy for rule in rules), *isolating}))
    isolated = bool(governing.isolations)
    name = _name(direction, (*admin, allowed, *baseline), (len(admin), isolated), (policies, isolating))
    return Script(Group(name, direction, policies, isolating), admin, isolated, allowed, baseline)


def _runs(rules: Sequence[Rule], own: Sequence[PortName] | None) -> tuple[Run, ...]:
    """Neighbors of one action together."""
    out: list[Run] = []
    for rule in rules:
        terms = frozenset(_terms((rule,), own))
        if not terms:
            continue
        if out and out[-1].action is rule.action:
            out[-1] = Run(rule.action, out[-1].terms | terms)
        else:
            out.append(Run(rule.action, terms))
    return tuple(out)


def _terms(rules: Iterable[Rule], own: Sequence[PortName] | None) -> Iterator[Term]:
    for rule in rules:
        peers = frozenset(term for peer in rule.peers if (term := _peer(peer)) is not None)
        ports = frozenset(term for port in rule.ports for term in _ports(port, own))
        if peers and ports:  # whoever is said beside anybody says nothing more
            yield peers & _ANYBODY or peers, ports & _ANYTHING or ports


def _peer(peer: Peer) -> PeerTerm | None:
    match peer:
        case Domains(_, addresses):  # whoever has the addresses, as C8 has it; a name without any is nobody here
            return Block(addresses, everywhere=True) if addresses else None
        case Nobody():
            return None
        case Block(addresses):
            return peer if addresses else None
        case _:
            return peer


def _ports(port: PortTerm, own: Sequence[PortName] | None) -> Iterator[PortOf]:
    match port:
        case NoPort():
            return
        case NamedPort(protocol, name) if own is not None:
            for one in own:
                if one.name == name and protocol in (one.protocol, ""):
                    yield PortRange(one.protocol, one.number, one.number)
        case _:
            yield port


def _name(direction: Direction, runs: Sequence[Run], shape: object, policies: object) -> str:
    said = [direction.value, repr(shape), repr(policies)]
    for run in runs:
        said.append(run.action.value)
        said += sorted(map(term_text, run.terms))
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:NAME_DIGITS]


def term_text(term: tuple[Iterable[PeerTerm], Iterable[PortOf]]) -> str:
    """Peers and ports as a line that no others have."""
    peers, ports = term
    return repr((sorted(map(peer_text, peers)), sorted(map(port_text, ports))))


def peer_text(peer: PeerTerm) -> str:
    """A peer as a line that no other one has."""
    match peer:
        case AnyPeer():
            return "any"
        case Block(addresses, everywhere):
            return f"block {everywhere} {addresses.spans}"
        case Nodes(selector):
            return f"nodes {selector.order()}"
        case Pods(NamespacesMatching(namespaces), selector):
            return f"pods {namespaces.order()} {selector.order()}"
        case Pods(scope, selector):
            return f"pods {scope} {selector.order()}"


def port_text(port: PortOf) -> str:
    """A port as a line that no other one has."""
    return repr(port)
