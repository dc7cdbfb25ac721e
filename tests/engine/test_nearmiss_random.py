"""On random clusters each near miss, once mended, allows; and no rule that one term keeps from allowing is left out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pytest

from podwall.engine.index import Index
from podwall.engine.judge import Judge
from podwall.engine.labels import EVERYTHING, Selector, Term
from podwall.engine.model import Model
from podwall.engine.nearmiss import (
    FailedTerm,
    NamespaceLabel,
    NearMiss,
    NodeLabel,
    OtherNamespace,
    OtherNumber,
    OtherPort,
    OutsideBlock,
    PodLabel,
    Role,
    near_misses,
)
from podwall.engine.questions import Question
from podwall.engine.rules import (
    Action,
    AnyPort,
    Block,
    Direction,
    InNamespace,
    NamespacesMatching,
    Nodes,
    Peer,
    Pods,
    PolicyRules,
    PortRange,
    PortTerm,
    Rule,
    Tier,
)
from podwall.engine.sets import IPV6_BASE, AddrSet, address_number
from podwall.engine.verdict import Connection, Side
from podwall.errors import UnknownReference
from tests.truth.clusters import random_cluster, random_queries
from tests.truth.engine import model_of

Object = dict[str, Any]


def mended(rule: Rule, miss: NearMiss) -> Rule:
    """The rule with each failed term changed so that it matches, and no other."""
    peers, ports = list(rule.peers), list(rule.ports)
    subject = rule.subject
    for term in miss.terms:
        if isinstance(term, OtherPort | OtherNumber):
            assert miss.port is not None
            ports[miss.port] = widened(ports[miss.port], term)
        elif isinstance(term, PodLabel | NamespaceLabel) and term.role is Role.SUBJECT:
            subject = admitting(subject, term)
        else:
            assert miss.peer is not None
            peers[miss.peer] = matching(peers[miss.peer], term)
    return msgspec.structs.replace(rule, subject=subject, peers=tuple(peers), ports=tuple(ports))


def widened(entry: PortTerm, term: OtherPort | OtherNumber) -> PortTerm:
    if isinstance(entry, PortRange) and entry.protocol == term.protocol:
        return PortRange(term.protocol, min(entry.first, term.port), max(entry.last, term.port))
    return PortRange(term.protocol, term.port, term.port)


def matching(peer: Peer, term: FailedTerm) -> Peer:
    match term:
        case OutsideBlock(address):
            assert isinstance(peer, Block)
            number = address_number(address)
            assert (number >= IPV6_BASE) == (":" in address)
            return msgspec.structs.replace(peer, addresses=peer.addresses | AddrSet(((number, number),)))
        case OtherNamespace(_, actual):
            assert isinstance(peer, Pods)
            return Pods(InNamespace(actual), peer.selector)
        case NodeLabel(_, wanted, actual):
            assert isinstance(peer, Nodes)
            return Nodes(with_value(peer.selector, wanted, actual))
        case _:
            assert isinstance(peer, Pods)
            assert isinstance(term, PodLabel | NamespaceLabel)
            return admitting(peer, term)


def admitting(pods: Pods, term: PodLabel | NamespaceLabel) -> Pods:
    if isinstance(term, PodLabel):
        return Pods(pods.scope, with_value(pods.selector, term.wanted, term.actual))
    assert isinstance(pods.scope, NamespacesMatching)
    return Pods(NamespacesMatching(with_value(pods.scope.selector, term.wanted, term.actual)), pods.selector)


def with_value(selector: Selector, wanted: Term, actual: str | None) -> Selector:
    assert wanted in selector.terms
    value = frozenset((actual,))
    more = Term(wanted.key, wanted.values - value if wanted.complement else wanted.values | value, wanted.complement)
    return Selector(tuple(more if term == wanted else term for term in selector.terms))


def with_mended(policy_rules: PolicyRules, miss: NearMiss) -> PolicyRules:
    """The policy with one rule mended; its subject is that of the whole policy."""
    changed = mended(miss.rule, miss)
    rules = tuple(
        changed if rule is miss.rule else msgspec.structs.replace(rule, subject=changed.subject)
        for rule in policy_rules.rules
    )
    isolations = tuple(msgspec.structs.replace(i, subject=changed.subject) for i in policy_rules.isolations)
    return PolicyRules(policy_rules.policy, isolations, rules)


def with_rules(policy_rules: PolicyRules, rules: Iterable[Rule]) -> PolicyRules:
    return PolicyRules(policy_rules.policy, policy_rules.isolations, tuple(rules))


def rejudged(model: Model, changed: PolicyRules, direction: Direction, asked: Connection) -> Side:
    """The side in a new index of the same cluster with one policy changed."""
    index = Index(model.profile)
    for bucket in model.cluster.namespaces.values():
        index.put_namespace(bucket.name, bucket.labels)
    for known in model.index.policies.values():
        index.put_policy(changed if known.policy == changed.policy else known)
    for endpoint in model.endpoints:
        index.put_endpoint(endpoint)
    ends = (
        msgspec.structs.replace(end, slot=index.slot(end.member)) if end.slot >= 0 else end
        for end in (asked.source, asked.destination)
    )
    source, destination = ends
    again = msgspec.structs.replace(asked, source=source, destination=destination)
    return Judge(index).side(direction, again)


def denied_sides(model: Model, rng: random.Random, objects: list[Object]) -> Iterator[tuple[Side, Connection]]:
    for query in random_queries(rng, objects, 40):
        family = None if query.get("family") is None else int(query["family"])
        question = Question(str(query["src"]), str(query["dst"]), query["port"], str(query["protocol"]), family)
        try:
            connections = model.questions.connections(question).connections
        except UnknownReference:
            continue
        for asked in connections[:3]:
            verdict = model.judge.verdict(asked)
            yield from ((side, asked) for side in (verdict.egress, verdict.ingress) if not side.allowed)


@pytest.mark.parametrize("first", range(0, 320, 80))
def test_mended_near_misses_allow(first: int) -> None:
    sizes = ("tiny", "small", "small", "medium")
    mended_tiers = set()
    count = 0
    for seed in range(first, first + 80):
        rng = random.Random(seed)
        objects = random_cluster(rng, rng.choice(sizes), tiers=bool(seed % 2))
        model = model_of(objects, cni="cilium" if seed % 5 == 0 else "kubernetes")
        for side, asked in denied_sides(model, rng, objects):
            found = near_misses(model.index, side, asked).found
            for miss in rng.sample(found, min(2, len(found))):
                changed = with_mended(model.index.policies[miss.rule.policy], miss)
                again = rejudged(model, changed, side.direction, asked)
                assert again.allowed, (seed, miss)
                assert 1 <= len(miss.terms) <= 2
                mended_tiers.add(miss.rule.tier)
                count += 1
    assert count > 200
    assert {Tier.ADMIN, Tier.NETWORK_POLICY} <= mended_tiers


def test_every_rule_that_one_term_keeps_from_allowing_is_found() -> None:
    """Told without the code under test: a rule is near if it allows once one term of it is taken away."""
    seen = 0
    for seed in range(60):
        rng = random.Random(seed)
        objects = random_cluster(rng, "small", tiers=bool(seed % 2))
        model = model_of(objects)
        for side, asked in denied_sides(model, rng, objects):
            found = near_misses(model.index, side, asked)
            listed = {(miss.rule.policy, miss.rule.path) for miss in found.found}
            for rule in governing(model, side, asked):
                known = model.index.policies[rule.policy]
                changed = (with_rules(known, [r if o is rule else o for o in known.rules]) for r in loosened(rule))
                if any(rejudged(model, policy_rules, side.direction, asked).allowed for policy_rules in changed):
                    assert (rule.policy, rule.path) in listed or found.more, (seed, rule)
                    seen += 1
    assert seen > 50


def governing(model: Model, side: Side, asked: Connection) -> tuple[Rule, ...]:
    subject = asked.source if side.direction is Direction.EGRESS else asked.destination
    return model.judge.rules(side.direction, subject)


def loosened(rule: Rule) -> Iterator[Rule]:
    """The rule with one term less, each in turn."""
    if rule.action is not Action.ALLOW or rule.broken:
        return
    yield msgspec.structs.replace(rule, ports=(AnyPort(),))
    for number, peer in enumerate(rule.peers):
        for wider in wider_peers(peer):
            peers = (*rule.peers[:number], wider, *rule.peers[number + 1 :])
            yield msgspec.structs.replace(rule, peers=peers)


def wider_peers(peer: Peer) -> Iterator[Peer]:
    if isinstance(peer, Pods):
        yield from (Pods(peer.scope, s) for s in wider_selectors(peer.selector))
        if isinstance(peer.scope, InNamespace):
            yield Pods(NamespacesMatching(EVERYTHING), peer.selector)
        else:
            yield from (Pods(NamespacesMatching(s), peer.selector) for s in wider_selectors(peer.scope.selector))
    elif isinstance(peer, Nodes):
        yield from map(Nodes, wider_selectors(peer.selector))


def wider_selectors(selector: Selector) -> Iterator[Selector]:
    for left_out in selector.terms:
        yield Selector(tuple(term for term in selector.terms if term is not left_out))
