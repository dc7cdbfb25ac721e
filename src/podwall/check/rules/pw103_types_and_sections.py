"""`policyTypes` alone decides which directions a policy is about; the sections below it do not.

Three ways to write something else than was meant:

- a section stands there, but its type is not listed: its rules are ignored, and nothing is isolated by them;
- `egress: []` without `policyTypes`: meant as "no egress", it isolates nothing, because Egress is only added by default
  where there is at least one egress rule;
- `egress` rules without `policyTypes`: it works, by that same default, but says less than it does. Ingress is isolated
  as well, whether that was meant or not.

**What to do:** always write `policyTypes`, with every direction that the policy is about. The first two change what the
cluster does, so their fix counts as unsafe; the third one writes down what is so already.
"""

from __future__ import annotations

from collections.abc import Iterator

from podwall.api.networking import NetworkPolicy, NetworkPolicySpec
from podwall.author.edit import Edit
from podwall.check.facts import Facts, Policy
from podwall.check.rule import Bad, Finding, Fix, Good, Rule, Severity

__all__ = ["RULE"]

_TYPES = (("Ingress", "ingress"), ("Egress", "egress"))


def _check(facts: Facts) -> Iterator[Finding]:
    for policy in facts.network_policies:
        if isinstance(policy.object, NetworkPolicy) and policy.object.spec is not None:
            yield from _of(policy, policy.object.spec)


def _of(policy: Policy, spec: NetworkPolicySpec) -> Iterator[Finding]:
    listed = [name for name in spec.policyTypes or () if name]
    if not listed:
        yield from _unlisted(policy, spec)
        return
    for name, section in _TYPES:
        if getattr(spec, section) and name not in listed:
            yield Finding(
                policy.what,
                ("spec", section),
                f"is ignored, because policyTypes does not list {name}: its rules allow nothing and isolate nobody",
                f"add {name} to policyTypes, or delete the section",
                fix=_fix(policy, [t for t, _ in _TYPES if t in listed or t == name], spec, safe=False),
            )


def _unlisted(policy: Policy, spec: NetworkPolicySpec) -> Iterator[Finding]:
    if spec.egress is not None and not spec.egress:
        yield Finding(
            policy.what,
            ("spec", "egress"),
            "isolates nothing: without policyTypes an empty egress section adds no Egress type, so egress stays open",
            "write policyTypes: [Ingress, Egress] to deny egress, or delete the section",
            fix=_fix(policy, ["Ingress", "Egress"], spec, safe=False),
        )
    elif spec.egress:
        yield Finding(
            policy.what,
            ("spec",),
            "leaves policyTypes out: it isolates egress because it has egress rules, and ingress in any case",
            "write policyTypes: [Ingress, Egress], or [Egress] if ingress was not meant",
            fix=_fix(policy, ["Ingress", "Egress"], spec, safe=True),
            severity=Severity.WARNING,
        )


def _fix(policy: Policy, types: list[str], spec: NetworkPolicySpec, *, safe: bool) -> Fix:
    op = "add" if spec.policyTypes is None else "replace"
    edit = Edit(policy.origin, op, ("spec", "policyTypes"), list(types))  # type: ignore[arg-type]
    return Fix(f"policyTypes: [{', '.join(types)}]", (edit,), safe=safe)


_HEAD = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
"""
_RULES = """\
  ingress:
  - from: [{podSelector: {}}]
  egress:
  - to: [{podSelector: {}}]
"""

RULE = Rule(
    id="PW103",
    severity=Severity.ERROR,
    says="policyTypes leaves out a section that has rules, or an empty egress section isolates nothing",
    check=_check,
    good=(
        Good(_HEAD + "  policyTypes: [Ingress, Egress]\n" + _RULES),
        Good(_HEAD + "  ingress: []\n", because="Ingress is always there by default"),
        Good(_HEAD + "  policyTypes: [Ingress]\n  ingress: []\n  egress: []\n", because="there is nothing to ignore"),
    ),
    bad=(
        Bad(
            _HEAD + "  policyTypes: [Ingress]\n" + _RULES,
            ("shop/web spec.egress",),
            fixed=_HEAD + "  policyTypes:\n  - Ingress\n  - Egress\n" + _RULES,
        ),
        Bad(_HEAD + "  policyTypes: [Egress]\n" + _RULES, ("shop/web spec.ingress",)),
        Bad(
            _HEAD + "  egress: []\n",
            ("shop/web spec.egress",),
            fixed=_HEAD + "  egress: []\n  policyTypes:\n  - Ingress\n  - Egress\n",
        ),
        Bad(_HEAD + _RULES, ("shop/web spec",), because="it works, but says less than it does"),
    ),
)
