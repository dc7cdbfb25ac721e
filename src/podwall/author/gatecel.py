"""What the gates ask, in CEL: of a NetworkPolicy that comes, and of the default deny that a namespace must have.

One text for ValidatingAdmissionPolicy and for Kyverno, which evaluates the same language. The API server knows the
fields' types, so an absent field is asked for with `has` and a selector is never taken for a map.
"""

from __future__ import annotations

from msgspec import Struct

from podwall.cluster.ephemeral import EPHEMERAL

__all__ = ["DEFAULT_DENY", "POLICY", "VARIABLES", "Demand"]


class Demand(Struct, frozen=True):
    """An expression that must be true, and what is said where it is not; `name` is for messages and tests."""

    name: str
    expression: str
    message: str


def _quoted(words: list[str]) -> str:
    return "[" + ", ".join(f"'{word}'" for word in words) + "]"


_SELECTOR = (
    "(!has({0}.matchLabels) || !{0}.matchLabels.exists(k, k in variables.ephemeral)) && "
    "(!has({0}.matchExpressions) || !{0}.matchExpressions.exists(e, e.key in variables.ephemeral))"
)
_EMPTY = "!has({0}.matchLabels) && !has({0}.matchExpressions)"

VARIABLES: dict[str, str] = {
    "ephemeral": _quoted(sorted(EPHEMERAL)),
    "annotations": "has(object.metadata.annotations) ? object.metadata.annotations : {}",
    "types": "has(object.spec.policyTypes) ? object.spec.policyTypes : ['Ingress', 'Egress']",
    "everyPod": f"!has(object.spec.podSelector) || ({_EMPTY.format('object.spec.podSelector')})",
    "ingress": "has(object.spec.ingress) ? object.spec.ingress : []",
    "egress": "has(object.spec.egress) ? object.spec.egress : []",
    "sources": "variables.ingress.map(r, has(r.from) ? r.from : [])",
    "destinations": "variables.egress.map(r, has(r.to) ? r.to : [])",
    "ignores": "'podwall.io/ignore' in variables.annotations ? variables.annotations['podwall.io/ignore'] : ''",
}
"""What the demands share, in an order in which each knows those before it."""


def _of_peers(condition: str) -> str:
    """A condition on `p` that every peer must meet."""
    return " && ".join(f"variables.{name}.all(ps, ps.all(p, {condition}))" for name in ("sources", "destinations"))


_SELECTORS = " && ".join(
    (
        f"(!has(object.spec.podSelector) || ({_SELECTOR.format('object.spec.podSelector')}))",
        _of_peers(f"!has(p.podSelector) || ({_SELECTOR.format('p.podSelector')})"),
    )
)
_NARROW = "!has(p.ipBlock) || !(p.ipBlock.cidr in ['0.0.0.0/0', '::/0'])"
_OPEN = "!({0}.exists(r, (!has(r.{1}) || size(r.{1}) == 0) && (!has(r.ports) || size(r.ports) == 0)))"

POLICY: tuple[Demand, ...] = (
    Demand(
        "sections",
        "(size(variables.ingress) == 0 || 'Ingress' in variables.types) && "
        "(size(variables.egress) == 0 || 'Egress' in variables.types)",
        "rules of a direction that policyTypes does not list do nothing: list it (PW103)",
    ),
    Demand(
        "ephemeral",
        _SELECTORS,
        "a selector uses a label that does not last, as pod-template-hash: select by app labels (PW124)",
    ),
    Demand(
        "everyone",
        f"variables.ignores.contains('PW150:') || ({_of_peers(_NARROW)})",
        "an ipBlock is every address: name the networks, or say why it is so: podwall.io/ignore: 'PW150: …' (PW150)",
    ),
    Demand(
        "allow-all",
        "!variables.everyPod || 'podwall.io/expires' in variables.annotations || "
        f"({_OPEN.format('variables.ingress', 'from')} && {_OPEN.format('variables.egress', 'to')})",
        "it opens everything for every pod, which undoes a default deny: select the pods, or say until when: "
        "podwall.io/expires (PW173)",
    ),
)

DEFAULT_DENY = Demand(
    "default-deny",
    f"(!has(params.spec.podSelector) || ({_EMPTY.format('params.spec.podSelector')})) && "
    "has(params.spec.policyTypes) && ['Ingress', 'Egress'].all(t, t in params.spec.policyTypes) && "
    "(!has(params.spec.ingress) || size(params.spec.ingress) == 0) && "
    "(!has(params.spec.egress) || size(params.spec.egress) == 0)",
    "the NetworkPolicy default-deny of the namespace denies not everything: podwall new deny -n NAMESPACE",
)
