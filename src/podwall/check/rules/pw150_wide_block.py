"""A block of addresses that is as good as everyone: `0.0.0.0/0`, `::/0`, or one that is nearly as wide.

An IPv4 block wider than /8 and an IPv6 block wider than /16 are said to be wide. Exceptions do not change that: they
take a part out of the world, and the world is still there.

Sometimes the whole internet is the answer, for a crawler or a public load balancer. Then suppress the finding on the
policy with the reason; the next reader wants to know it.

**What to do:** name the networks that are meant. Where only a host name is known, send the traffic through a proxy, or
use a CNI that has policies by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.blocks import WrittenBlock, written_blocks
from podwall.check.examples import some_address, some_port
from podwall.check.facts import Facts, Witness
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.hosts import external
from podwall.engine.judge import ports_on
from podwall.engine.rules import Action

__all__ = ["RULE"]

_WIDEST = {4: 8, 6: 16}


def _check(facts: Facts) -> Iterator[Finding]:
    for block in written_blocks(facts):
        if block.rule.action is Action.ALLOW and block.prefix < _WIDEST[block.family]:
            what = "every address" if block.prefix == 0 else f"{_share(block)} of all addresses"
            yield Finding(
                block.policy.what,
                (*block.path, "cidr") if block.is_ip_block else block.path,
                f"{block.cidr} is {what} of IPv{block.family}: {'reachable' if block.is_egress else 'let in'}",
                "name the networks that are meant, or suppress this with the reason why it is everyone",
                witness=_witness(facts, block),
            )


def _share(block: WrittenBlock) -> str:
    return f"1/{2**block.prefix}"


def _witness(facts: Facts, block: WrittenBlock) -> Witness | None:
    """The first subject, with an address of the internet."""
    addresses = block.addresses.family(block.family)
    subject = next(facts.classes(facts.index.pods(block.rule.subject)), None)
    if subject is None or not addresses:
        return None
    outside = some_address(addresses)
    ports = ports_on(block.rule.ports, external(outside) if block.is_egress else subject)
    ends = (facts.shown(subject), outside) if block.is_egress else (outside, facts.shown(subject))
    return Witness(*ends, *some_port(ports)) if ports else None


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: crawler, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to:
    - ipBlock: {cidr: %s}
    ports: [{port: 443}]
"""

RULE = Rule(
    id="PW150",
    severity=Severity.WARNING,
    says="an ipBlock that is everyone, or nearly: wider than /8 (IPv4) or /16 (IPv6)",
    check=_check,
    good=(Good(_POLICY % "203.0.113.0/24"), Good(_POLICY % "10.0.0.0/8"), Good(_POLICY % '"2001:db8::/32"')),
    bad=(
        Bad(_POLICY % "0.0.0.0/0", ("shop/crawler spec.egress[0].to[0].ipBlock.cidr",)),
        Bad(_POLICY % "128.0.0.0/2", ("shop/crawler spec.egress[0].to[0].ipBlock.cidr",)),
        Bad(_POLICY % '"::/0"', ("shop/crawler spec.egress[0].to[0].ipBlock.cidr",)),
        Bad(
            _POLICY % "0.0.0.0/0, except: [10.0.0.0/8]",
            ("shop/crawler spec.egress[0].to[0].ipBlock.cidr",),
            because="an exception leaves the rest of the world",
        ),
    ),
)
