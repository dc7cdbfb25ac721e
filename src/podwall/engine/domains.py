"""Domain names of rules (C12): which names one covers, the addresses supplied for them, and what it means to have none.

A name of which no address is known is a destination of its own, and is judged by name alone: a rule matches it that
names it, that is about everyone, or whose block is all of an address family. No other block is held against it, because
nobody knows whether it would match. So a rule that accepts by name is read at its place in the order (C3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import msgspec

from podwall.engine.rules import AnyPeer, Block, Domains, Peer, PolicyRules, Rule
from podwall.engine.sets import NO_ADDRESSES, AddrSet

__all__ = ["Resolutions", "canonical", "covers", "meets_name", "named", "resolved", "symbolic"]

Resolutions: TypeAlias = Mapping[str, AddrSet]
"""Canonical names without wildcards, and all the addresses of each."""


def canonical(name: str) -> str:
    """A name in lower case without a last dot: how DNS compares names."""
    return name.lower().removesuffix(".")


def covers(pattern: str, name: str) -> bool:
    """Whether a rule's name means another one, or all that another wildcard means; both are canonical.

    A wildcard stands for one or more whole labels, so never for the apex (C12).
    """
    return name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def resolved(policy: PolicyRules, resolutions: Resolutions) -> PolicyRules:
    """The policy with the supplied addresses of its names."""
    if not any(isinstance(peer, Domains) for rule in policy.rules for peer in rule.peers):
        return policy
    return msgspec.structs.replace(policy, rules=tuple(_resolved_rule(rule, resolutions) for rule in policy.rules))


def _resolved_rule(rule: Rule, resolutions: Resolutions) -> Rule:
    peers = (_resolved_names(p.names, resolutions) if isinstance(p, Domains) else p for p in rule.peers)
    return msgspec.structs.replace(rule, peers=tuple(peers))


def _resolved_names(names: tuple[str, ...], resolutions: Resolutions) -> Domains:
    found = {name: [a for supplied, a in resolutions.items() if covers(name, supplied)] for name in names}
    addresses = NO_ADDRESSES
    for known in found.values():
        for each in known:
            addresses |= each
    return Domains(names, addresses, tuple(name for name in names if found[name]))


def named(policies: Iterable[PolicyRules]) -> tuple[str, ...]:
    """Every name in rules, sorted."""
    return tuple(sorted({name for peer in _peers(policies) for name in peer.names}))


def symbolic(policies: Iterable[PolicyRules]) -> tuple[str, ...]:
    """The names in rules of which no address is known, sorted: destinations of their own."""
    return tuple(sorted({name for peer in _peers(policies) for name in peer.names if name not in peer.known}))


def _peers(policies: Iterable[PolicyRules]) -> Iterator[Domains]:
    for policy in policies:
        if not policy.policy.namespace:  # a NetworkPolicy knows no names
            for rule in policy.rules:
                yield from (peer for peer in rule.peers if isinstance(peer, Domains))


def meets_name(peer: Peer, name: str, family: int) -> bool:
    """Whether an entry of a rule matches a destination of which nothing but its name is known, in one family."""
    match peer:
        case AnyPeer():
            return True
        case Domains(names):
            return any(covers(pattern, name) for pattern in names)
        case Block(addresses):
            return addresses.is_whole(family)
        case _:
            return False
