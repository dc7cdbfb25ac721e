"""What could go wrong with a policy and should be noticed: one edit at a time, made on the normal form.

A policy is taken away, or widened by a term of its subject. A rule is taken away, or widened: by a term of a peer's
selectors, by all ports, by an exception of an ipBlock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import msgspec
from msgspec import Struct

from podwall.engine.labels import Selector, Term
from podwall.engine.policies.excepts import Opened
from podwall.engine.rules import AnyPort, NamespacesMatching, Nodes, Pods, PolicyRules, Rule

__all__ = ["Edit", "Mutant", "mutants"]

_POLICY = "spec"


class Edit(enum.Enum):
    """What is done."""

    POLICY_REMOVED = "policy removed"
    SUBJECT_WIDENED = "subject widened"
    RULE_REMOVED = "rule removed"
    TERM_DROPPED = "selector term dropped"
    PORTS_OPENED = "ports opened"
    EXCEPT_DROPPED = "except dropped"


class Mutant(Struct, frozen=True):
    """A policy after one edit. `path` is the rule's field, `spec` where it is the policy that is edited.

    `peer` is the number of the entry, `field` the selector in it; `term` or `excepted` is what is dropped.
    """

    edit: Edit
    rules: PolicyRules
    path: str = _POLICY
    peer: int | None = None
    field: str = ""
    term: Term | None = None
    excepted: str = ""


_Wider: TypeAlias = tuple[Pods | Nodes, str, Term]  # a peer without one term, and which one that was


def mutants(policy: PolicyRules, opened: Iterable[Opened] = ()) -> Iterator[Mutant]:
    """Every edit of one policy; `opened` are its ipBlocks without one exception each."""
    paths = list(dict.fromkeys(rule.path for rule in policy.rules))
    if policy.isolations or len(paths) > 1:
        yield Mutant(Edit.POLICY_REMOVED, PolicyRules(policy.policy, (), ()))
    yield from _wider_subjects(policy)
    for path in paths:
        left = tuple(rule for rule in policy.rules if rule.path != path)
        yield Mutant(Edit.RULE_REMOVED, PolicyRules(policy.policy, policy.isolations, left), path)
        yield from _wider_peers(policy, path)
        yield from _wider_ports(policy, path)
    for block in opened:
        changed = _changed(policy, block.path, lambda rule, b=block: _with_peer(rule, b.peer, b.block))  # type: ignore[misc]
        yield Mutant(Edit.EXCEPT_DROPPED, changed, block.path, block.peer, "ipBlock", excepted=block.excepted)


def _wider_subjects(policy: PolicyRules) -> Iterator[Mutant]:
    subjects = {i.subject for i in policy.isolations} | {rule.subject for rule in policy.rules}
    for subject in subjects:  # one for all of a policy
        for wider, field, term in _wider(subject):
            if isinstance(wider, Pods):
                isolations = tuple(msgspec.structs.replace(i, subject=wider) for i in policy.isolations)
                rules = tuple(msgspec.structs.replace(rule, subject=wider) for rule in policy.rules)
                changed = PolicyRules(policy.policy, isolations, rules)
                yield Mutant(Edit.SUBJECT_WIDENED, changed, field=field, term=term)


def _wider_peers(policy: PolicyRules, path: str) -> Iterator[Mutant]:
    """Each term of each peer; the two rules that one line may be have the same peers, or nobody in their place."""
    seen: set[tuple[int, str, Term]] = set()
    for rule in policy.rules:
        for number, peer in enumerate(rule.peers if rule.path == path else ()):
            if not isinstance(peer, Pods | Nodes):
                continue
            for wider, field, term in _wider(peer):
                if (number, field, term) not in seen:
                    seen.add((number, field, term))
                    edit = _replacing(number, peer, wider)
                    yield Mutant(Edit.TERM_DROPPED, _changed(policy, path, edit), path, number, field, term)


def _replacing(number: int, peer: Pods | Nodes, wider: Pods | Nodes) -> Callable[[Rule], Rule]:
    return lambda rule: _with_peer(rule, number, wider) if rule.peers[number] == peer else rule


def _with_peer(rule: Rule, number: int, peer: object) -> Rule:
    peers = (*rule.peers[:number], peer, *rule.peers[number + 1 :])
    return msgspec.structs.replace(rule, peers=peers)


def _wider_ports(policy: PolicyRules, path: str) -> Iterator[Mutant]:
    own = [rule for rule in policy.rules if rule.path == path]
    if not any(isinstance(term, AnyPort) for rule in own for term in rule.ports):
        changed = _changed(policy, path, lambda rule: msgspec.structs.replace(rule, ports=(AnyPort(),)))
        yield Mutant(Edit.PORTS_OPENED, changed, path)


def _changed(policy: PolicyRules, path: str, edit: Callable[[Rule], Rule]) -> PolicyRules:
    rules = tuple(edit(rule) if rule.path == path else rule for rule in policy.rules)
    return PolicyRules(policy.policy, policy.isolations, rules)


def _wider(peer: Pods | Nodes) -> Iterator[_Wider]:
    """A selection without one of its terms, and which one that was."""
    if isinstance(peer, Nodes):
        yield from ((Nodes(left), "nodes", term) for left, term in _fewer(peer.selector))
        return
    if isinstance(peer.scope, NamespacesMatching):
        for left, term in _fewer(peer.scope.selector):
            yield Pods(NamespacesMatching(left), peer.selector), "namespaceSelector", term
    for left, term in _fewer(peer.selector):
        yield Pods(peer.scope, left), "podSelector", term


def _fewer(selector: Selector) -> Iterator[tuple[Selector, Term]]:
    for number, term in enumerate(selector.terms):
        yield Selector(selector.terms[:number] + selector.terms[number + 1 :]), term
