"""A field that the kind does not have: the API server drops it, and what is left often means everyone.

`kubectl apply` says so in a warning only, and tools that send the object as it is get not even that. A rule with
`form:` for `from:` has no `from` at all, so it lets everyone in; `podSelectors:` leaves a peer empty.

**What to do:** write the field's right name. Where the name is close to one that the kind has there, the fix renames
it; it closes what stood open, so it counts as unsafe.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.author.edit import Edit
from podwall.check.facts import Facts, Object
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity
from podwall.cluster.mistake import Sort
from podwall.text.where import Path

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding]:
    for about, mistake in facts.mistakes_of(Sort.UNKNOWN_FIELD):
        meant = mistake.meant if isinstance(mistake.meant, str) else None
        fix = None
        if meant is not None and not _is_taken(facts, about, (*mistake.path[:-1], meant)):
            edit = Edit(mistake.origin, "rename", mistake.path, meant)
            fix = Fix(f"rename it to {meant}", (edit,), safe=False)
        yield Finding(
            about,
            mistake.path,
            "is no field of this kind: the API server drops it, and the object means what is left without it",
            f"write {meant}, if that was meant" if meant else "delete it, or write the name of a field that there is",
            fix=fix,
        )


def _is_taken(facts: Facts, about: Object, path: Path) -> bool:
    """Whether the field that was probably meant is there, too."""
    found = (p for p in facts.policies if p.what == about)
    return any(facts.written(policy, path) is not None for policy in found)


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - %s: [{podSelector: {}}]
"""

RULE = Rule(
    id="PW105",
    severity=Severity.ERROR,
    says="an unknown field, which the API server drops",
    check=_check,
    good=(Good(_POLICY % "from"),),
    bad=(
        Bad(_POLICY % "form", ("shop/web spec.ingress[0].form",), fixed=_POLICY % "from"),
        Bad(_POLICY % "source", ("shop/web spec.ingress[0].source",)),
        Bad(
            _POLICY % "from" + "    form: []\n",
            ("shop/web spec.ingress[0].form",),
            because="the field that was meant is there, so a person has to join the two",
        ),
    ),
)
