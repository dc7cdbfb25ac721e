"""What the gates ask, in Rego for Gatekeeper: the same demands as in CEL, and in the same words."""

from __future__ import annotations

from string import Template

from podwall.author.gatecel import DEFAULT_DENY, POLICY
from podwall.cluster.ephemeral import EPHEMERAL

__all__ = ["default_deny", "policy"]

_POLICY = Template("""\
package podwallnetworkpolicy

spec := input.review.object.spec

annotations := object.get(input.review.object.metadata, "annotations", {})

types := object.get(spec, "policyTypes", ["Ingress", "Egress"])

ephemeral := {$labels}

everyone := {"0.0.0.0/0", "::/0"}

peers[peer] {
  peer := spec.ingress[_].from[_]
}

peers[peer] {
  peer := spec.egress[_].to[_]
}

selectors[selector] {
  selector := spec.podSelector
}

selectors[selector] {
  selector := peers[_].podSelector
}

listed(word) {
  types[_] == word
}

every_pod {
  selector := object.get(spec, "podSelector", {})
  count(object.get(selector, "matchLabels", {})) == 0
  count(object.get(selector, "matchExpressions", [])) == 0
}

opens(rule, field) {
  count(object.get(rule, field, [])) == 0
  count(object.get(rule, "ports", [])) == 0
}

opens_all {
  opens(spec.ingress[_], "from")
}

opens_all {
  opens(spec.egress[_], "to")
}

violation[{"msg": msg}] {
  count(object.get(spec, "ingress", [])) > 0
  not listed("Ingress")
  msg := "$sections"
}

violation[{"msg": msg}] {
  count(object.get(spec, "egress", [])) > 0
  not listed("Egress")
  msg := "$sections"
}

violation[{"msg": msg}] {
  selectors[_].matchLabels[key]
  ephemeral[key]
  msg := "$ephemeral"
}

violation[{"msg": msg}] {
  key := selectors[_].matchExpressions[_].key
  ephemeral[key]
  msg := "$ephemeral"
}

violation[{"msg": msg}] {
  cidr := peers[_].ipBlock.cidr
  everyone[cidr]
  not contains(object.get(annotations, "podwall.io/ignore", ""), "PW150:")
  msg := "$everyone"
}

violation[{"msg": msg}] {
  every_pod
  opens_all
  not annotations["podwall.io/expires"]
  msg := "$allow_all"
}
""")
_DEFAULT_DENY = Template("""\
package podwalldefaultdeny

denies_all(spec) {
  selector := object.get(spec, "podSelector", {})
  count(object.get(selector, "matchLabels", {})) == 0
  count(object.get(selector, "matchExpressions", [])) == 0
  spec.policyTypes[_] == "Ingress"
  spec.policyTypes[_] == "Egress"
  count(object.get(spec, "ingress", [])) == 0
  count(object.get(spec, "egress", [])) == 0
}

has_default_deny(namespace) {
  denies_all(data.inventory.namespace[namespace]["networking.k8s.io/v1"].NetworkPolicy["default-deny"].spec)
}

violation[{"msg": msg}] {
  not has_default_deny(input.review.object.metadata.namespace)
  msg := "$default_deny"
}
""")


def policy() -> str:
    """The module about a NetworkPolicy that comes."""
    labels = ", ".join(f'"{key}"' for key in sorted(EPHEMERAL))
    return _POLICY.substitute({d.name.replace("-", "_"): d.message for d in POLICY}, labels=labels)


def default_deny() -> str:
    """The module about a workload that comes into a namespace."""
    return _DEFAULT_DENY.substitute(default_deny=DEFAULT_DENY.message)
