"""Egress to every address, meant for the internet, that also reaches the inside: the cloud's metadata service and
private networks.

`169.254.169.254` hands out the node's credentials on most clouds, and private ranges hold databases, other clusters and
nodes. A rule for "the internet" should leave both out with `except`.

**What to do:** add `except`. The fix adds the metadata addresses and the private ranges. It is unsafe: a database that
the pods use today may live there, and then it needs a rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.blocks import METADATA, PRIVATE, WrittenBlock, written_blocks
from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.engine.rules import Action
from podwall.engine.sets import AddrSet

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for block in written_blocks(facts):
        if block.prefix or not block.is_egress or not block.is_ip_block or block.rule.action is not Action.ALLOW:
            continue
        reached = [
            (name, part)
            for name, addresses in (("the metadata service", METADATA), ("private networks", PRIVATE))
            if (part := addresses.family(block.family) & block.addresses)
        ]
        if reached:
            missing = [cidr for _, part in reached for cidr in part.cidrs()]
            yield Finding(
                block.policy.what,
                block.path,
                f"{block.cidr} also reaches {' and '.join(name for name, _ in reached)}: {', '.join(missing)}",
                "add them to except, and give what is needed there a rule of its own",
                fix=_fix(facts, block, missing),
            )


def _fix(facts: Facts, block: WrittenBlock, missing: list[str]) -> Fix:
    written = facts.written(block.policy, (*block.path, "except"))
    known = [str(e) for e in written if e] if isinstance(written, list) else []
    wanted = sorted({*known, *missing}, key=lambda cidr: AddrSet.of(cidr).spans)
    edit = Edit(block.policy.origin, "add" if written is None else "replace", (*block.path, "except"), wanted)
    return Fix(f"except: {', '.join(missing)}", (edit,), safe=False)


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to:
    - ipBlock:
        cidr: 0.0.0.0/0
%s"""
_EXCEPT = """\
        except:
        - 10.0.0.0/8
        - 169.254.169.254/32
        - 172.16.0.0/12
        - 192.168.0.0/16
"""

RULE = Rule(
    id="PW151",
    severity=Severity.WARNING,
    says="egress to every address reaches the metadata service or private networks",
    check=_check,
    good=(
        Good(_POLICY % _EXCEPT),
        Good((_POLICY % "").replace("0.0.0.0/0", "203.0.113.0/24")),
        Good((_POLICY % _EXCEPT).replace("169.254.169.254/32", "169.254.0.0/16"), because="a wider exception will do"),
    ),
    bad=(
        Bad(_POLICY % "", ("shop/out spec.egress[0].to[0].ipBlock",), fixed=_POLICY % _EXCEPT),
        Bad(
            _POLICY % "        except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]\n",
            ("shop/out spec.egress[0].to[0].ipBlock",),
            because="the metadata service is still there",
        ),
    ),
)
