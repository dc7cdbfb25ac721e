"""The normal form: what every policy kind is turned into, and all that the rest of the engine knows of policies.

A rule stays symbolic: selectors, blocks and named ports as such. Each nil-or-empty case of the API is a name of its own
here (`AnyPeer`, `AnyPort`, an isolation without rules), so nothing below asks whether something is None.
"""

from __future__ import annotations

import enum

from msgspec import Struct

from podwall.engine.labels import Selector
from podwall.engine.sets import NO_ADDRESSES, AddrSet

__all__ = [
    "Action",
    "AnyPeer",
    "AnyPort",
    "Block",
    "Direction",
    "Domains",
    "InNamespace",
    "Isolation",
    "Mode",
    "NamedPort",
    "NamespacesMatching",
    "NoPort",
    "Nobody",
    "Nodes",
    "Peer",
    "Pods",
    "PolicyRef",
    "PolicyRules",
    "PortRange",
    "PortTerm",
    "Rule",
    "Scope",
    "Tier",
    "rank",
]


class Direction(enum.Enum):
    """Which end of a connection a rule's subject is: egress, its source; ingress, its destination (N1)."""

    EGRESS = "egress"
    INGRESS = "ingress"


class Tier(enum.IntEnum):
    """The order in which rules are read (C1)."""

    ADMIN = 0
    NETWORK_POLICY = 1
    BASELINE = 2


class Action(enum.Enum):
    """What a matching rule does (C4). NetworkPolicy rules only allow."""

    ALLOW = "Allow"
    DENY = "Deny"
    PASS = "Pass"  # noqa: S105 - an action, not a password


class Mode(enum.Enum):
    """Whether a rule decides packets or is only judged beside those that do."""

    ENFORCE = "enforce"
    AUDIT = "audit"


class InNamespace(Struct, frozen=True, gc=False, tag=True):
    """The one namespace of this name: a policy's own (N8)."""

    name: str


class NamespacesMatching(Struct, frozen=True, gc=False, tag=True):
    """All namespaces whose labels match (N21)."""

    selector: Selector


Scope = InNamespace | NamespacesMatching


class Pods(Struct, frozen=True, gc=False, tag=True):
    """Pods by namespace and labels: a subject, or a peer. Never host-network pods, nodes or external ends (N8, D3)."""

    scope: Scope
    selector: Selector


class AnyPeer(Struct, frozen=True, gc=False, tag=True):
    """Everyone, external addresses and nodes included (N6)."""


class Block(Struct, frozen=True, gc=False, tag=True):
    """Addresses: an ipBlock with its exceptions taken out (N10), or `networks`.

    `everywhere` says that pods, hosts and nodes are matched whatever the profile says of ipBlocks (C8, D1).
    """

    addresses: AddrSet
    everywhere: bool = False


class Nodes(Struct, frozen=True, gc=False, tag=True):
    """Nodes by label, and so the host-network pods on them; destinations only (C9)."""

    selector: Selector


class Domains(Struct, frozen=True, gc=False, tag=True):
    """Names, exact or `*.` and one or more labels; destinations only (C12).

    `addresses` are those known of them, and `known` those of the names that they are known of. Any other name is a
    destination of its own, which may have any address: see `domains`.
    """

    names: tuple[str, ...]
    addresses: AddrSet = NO_ADDRESSES
    known: tuple[str, ...] = ()


class Nobody(Struct, frozen=True, gc=False, tag=True):
    """A peer that this engine does not know: it matches nothing (C13)."""


Peer = AnyPeer | Pods | Block | Nodes | Domains | Nobody


class AnyPort(Struct, frozen=True, gc=False, tag=True):
    """Every port of every protocol (N6)."""


class PortRange(Struct, frozen=True, gc=False, tag=True):
    """Destination ports `first..last`, inclusive (N12)."""

    protocol: str
    first: int
    last: int


class NamedPort(Struct, frozen=True, gc=False, tag=True):
    """The ports of this name on the destination pod, of one protocol (N13) or, where it is "", of any (C11)."""

    protocol: str
    name: str


class NoPort(Struct, frozen=True, gc=False, tag=True):
    """A protocol entry that this engine does not know: it matches nothing (C13)."""


PortTerm = AnyPort | PortRange | NamedPort | NoPort


class PolicyRef(Struct, frozen=True, gc=False, order=True):
    """Which object a rule comes from; the cluster knows where that object was read."""

    kind: str
    namespace: str
    name: str


class Isolation(Struct, frozen=True, gc=False):
    """The subject is denied in this direction whatever no rule of the NetworkPolicy tier allows (N5)."""

    policy: PolicyRef
    direction: Direction
    subject: Pods


class Rule(Struct, frozen=True, gc=False):
    """One rule: (any of `peers`) and (any of `ports`), for connections of `subject` in `direction` (N7).

    `order` is (priority, policy, rule number); it says nothing within the NetworkPolicy tier, where rules only add up.
    A `broken` rule has a part that this engine does not know, and fails closed (C13). `path` is the rule's field in its
    policy; entry i of `peers` and of `ports` is entry i of the field's own lists, unless it is AnyPeer or AnyPort.
    """

    policy: PolicyRef
    path: str
    tier: Tier
    order: tuple[int, str, int]
    direction: Direction
    subject: Pods
    peers: tuple[Peer, ...]
    ports: tuple[PortTerm, ...]
    action: Action = Action.ALLOW
    mode: Mode = Mode.ENFORCE
    broken: bool = False


class PolicyRules(Struct, frozen=True, gc=False):
    """One policy in the normal form."""

    policy: PolicyRef
    isolations: tuple[Isolation, ...]
    rules: tuple[Rule, ...]


def rank(rule: Rule) -> tuple[Tier, int, str, str, int]:
    """The order in which rules of the tiers are read: priority, then name (D9), then kind, then number."""
    priority, name, number = rule.order
    return rule.tier, priority, name, rule.policy.kind, number
