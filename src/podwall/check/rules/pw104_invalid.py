"""An object that the API server refuses, so that it does not exist in the cluster.

`kubectl apply` fails with these very words. In a pipeline that applies many files the message is easily lost, and what
the policy was to close stays open. The usual ones: a number in quotes (`port: "80"` is the name of a port), a range as
one text (`8000-8100`), a selector's operator in the wrong case, a label value that no label can have, `endPort` without
`port`.

All other checks, and every other command that is told to go on, see the cluster without the object.

Where the API server takes an object but a part of it can hardly be meant, such as a port's name that no port can have,
it is said as a warning.

**What to do:** correct the field. The fix takes the quotes off a number.
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

_BLOCKS = frozenset({"ipBlock", "networks"})


def _check(facts: Facts) -> Iterator[Finding]:
    for about, mistake in facts.mistakes_of(Sort.INVALID):
        if not _is_anothers(mistake):
            yield _finding(about, mistake)


def _is_anothers(mistake: Mistake) -> bool:
    """Whether another check is about it: blocks of addresses, and null items, which it shows with what they mean."""
    null = mistake.message.startswith("null is read as")
    return OUTSIDE in mistake.message or (mistake.warning and (null or bool(_BLOCKS.intersection(mistake.path))))


def _finding(about: Object, mistake: Mistake) -> Finding:
    said, advice = advised(mistake.message)
    consequence = "" if mistake.warning else "; the API server refuses the object, so it is not in the cluster"
    fix = None
    if isinstance(mistake.meant, int):
        edit = Edit(mistake.origin, "replace", mistake.path, mistake.meant)
        fix = Fix("take the quotes away", (edit,), safe=False)
    return Finding(
        about,
        mistake.path,
        f"is wrong: {said}{consequence}",
        advice or "correct the field",
        fix=fix,
        severity=Severity.WARNING if mistake.warning else None,
    )


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - ports: [{port: %s}]
"""

RULE = Rule(
    id="PW104",
    severity=Severity.ERROR,
    says="the API server refuses the object",
    check=_check,
    good=(
        Good(_POLICY % "80"),
        Good(_POLICY % '"http"', because="a name in quotes is a name"),
    ),
    bad=(
        Bad(_POLICY % '"80"', ("shop/web spec.ingress[0].ports[0].port",), fixed=_POLICY % "80"),
        Bad(_POLICY % "8000-8100", ("shop/web spec.ingress[0].ports[0].port",)),
        Bad(_POLICY % "http, protocol: tcp", ("shop/web spec.ingress[0].ports[0].protocol",)),
        Bad(_POLICY % "[80]", ("shop/web spec.ingress[0].ports[0].port",), because="the text is of another sort"),
    ),
)
