"""NetworkPolicy without one exception of an ipBlock: the normal form keeps addresses, not how they were written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from podwall.api.networking import NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicySpec
from podwall.engine.policies.networkpolicy import policy_types
from podwall.engine.rules import Block, Direction
from podwall.engine.sets import AddrSet

__all__ = ["Opened", "without_excepts"]


class Opened(Struct, frozen=True):
    """A peer of a rule with one `except` taken out: where the rule is, the peer's number, and the wider block."""

    path: str
    peer: int
    excepted: str
    block: Block


def without_excepts(policy: NetworkPolicy) -> Iterator[Opened]:
    """Each exception in turn, of the directions that count (N4). The policy is valid."""
    spec = policy.spec or NetworkPolicySpec()
    directions = policy_types(spec)
    if Direction.EGRESS in directions:
        yield from _opened("spec.egress", spec.egress or ())
    if Direction.INGRESS in directions:
        yield from _opened("spec.ingress", spec.ingress or ())


def _opened(field: str, rules: Sequence[NetworkPolicyIngressRule | NetworkPolicyEgressRule | None]) -> Iterator[Opened]:
    for at, rule in enumerate(rules):
        for number, peer in enumerate((rule.peers if rule else None) or ()):
            block = peer.ipBlock if peer else None
            excepts = [e for e in (block.excepts if block else None) or () if e]
            for chosen in range(len(excepts)):
                others = excepts[:chosen] + excepts[chosen + 1 :]
                if block is not None:
                    wider = Block(AddrSet.of(block.cidr, others))
                    yield Opened(f"{field}[{at}]", number, excepts[chosen], wider)
