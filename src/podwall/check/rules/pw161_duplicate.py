"""Two objects of one kind, namespace and name that say different things: the one that is applied last wins.

Which one that is depends on the order of files, so the cluster may change with a rename of a file. It happens where a
policy is copied and not renamed, or where an overlay and its base are both read. Copies that say the same do no harm.

All other checks see the first one, by file and place.

**What to do:** delete one, or give it a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.check.facts import Facts
from podwall.check.rule import Bad, Finding, Good, Rule, Severity
from podwall.cluster.mistake import Sort

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for about, mistake in facts.mistakes_of(Sort.DUPLICATE):
        other = f" in {mistake.other.source}" if mistake.other is not None else ""
        yield Finding(
            about,
            mistake.path,
            f"differs from another {about.kind} of this name{other}: the one that is applied last holds",
            "keep one of the two, or rename one",
        )


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {}, policyTypes: [%s]}
---
"""

RULE = Rule(
    id="PW161",
    severity=Severity.ERROR,
    says="two objects of one kind and name that differ",
    check=_check,
    good=(Good(_POLICY % "Ingress" + _POLICY % "Ingress", because="a copy says the same"),),
    bad=(Bad(_POLICY % "Ingress" + _POLICY % "Egress", ("shop/web",)),),
)
