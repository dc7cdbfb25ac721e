"""One connection: its verdict, and the evidence that the verdict is read from, so that yes and why cannot disagree.

Egress is decided at the source and ingress at the destination (N1); `judge` makes verdicts.
"""

from __future__ import annotations

import enum
from functools import cached_property

from msgspec import Struct

from podwall.cluster.endpoints import Endpoint
from podwall.engine.rules import Direction, Isolation, Rule

__all__ = ["Connection", "End", "Match", "Reason", "Side", "Verdict", "is_selectable"]

_NO_CLASS = ("", 0)  # of what no selector sees: no namespace has this name
_IPV4, _IPV6 = frozenset((4,)), frozenset((6,))


class End(Struct, frozen=True, dict=True):
    """One end of a question: `member` stands for all that `name` means, which are `members` where they are several.

    `slot` is their class in the index, -1 for what is not in it. `many` is as in Endpoint; `node` is the one that all
    are on. What a question needs of an end is found out once, as many are about the same one.
    """

    name: str
    member: Endpoint
    slot: int = -1
    many: bool = False
    node: str | None = None
    members: tuple[Endpoint, ...] = ()

    @cached_property
    def selectable(self) -> bool:
        """Whether selectors can see it."""
        return is_selectable(self.member)

    @cached_property
    def seen_as(self) -> tuple[str, int]:
        """The namespace and the slot that selectors see it in, of no namespace where they do not see it."""
        return (self.member.namespace, self.slot) if self.selectable else _NO_CLASS

    @cached_property
    def families(self) -> frozenset[int]:
        """Of its addresses; both for a domain name, as nobody knows which."""
        addresses = self.member.addresses
        if self.member.kind == "Domain":
            return _IPV4 | _IPV6
        if len(addresses) == 1:  # nearly all ends
            return _IPV6 if ":" in addresses[0] else _IPV4
        return frozenset(6 if ":" in address else 4 for address in addresses)


def is_selectable(endpoint: Endpoint) -> bool:
    """Whether selectors can see it: a pod or workload that is not on its host's network (N8, D3)."""
    return not endpoint.host_network and endpoint.kind not in ("Node", "External", "Domain")


class Connection(Struct, frozen=True, gc=False):
    """What is asked: the destination's own port, after DNAT (N12). `hairpin`: by a Service, so never loopback (D5)."""

    source: End
    destination: End
    protocol: str
    port: int
    family: int
    hairpin: bool = False


class Reason(enum.Enum):
    """What decides a side."""

    RULE = "rule"
    DENY_RULE = "deny rule"
    NO_RULE = "no rule"
    NOT_ISOLATED = "not isolated"
    NOT_A_POD = "not a pod"
    OWN_NODE = "own node"
    LOOPBACK = "loopback"


_REFUSALS = (Reason.NO_RULE, Reason.DENY_RULE)


class Match(Struct, frozen=True, gc=False):
    """A rule that a connection meets, with the number of the peer and of the port that do."""

    rule: Rule
    peer: int
    port: int


class Side(Struct, frozen=True, gc=False):
    """One direction's decision.

    `matches` are the rules that decide: all that allow in the NetworkPolicy tier, the first one in another. `passed`
    are the Pass rules on the way to it. `assumed` says that the decision rests on an allotted address (D2).
    """

    direction: Direction
    reason: Reason
    isolated_by: tuple[Isolation, ...] = ()
    matches: tuple[Match, ...] = ()
    passed: tuple[Match, ...] = ()
    assumed: bool = False

    @property
    def allowed(self) -> bool:
        """Whether this side lets the connection through."""
        return self.reason not in _REFUSALS


class Verdict(Struct, frozen=True, gc=False):
    """Both sides; the connection is allowed iff both allow it (N1)."""

    egress: Side
    ingress: Side

    @property
    def allowed(self) -> bool:
        """Whether the connection can be opened."""
        return self.egress.allowed and self.ingress.allowed

    @property
    def assumed(self) -> bool:
        """Whether a side rests on an allotted address (D2)."""
        return self.egress.assumed or self.ingress.assumed
