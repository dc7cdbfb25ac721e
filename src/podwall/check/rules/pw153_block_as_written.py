"""A block of addresses that is not what it looks like: an `except` outside of its `cidr`, or bits beyond the prefix.

An `except` has to be a part of its block, and not all of it: the API server refuses the policy otherwise, and nothing
of it holds. `10.0.0.7/8` is read as `10.0.0.0/8`, sixteen million addresses, though one address was probably meant;
Kubernetes 1.36 and later refuse new policies with such a block, and with leading zeros or IPv4 addresses in IPv6 form.

**What to do:** move the `except` to the block that it is a part of. Write a block by its first address, or one address
as /32 or /128. The fix writes down the block that is meant today, so it changes nothing in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.admission.addresses import OUTSIDE
from podwall.admission.finding import advised
from podwall.author.edit import Edit
from podwall.check.facts import Facts, Object
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.cluster.mistake import Mistake, Sort

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for about, mistake in facts.mistakes_of(Sort.INVALID):
        if OUTSIDE in mistake.message:
            yield _outside(about, mistake)
        elif mistake.warning and isinstance(mistake.meant, str):
            yield _respelled(about, mistake, mistake.meant)


def _outside(about: Object, mistake: Mistake) -> Finding:
    said, advice = advised(mistake.message)
    return Finding(
        about,
        mistake.path,
        f"is no part of its block: {advice}. {said}. The API server refuses the policy, so it does nothing",
        "move it to the block that it is a part of, or delete it",
    )


def _respelled(about: Object, mistake: Mistake, meant: str) -> Finding:
    said, advice = advised(mistake.message)
    return Finding(
        about,
        mistake.path,
        f"is read as {meant}: {said}",
        advice or f"write {meant}",
        fix=Fix(f"write {meant}", (Edit(mistake.origin, "replace", mistake.path, meant),)),
        severity=Severity.WARNING,
    )


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: office, namespace: shop}
spec:
  podSelector: {}
  ingress:
  - from:
    - ipBlock: {cidr: %s}
"""

RULE = Rule(
    id="PW153",
    severity=Severity.ERROR,
    says="an except outside of its cidr, or a block with bits beyond its prefix",
    check=_check,
    good=(
        Good(_POLICY % "10.0.0.0/8, except: [10.1.0.0/16]"),
        Good(_POLICY % '"2001:db8::/32"'),
    ),
    bad=(
        Bad(
            _POLICY % "10.0.0.0/8, except: [192.168.0.0/16]", ("shop/office spec.ingress[0].from[0].ipBlock.except[0]",)
        ),
        Bad(
            _POLICY % "10.0.0.7/8",
            ("shop/office spec.ingress[0].from[0].ipBlock.cidr",),
            fixed=_POLICY % "10.0.0.0/8",
        ),
        Bad(
            _POLICY % "10.0.0.0/8, except: [10.1.2.3/16]",
            ("shop/office spec.ingress[0].from[0].ipBlock.except[0]",),
            fixed=_POLICY % "10.0.0.0/8, except: [10.1.0.0/16]",
        ),
    ),
)
