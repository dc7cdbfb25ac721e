"""The addresses that policies name, as they are written: `ipBlock`s and `networks`, one by one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_

from msgspec import Struct

from podwall.check.facts import Facts, Policy
from podwall.cluster.wellknown import METADATA as METADATA_CIDRS
from podwall.engine.rules import Block, Direction, Rule
from podwall.engine.sets import AddrSet
from podwall.text.where import Path

__all__ = ["METADATA", "PRIVATE", "WrittenBlock", "written_blocks"]

PRIVATE = AddrSet.of("10.0.0.0/8") | AddrSet.of("172.16.0.0/12") | AddrSet.of("192.168.0.0/16") | AddrSet.of("fc00::/7")
"""RFC 1918 and RFC 4193."""
METADATA = reduce(or_, map(AddrSet.of, METADATA_CIDRS))
"""Where clouds tell an instance its credentials."""


class WrittenBlock(Struct, frozen=True):
    """One CIDR of a peer: `path` is its field, `addresses` what is left of it without its exceptions."""

    policy: Policy
    rule: Rule
    path: Path
    cidr: str
    addresses: AddrSet
    is_ip_block: bool

    @property
    def prefix(self) -> int:
        """The length of its prefix."""
        return ipaddress.ip_network(self.cidr, strict=False).prefixlen

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.cidr else 4

    @property
    def is_egress(self) -> bool:
        """Whether the addresses are destinations."""
        return self.rule.direction is Direction.EGRESS


def written_blocks(facts: Facts) -> Iterator[WrittenBlock]:
    """Every block of every policy, in order."""
    for policy in facts.policies:
        for rule in policy.rules:
            for number, peer in enumerate(rule.peers):
                if isinstance(peer, Block):
                    yield from _of(facts, policy, rule, number)


def _of(facts: Facts, policy: Policy, rule: Rule, number: int) -> Iterator[WrittenBlock]:
    path = facts.field(rule, peer=number)
    written = facts.written(policy, path)
    if not isinstance(written, dict):
        return
    block, networks = written.get("ipBlock"), written.get("networks")
    if isinstance(block, dict):
        cidr, excepts = str(block["cidr"]), [e for e in block.get("except") or () if e]
        held = _addresses(cidr, excepts)
        if held is not None:
            yield WrittenBlock(policy, rule, (*path, "ipBlock"), cidr, held, is_ip_block=True)
    for position, cidr in enumerate(networks or ()):
        held = _addresses(cidr)
        if held is not None:
            yield WrittenBlock(policy, rule, (*path, "networks", position), cidr, held, is_ip_block=False)


def _addresses(cidr: str, excepts: Iterable[str] = ()) -> AddrSet | None:
    """None for what is no CIDR: where no API server refused it, it means nobody."""
    try:
        return AddrSet.of(cidr, excepts)
    except ValueError:
        return None
