"""A rule, or a whole policy, that changes nothing: others allow all that it allows, or a tier above decides first.

Judged over all pods that there could be, not only over those that are there now, so taking it away is safe tomorrow as
well. A rule without which the policy would no longer isolate anybody is not redundant, and neither is a default deny or
another policy for a whole namespace: a baseline says what holds, and others may lean on it. What lets everything
through only while policies are rolled out (PW173) makes nobody redundant: it is meant to go.

Where two rules cover each other, the later one by name is said.

**What to do:** delete it, or keep it if it is there for people; then suppress the finding with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from podwall.author.edit import Edit
from podwall.check.coverage import is_bracket
from podwall.check.facts import Facts, Policy
from podwall.check.redundancy import covering
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity, Skipped
from podwall.engine.boxes import TooManyBoxes
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import Action, Direction, Tier
from podwall.engine.rules import Rule as PolicyRule

__all__ = ["RULE"]


def _check(facts: Facts) -> Iterator[Finding | Skipped]:
    admin = [r for p in facts.policies for r in p.rules if r.tier is Tier.ADMIN]
    admin.sort(key=lambda rule: (rule.order, rule.policy.kind))
    by_namespace: dict[str, list[Policy]] = {}
    for policy in facts.network_policies:
        by_namespace.setdefault(policy.ref.namespace, []).append(policy)
    for namespace, policies in by_namespace.items():
        above = [rule for rule in admin if facts.is_in(namespace, rule.subject.scope)]
        yield from _Namespace(facts, policies, above).said()


class _Namespace:
    """The policies of one namespace; what was found redundant covers nothing else."""

    def __init__(self, facts: Facts, policies: Sequence[Policy], above: Sequence[PolicyRule]) -> None:
        self._facts = facts
        self._policies = policies
        self._above = above
        self._kept = [policy for policy in policies if not is_bracket(policy)]
        self._left = [rule for policy in self._kept for rule in policy.rules]

    def said(self) -> Iterator[Finding | Skipped]:
        found: list[Finding | Skipped] = []
        for policy in reversed(self._kept):
            if any(isolation.subject.selector == EVERYTHING for isolation in policy.isolations):
                continue
            try:
                found += self._of(policy)
            except TooManyBoxes:
                found.append(Skipped(policy.shown, "a comparison of its selectors that ends in time"))
        yield from reversed(found)

    def _of(self, policy: Policy) -> list[Finding]:
        """The policy as a whole, or those of its rules that others cover."""
        before = list(self._left)
        covered = [(rule, by) for rule in reversed(policy.rules) if (by := self._covered(rule)) is not None]
        if policy.rules and len(covered) == len(policy.rules) and self._isolated_by_others(policy):
            self._kept = [other for other in self._kept if other is not policy]
            names = sorted({rule.policy.name for _, rules in covered for rule in rules} - {policy.ref.name})
            return [
                Finding(
                    policy.what,
                    (),
                    f"changes nothing: {_listed(names)} allow all that it allows, and isolate whom it isolates",
                    "delete it",
                    fix=Fix("delete the policy", (Edit(policy.origin, "remove", ()),)),
                )
            ]
        self._left = before
        return [self._finding(policy, rule, by) for rule in reversed(policy.rules) if (by := self._covered(rule))]

    def _covered(self, rule: PolicyRule) -> tuple[PolicyRule, ...] | None:
        """What covers a rule, which is then taken out."""
        wider = [
            other
            for other in self._left
            if other is not rule
            and other.direction is rule.direction
            and rule.subject.selector <= other.subject.selector
        ]
        found = covering(rule, wider)
        if found is None:
            found = self._decided_above(rule)
        if found is not None:
            self._left = [other for other in self._left if other is not rule]
        return found

    def _decided_above(self, rule: PolicyRule) -> tuple[PolicyRule, ...] | None:
        """The Admin rules that decide all that the rule names, as long as none before them passes."""
        deciding: list[PolicyRule] = []
        for other in self._above:
            if other.direction is rule.direction and other.subject.selector.overlaps(rule.subject.selector):
                if other.action is Action.PASS:
                    break
                if rule.subject.selector <= other.subject.selector:
                    deciding.append(other)
        return covering(rule, deciding) if deciding else None

    def _isolated_by_others(self, policy: Policy) -> bool:
        others = [i for p in self._kept if p is not policy for i in p.isolations]
        return all(
            any(o.direction is i.direction and i.subject.selector <= o.subject.selector for o in others)
            for i in policy.isolations
        )

    def _finding(self, policy: Policy, rule: PolicyRule, by: Sequence[PolicyRule]) -> Finding:
        names = [f"{other.policy.name} {other.path}" for other in by]
        above = any(other.tier is Tier.ADMIN for other in by)
        message = f"decides nothing: {_listed(names)} decide first" if above else f"adds nothing to {_listed(names)}"
        return Finding(policy.what, self._facts.field(rule), message, "delete the rule", fix=self._fix(policy, rule))

    def _fix(self, policy: Policy, rule: PolicyRule) -> Fix | None:
        """Only where the policy goes on to isolate the same direction without the rule (N3)."""
        others = [r for r in policy.rules if r is not rule and r.direction is rule.direction]
        listed = self._facts.written(policy, ("spec", "policyTypes"))
        if rule.direction is Direction.EGRESS and not others and not listed:
            return None
        return Fix("delete the rule", (Edit(policy.origin, "remove", self._facts.field(rule)),))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: shop}
spec:
  podSelector: {%s}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {%s}}]
    ports: [{port: %s}]
"""
_DB = "matchLabels: {app: db}"
_WEB = "matchLabels: {app: web}"
_OTHER = """\
  - from: [{podSelector: {matchLabels: {app: api}}}]
"""

RULE = Rule(
    id="PW160",
    severity=Severity.INFO,
    says="a rule or a policy changes nothing",
    check=_check,
    good=(
        Good(_POLICY % ("a", _DB, _WEB, 80) + "---\n" + _POLICY % ("b", _DB, _WEB, 81)),
        Good(_POLICY % ("a", "", _WEB, 80) + "---\n" + _POLICY % ("b", "", _WEB, 80), because="both are baselines"),
        Good(
            (_POLICY % ("a", "", "", 80)).replace("shop}", 'shop, labels: {podwall.io/bracket: "true"}}')
            + "---\n"
            + _POLICY % ("b", _DB, _WEB, 80),
            because="the first is there for a rollout",
        ),
        Good(_POLICY % ("a", _WEB, "", 80) + "---\n" + _POLICY % ("b", _DB, _WEB, 80), because="other subjects"),
    ),
    bad=(
        Bad(
            _POLICY % ("a", _DB, "", "80, endPort: 90") + "---\n" + _POLICY % ("b", _DB, _WEB, 85),
            ("shop/b",),
            fixed=_POLICY % ("a", _DB, "", "80, endPort: 90"),
        ),
        Bad(
            _POLICY % ("a", _DB, "", 80) + "---\n" + _POLICY % ("b", _DB, _WEB, 80) + _OTHER,
            ("shop/b spec.ingress[0]",),
            fixed=_POLICY % ("a", _DB, "", 80)
            + "---\n"
            + (_POLICY % ("b", _DB, _WEB, 80)).split("  - from")[0]
            + _OTHER,
        ),
    ),
)
