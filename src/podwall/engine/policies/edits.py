"""What is meant → operations on a NetworkPolicy: an entry more or less, or a term that admits one more value.

Every edit is exact: it admits what is asked for, and nothing else that the field could leave out. Where a field has no
way to say that (a label's value or its absence; an ipBlock and one address more), there is no edit of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from podwall.admission.addresses import read_cidr
from podwall.api.meta import LabelSelector, LabelSelectorRequirement, ObjectMeta
from podwall.api.networking import IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec
from podwall.cluster.objects import NAME_LABEL
from podwall.engine.labels import selector
from podwall.engine.narrow import Who
from podwall.engine.nearmiss import (
    NamespaceLabel,
    NearMiss,
    OtherNamespace,
    OtherNumber,
    OtherPort,
    PodLabel,
    Role,
)
from podwall.engine.policies.patch import Json, Operation, pointer
from podwall.engine.rules import Direction, PolicyRef, Rule

__all__ = [
    "Draft",
    "add_peer",
    "add_rule",
    "draft",
    "except_peer",
    "mend",
    "remove_entries",
    "remove_rules",
    "rule_json",
]

_PEERS = {Direction.EGRESS: "to", Direction.INGRESS: "from"}


class Draft(Struct, frozen=True):
    """What a new policy says: whom it selects by labels, in which direction, and its rules."""

    ref: PolicyRef
    subject: dict[str, str]
    direction: Direction
    rules: tuple[Json, ...]


def draft(new: Draft) -> NetworkPolicy:
    """The new policy as an object, complete with its header."""
    spec = {
        "podSelector": {"matchLabels": new.subject} if new.subject else {},
        "policyTypes": [new.direction.value.capitalize()],
        new.direction.value: list(new.rules),
    }
    return NetworkPolicy(
        "networking.k8s.io/v1",
        ObjectMeta(name=new.ref.name, namespace=new.ref.namespace),
        msgspec.convert(spec, NetworkPolicySpec),
    )


def rule_json(direction: Direction, peers: Sequence[Json], ports: Sequence[Json]) -> Json:
    """A rule; an empty list of peers or ports is left out, and then means any (N6)."""
    return {key: list(value) for key, value in ((_PEERS[direction], peers), ("ports", ports)) if value}


def add_peer(rule: Rule, peer: Json) -> list[Operation]:
    """One more entry of `from` or `to`; the rule has some."""
    return [Operation("add", _at(rule, _PEERS[rule.direction], "-"), peer)]


def add_rule(policy: NetworkPolicy, direction: Direction, rule: Json) -> list[Operation]:
    """One more rule of a direction that the policy isolates."""
    spec = policy.spec or NetworkPolicySpec()
    listed = spec.egress if direction is Direction.EGRESS else spec.ingress
    if listed is None:
        return [Operation("add", pointer("spec", direction.value), [rule])]
    return [Operation("add", pointer("spec", direction.value, "-"), rule)]


def remove_rules(policy: NetworkPolicy, rules: Sequence[Rule]) -> list[Operation]:
    """Takes whole rules of one direction away, while what the policy isolates stays as it is (N3)."""
    spec, direction = policy.spec or NetworkPolicySpec(), rules[0].direction
    numbers = sorted((rule.order[2] for rule in rules), reverse=True)
    out = [Operation("remove", pointer("spec", direction.value, number)) for number in numbers]
    if direction is Direction.EGRESS and not spec.policyTypes and len(numbers) == len(spec.egress or ()):
        out.append(Operation("add", pointer("spec", "policyTypes"), ["Ingress", "Egress"]))
    return out


def remove_entries(rule: Rule, *, peers: Iterable[int] = (), ports: Iterable[int] = ()) -> list[Operation]:
    """Takes entries of a rule away, the last first; some are left, as none would mean any (N6)."""
    named = [(_PEERS[rule.direction], number) for number in peers] + [("ports", number) for number in ports]
    return [Operation("remove", _at(rule, *entry)) for entry in sorted(named, key=lambda e: (e[0], -e[1]))]


def except_peer(policy: NetworkPolicy, rule: Rule, number: int, whom: Who) -> list[Operation] | None:
    """Takes an end out of a peer that has others too; None where the peer has no field for that."""
    peer = _rule_of(policy, rule)[0][number] or NetworkPolicyPeer()
    at = _at(rule, _PEERS[rule.direction], number)
    if peer.ipBlock is not None:
        return _except_address(peer.ipBlock, f"{at}/ipBlock/except", whom.address)
    if len(whom.labels) != 1 or whom.labels.keys() & ((peer.podSelector and peer.podSelector.matchLabels) or {}).keys():
        return None
    ((key, value),) = whom.labels.items()
    other = {"key": key, "operator": "NotIn", "values": [value]}
    if peer.podSelector is None:
        return [Operation("add", f"{at}/podSelector", {"matchExpressions": [other]})]
    if peer.podSelector.matchExpressions is None:
        return [Operation("add", f"{at}/podSelector/matchExpressions", [other])]
    return [Operation("add", f"{at}/podSelector/matchExpressions/-", other)]


def _except_address(block: IPBlock, at: str, address: str | None) -> list[Operation] | None:
    """A pod's address is not its name, so that only other ends are excepted by it."""
    whole = read_cidr(block.cidr)
    if address is None or whole is None or whole.network.prefixlen == whole.network.max_prefixlen:
        return None  # an exception is smaller than its block (V2)
    one = f"{address}/{whole.network.max_prefixlen}"
    return [Operation("add", at, [one]) if block.excepts is None else Operation("add", f"{at}/-", one)]


def mend(policy: NetworkPolicy, miss: NearMiss, *, replacing: bool = False) -> list[Operation] | None:
    """What makes a rule match that nearly does; None where a term has no such edit.

    A term admits one more value; or, `replacing`, the one label or namespace that it wants becomes another.
    """
    out: list[Operation] = []
    wanted: dict[str, dict[str, str | None]] = {}
    for term in miss.terms:
        match term:
            case PodLabel(role, _, failed, actual):
                at = pointer("spec", "podSelector") if role is Role.SUBJECT else _peer_at(miss, "podSelector")
                wanted.setdefault(at, {})[failed.key] = actual
            case NamespaceLabel(_, _, failed, actual):  # of a peer: the subject's namespace is the policy's own (N2)
                wanted.setdefault(_peer_at(miss, "namespaceSelector"), {})[failed.key] = actual
            case OtherNamespace(own, actual):
                out.append(Operation("add", _peer_at(miss, "namespaceSelector"), _home(own, actual, only=replacing)))
            case OtherPort() | OtherNumber():
                out += _with_port(policy, miss, term)
            case _:
                return None
    for at, values in wanted.items():
        source = _selector_at(policy, miss, at)
        edits = _renaming(source, at, values) if replacing else _admitting(source, at, values)
        if edits is None:
            return None
        out += edits
    return out


def _home(own: str, actual: str, *, only: bool) -> Json:
    """A namespaceSelector for a peer that meant its policy's namespace."""
    if only:
        return {"matchLabels": {NAME_LABEL: actual}}
    return {"matchExpressions": [{"key": NAME_LABEL, "operator": "In", "values": sorted((own, actual))}]}


def _renaming(source: LabelSelector, at: str, wanted: Mapping[str, str | None]) -> list[Operation] | None:
    """Other values for labels that are wanted one by one; None where a requirement is of another form."""
    labels = source.matchLabels or {}
    if any(value is None or key not in labels for key, value in wanted.items()):
        return None
    return [Operation("replace", at + pointer("matchLabels", key), value) for key, value in wanted.items()]


def _peer_at(miss: NearMiss, part: str) -> str:
    return _at(miss.rule, _PEERS[miss.rule.direction], _number(miss.peer), part)


def _number(entry: int | None) -> int:
    if entry is None:
        raise LookupError("no entry of the rule fails")
    return entry


def _at(rule: Rule, *parts: str | int) -> str:
    return pointer("spec", rule.direction.value, rule.order[2], *parts)


def _rule_of(
    policy: NetworkPolicy, rule: Rule
) -> tuple[Sequence[NetworkPolicyPeer | None], Sequence[NetworkPolicyPort | None]]:
    """The peers and ports of a rule as the object has them."""
    spec = policy.spec or NetworkPolicySpec()
    listed = (spec.egress if rule.direction is Direction.EGRESS else spec.ingress) or []
    source = listed[rule.order[2]]
    return (source.peers or (), source.ports or ()) if source else ((), ())


def _selector_at(policy: NetworkPolicy, miss: NearMiss, at: str) -> LabelSelector:
    peers = _rule_of(policy, miss.rule)[0]
    source: object = policy.spec if miss.peer is None or at == pointer("spec", "podSelector") else peers[miss.peer]
    found = getattr(source, at.rpartition("/")[2], None)
    return found if isinstance(found, LabelSelector) else LabelSelector()


def _admitting(source: LabelSelector, at: str, wanted: Mapping[str, str | None]) -> list[Operation] | None:
    """What makes every requirement on some keys admit one more value each, and no other."""
    edited: list[Operation] = []
    removed: list[Operation] = []
    for number, requirement in enumerate(source.matchExpressions or ()):
        if requirement.key in wanted and not _holds(requirement, wanted[requirement.key]):
            edit = _loosened(requirement, f"{at}/matchExpressions/{number}", wanted[requirement.key])
            if edit is None:
                return None
            (removed if edit.op == "remove" else edited).append(edit)
    moved = {k: v for k, v in (source.matchLabels or {}).items() if k in wanted and v != wanted[k]}
    if any(wanted[key] is None for key in moved):  # no requirement says "this value or absent"
        return None
    either = [
        {"key": key, "operator": "In", "values": sorted((value, wanted[key] or ""))} for key, value in moved.items()
    ]
    # The last is removed first, so that the numbers of the others stay what they are.
    return edited + removed[::-1] + _as_expressions(source, at, list(moved), either)


def _holds(requirement: LabelSelectorRequirement, actual: str | None) -> bool:
    labels = {} if actual is None else {requirement.key: actual}
    return selector(LabelSelector(matchExpressions=[requirement])).matches(labels)


def _loosened(requirement: LabelSelectorRequirement, at: str, actual: str | None) -> Operation | None:
    """One requirement that admits one more value: gone, where there is nothing else that it leaves out (N9)."""
    values = requirement.values or []
    if requirement.operator == "In" and actual is not None:
        return Operation("add", f"{at}/values/-", actual)
    if requirement.operator == "NotIn" and actual is not None:
        if set(values) == {actual}:
            return Operation("remove", at)
        return Operation("replace", f"{at}/values", [value for value in values if value != actual])
    return Operation("remove", at) if requirement.operator == "Exists" else None


def _as_expressions(source: LabelSelector, at: str, keys: list[str], either: Sequence[Json]) -> list[Operation]:
    """Labels as expressions with several values."""
    moved = [Operation("remove", at + pointer("matchLabels", key)) for key in keys]
    if source.matchExpressions is None and either:
        return [*moved, Operation("add", f"{at}/matchExpressions", list(either))]
    return moved + [Operation("add", f"{at}/matchExpressions/-", one) for one in either]


def _with_port(policy: NetworkPolicy, miss: NearMiss, term: OtherPort | OtherNumber) -> list[Operation]:
    """A range that grows by one port, or one more entry."""
    number = _number(miss.port)
    entry = _rule_of(policy, miss.rule)[1][number]
    at = _at(miss.rule, "ports", number)
    is_range = entry is not None and entry.endPort is not None
    if is_range and isinstance(term, OtherPort) and term.wanted.protocol == term.protocol:
        if term.port == term.wanted.last + 1:
            return [Operation("replace", f"{at}/endPort", term.port)]
        if term.port == term.wanted.first - 1:
            return [Operation("replace", f"{at}/port", term.port)]
    added = {"protocol": term.protocol, "port": term.port}
    return [Operation("add", _at(miss.rule, "ports", "-"), added)]
