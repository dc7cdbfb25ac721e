"""Changes of NetworkPolicies that may allow a denied side or deny an allowed one; `change` judges them.

Not offered are changes of the tiers' policies, which are not a namespace's own; edits that admit more than they must
(see `edits`); and, to deny, half of a range of ports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from msgspec import Struct, ValidationError

from podwall.api.networking import NetworkPolicy
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.index import Index
from podwall.engine.judge import Judge, first_port
from podwall.engine.narrow import Who, who
from podwall.engine.nearmiss import NearMiss, OtherNumber, OtherPort, near_misses, peer_failures
from podwall.engine.policies.edits import (
    Draft,
    add_peer,
    add_rule,
    draft,
    except_peer,
    mend,
    remove_entries,
    remove_rules,
    rule_json,
)
from podwall.engine.policies.networkpolicy import rules_of
from podwall.engine.policies.patch import Json, Operation, Patch, applied, drafted_fields
from podwall.engine.rules import AnyPeer, Direction, PolicyRef, PolicyRules, Rule, Tier
from podwall.engine.sets import PROTOCOLS
from podwall.engine.verdict import Connection, End, Match, Reason, Side

__all__ = ["Candidate", "Scene", "allowing", "denying", "joined"]

_LAST_PORT = 65535
_WAYS = 4  # to take something away from a rule: a peer, a port, an exception, all of it
_MOST_FREE = 2  # rules up to which every mixture of removals is tried


class Scene(Struct, frozen=True):
    """What is asked, and of whom: the index with its judge, and the objects that may be changed."""

    index: Index
    judge: Judge
    objects: Mapping[PolicyRef, NetworkPolicy]
    asked: Connection

    def ends(self, direction: Direction) -> tuple[End, End]:
        """Subject and peer."""
        ends = self.asked.source, self.asked.destination
        return ends if direction is Direction.EGRESS else ends[::-1]


class Candidate(Struct, frozen=True):
    """Patches with the rules that they make, and how many fields they write or take away.

    `order` decides between equals: edits, then peers, rules and policies that are added; by policy, then by rule.
    `fills_deny` says that a policy which had no rules gets one: that was a default deny, and would be none any more.
    """

    patches: tuple[Patch, ...]
    rules: tuple[PolicyRules, ...]
    fields: int
    order: tuple[tuple[int, str, int], ...]
    fills_deny: bool = False


def joined(scene: Scene, one: Candidate, other: Candidate) -> Candidate | None:
    """Both at once; None where they do not go together."""
    (first,), (second,) = one.patches, other.patches
    order = one.order + other.order
    if first.ref != second.ref:
        fills = one.fills_deny or other.fills_deny
        return Candidate(one.patches + other.patches, one.rules + other.rules, one.fields + other.fields, order, fills)
    operations = [*first.operations, *(op for op in second.operations if op not in first.operations)]
    title = first.title if first.title == second.title else f"{first.title}, {second.title}"
    found = _edited(scene, first.ref, title, operations, order[0])
    return found and Candidate(found.patches, found.rules, found.fields, order, found.fills_deny)


def _edited(
    scene: Scene, ref: PolicyRef, title: str, operations: Sequence[Operation], order: tuple[int, str, int]
) -> Candidate | None:
    try:
        made, fields = applied(scene.objects[ref], operations)
    except (LookupError, ValidationError):
        return None
    patch = Patch(ref, title, tuple(operations), old_object=scene.objects[ref])
    rules = rules_of(made, ref.namespace)
    return Candidate((patch,), (rules,), fields, (order,), bool(rules.rules) and not scene.index.policies[ref].rules)


def _drafted(new: Draft) -> Candidate:
    made = draft(new)
    rules = rules_of(made, new.ref.namespace)
    patch = Patch(new.ref, "a new policy", new_object=made)
    return Candidate((patch,), (rules,), drafted_fields(made), ((3, new.ref.name, len(new.rules)),))


# To allow


def allowing(scene: Scene, side: Side) -> Iterator[Candidate]:
    """What may allow a side that the NetworkPolicy or the Baseline tier denies; in no order."""
    subject, peer = scene.ends(side.direction)
    found = [*_mended(scene, side), *_added_peers(scene, side), *_added_rules(scene, side)]
    yield from (candidate for candidate in found if candidate is not None)
    whom = who(scene.index, subject, scene.asked.family)
    rule = _asked_rule(scene, side.direction, whom.namespace)
    if rule is not None:
        name = f"{_plain(subject)}-{_WORDS[side.direction]}-{_plain(peer)}"
        ref = _free_name(scene, whom.namespace, name)
        yield _drafted(Draft(ref, whom.labels, side.direction, (rule,)))


_WORDS = {Direction.EGRESS: "to", Direction.INGRESS: "from"}


def _mended(scene: Scene, side: Side) -> Iterator[Candidate | None]:
    for miss in near_misses(scene.index, side, scene.asked).found:
        ref = miss.rule.policy
        if ref in scene.objects:
            ways = [mend(scene.objects[ref], miss, replacing=replacing) for replacing in (True, False)]
            for operations in ways if ways[0] != ways[1] else ways[1:]:
                if operations:
                    yield _edited(scene, ref, _mending(miss, operations), operations, (0, ref.name, miss.rule.order[2]))


def _mending(miss: NearMiss, operations: Sequence[Operation]) -> str:
    ports = sum(isinstance(term, OtherPort | OtherNumber) for term in miss.terms)
    added = any(operation.path.endswith("/ports/-") for operation in operations)
    what = "add a port to" if added else "edit a port of"
    parts = [text for text, meant in (("edit a selector of", len(miss.terms) - ports), (what, ports)) if meant]
    return f"{' and '.join(parts)} {miss.rule.path}"


def _added_peers(scene: Scene, side: Side) -> Iterator[Candidate | None]:
    subject, peer = scene.ends(side.direction)
    entry = _peer_json(who(scene.index, peer, scene.asked.family), subject.member.namespace)
    for rule in scene.judge.rules(side.direction, subject):
        ref = rule.policy
        limited = not any(isinstance(term, AnyPeer) for term in rule.peers)
        if entry is not None and ref in scene.objects and limited and first_port(rule.ports, scene.asked) is not None:
            title = f"add a peer to {rule.path}"
            yield _edited(scene, ref, title, add_peer(rule, entry), (1, ref.name, rule.order[2]))


def _added_rules(scene: Scene, side: Side) -> Iterator[Candidate | None]:
    for isolation in side.isolated_by:
        ref = isolation.policy
        rule = _asked_rule(scene, side.direction, ref.namespace)
        if ref in scene.objects and rule is not None:
            operations = add_rule(scene.objects[ref], side.direction, rule)
            yield _edited(scene, ref, f"add a rule to spec.{side.direction.value}", operations, (2, ref.name, 0))


def _asked_rule(scene: Scene, direction: Direction, namespace: str) -> Json | None:
    """The rule that says what is asked, and no more."""
    entry = _peer_json(who(scene.index, scene.ends(direction)[1], scene.asked.family), namespace)
    return None if entry is None else rule_json(direction, [entry], [_port_json(scene.asked)])


def _port_json(asked: Connection) -> Json:
    return {"protocol": asked.protocol, "port": asked.port}


def _peer_json(peer: Who, namespace: str) -> Json | None:
    if peer.address is not None:
        return {"ipBlock": {"cidr": _cidr(peer.address)}}
    if not peer.namespace:
        return None
    pods = {"podSelector": {"matchLabels": peer.labels} if peer.labels else {}}
    return pods if peer.namespace == namespace else {"namespaceSelector": _named(peer.namespace), **pods}


def _cidr(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _named(namespace: str) -> dict[str, Json]:
    return {"matchLabels": {NAME_LABEL: namespace}}  # every namespace has it (N21)


def _plain(end: End) -> str:
    """An end's name as part of an object's name."""
    controller = end.member.controller
    name = (controller.name if controller else end.name.rpartition("/")[2]).lower()
    return "".join(c if c.isalnum() else "-" for c in name).strip("-")[:100].strip("-")


def _free_name(scene: Scene, namespace: str, name: str) -> PolicyRef:
    number, ref = 1, PolicyRef("NetworkPolicy", namespace, name)
    while ref in scene.objects:
        number += 1
        ref = PolicyRef("NetworkPolicy", namespace, f"{name}-{number}")
    return ref


# To deny


def denying(scene: Scene, side: Side) -> Iterator[Candidate]:
    """What may deny a side that NetworkPolicies or the Baseline tier allow; in no order."""
    tier = side.matches[0].rule.tier if side.matches else None
    if tier is Tier.NETWORK_POLICY:
        yield from _without(scene, side.matches)
    elif tier is Tier.BASELINE or side.reason is Reason.NOT_ISOLATED:
        yield _isolating(scene, side.direction)


def _without(scene: Scene, matches: Sequence[Match]) -> Iterator[Candidate]:
    """Every rule that allows loses the peers or the ports that do, if it has others; or has an exception; or goes."""
    if any(match.rule.policy not in scene.objects for match in matches):
        return
    choices = [_removals(scene, match.rule) for match in matches]
    if len(choices) <= _MOST_FREE:
        mixtures = list(product(*choices))
    else:
        mixtures = [tuple(choice[min(n, len(choice) - 1)] for choice in choices) for n in range(_WAYS)]
    for chosen in dict.fromkeys(mixtures):
        found = _removed(scene, dict(zip((match.rule for match in matches), chosen, strict=True)))
        if found is not None:
            yield found


_Removal = tuple[str, tuple[int, ...]]


def _removals(scene: Scene, rule: Rule) -> list[_Removal]:
    """What could be taken away of one rule."""
    _, peer = scene.ends(rule.direction)
    family = scene.asked.family
    peers = tuple(n for n, term in enumerate(rule.peers) if peer_failures(scene.index, term, peer, family) == ())
    ports = tuple(n for n, term in enumerate(rule.ports) if first_port((term,), scene.asked) is not None)
    out: list[_Removal] = []
    if len(peers) < len(rule.peers):
        out.append(("peers", peers))
    if len(ports) < len(rule.ports):
        out.append(("ports", ports))
    if all(_exception(scene, rule, number) for number in peers):
        out.append(("except", peers))
    return [*out, ("rule", ())]


def _exception(scene: Scene, rule: Rule, number: int) -> list[Operation] | None:
    if isinstance(rule.peers[number], AnyPeer):
        return None
    peer = who(scene.index, scene.ends(rule.direction)[1], scene.asked.family)
    return except_peer(scene.objects[rule.policy], rule, number, peer)


def _removed(scene: Scene, chosen: Mapping[Rule, _Removal]) -> Candidate | None:
    by_policy: dict[PolicyRef, list[Rule]] = {}
    for rule in chosen:
        by_policy.setdefault(rule.policy, []).append(rule)
    found = [_removed_from(scene, ref, {rule: chosen[rule] for rule in by_policy[ref]}) for ref in sorted(by_policy)]
    made = [candidate for candidate in found if candidate is not None]
    if len(made) < len(found):
        return None
    return Candidate(
        tuple(patch for c in made for patch in c.patches),
        tuple(rules for c in made for rules in c.rules),
        sum(c.fields for c in made),
        tuple(order for c in made for order in c.order),
    )


def _removed_from(scene: Scene, ref: PolicyRef, chosen: Mapping[Rule, _Removal]) -> Candidate | None:
    operations: list[Operation] = []
    titles: list[str] = []
    for rule, (part, numbers) in chosen.items():
        if part == "rule":
            titles.append(f"remove {rule.path}")
        elif part == "except":
            operations += [op for number in numbers for op in _exception(scene, rule, number) or ()]
            titles.append(f"make an exception from {rule.path}")
        else:
            operations += remove_entries(rule, **{part: numbers})
            titles.append(f"remove {part} of {rule.path}")
    whole = [rule for rule, (part, _) in chosen.items() if part == "rule"]
    if whole:
        operations += remove_rules(scene.objects[ref], whole)
    return _edited(scene, ref, ", ".join(titles), operations, (0, ref.name, next(iter(chosen)).order[2]))


def _isolating(scene: Scene, direction: Direction) -> Candidate:
    """A policy that isolates the subject, and allows all other ports to everyone and this one to everyone else.

    Where "everyone else" cannot be said, this port is closed to all.
    """
    subject, peer = scene.ends(direction)
    whom, other = (who(scene.index, end, scene.asked.family) for end in (subject, peer))
    ref = _free_name(scene, whom.namespace, f"{_plain(subject)}-not-{_WORDS[direction]}-{_plain(peer)}")
    rules = [rule_json(direction, [], _other_ports(scene.asked))]
    others = _everyone_but(other, whom.namespace)
    if others:
        rules.append(rule_json(direction, others, [_port_json(scene.asked)]))
    return _drafted(Draft(ref, whom.labels, direction, tuple(rules)))


def _other_ports(asked: Connection) -> list[Json]:
    parts = [{"protocol": protocol} for protocol in PROTOCOLS if protocol != asked.protocol]
    spans = [(1, asked.port - 1), (asked.port + 1, _LAST_PORT)]
    ranges: list[Json] = [_range(asked.protocol, first, last) for first, last in spans if first <= last]
    return [*ranges, *parts]


def _range(protocol: str, first: int, last: int) -> Json:
    one: dict[str, Json] = {"protocol": protocol, "port": first}
    return one if first == last else {**one, "endPort": last}


def _everyone_but(peer: Who, namespace: str) -> list[Json]:
    """Everyone else as peers: all pods but some, or all addresses but one. Pods are not told by addresses, so that
    external ends and nodes cannot be kept beside pods that are left out.
    """
    if peer.address is not None:
        whole, other = ("::/0", "0.0.0.0/0") if ":" in peer.address else ("0.0.0.0/0", "::/0")
        block = {"ipBlock": {"cidr": whole, "except": [_cidr(peer.address)]}}
        return [block, {"ipBlock": {"cidr": other}}, {"namespaceSelector": {}}]
    if not peer.labels or not peer.namespace:
        return []
    away = {"namespaceSelector": {"matchExpressions": [_not_in(NAME_LABEL, peer.namespace)]}}
    own = {} if peer.namespace == namespace else {"namespaceSelector": _named(peer.namespace)}
    pods = [{**own, "podSelector": {"matchExpressions": [_not_in(key, value)]}} for key, value in peer.labels.items()]
    return [away, *pods]


def _not_in(key: str, value: str) -> Json:
    return {"key": key, "operator": "NotIn", "values": [value]}
