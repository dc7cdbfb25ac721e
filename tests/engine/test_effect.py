"""What changes of cluster policies open and close."""

from __future__ import annotations

import msgspec
import pytest

from podwall.engine.altered import altered
from podwall.engine.effect import differences
from podwall.engine.rules import PolicyRef
from tests.truth.engine import model_of

EVERYONE: dict[str, object] = {"namespaces": {}}


def pod(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "n", "labels": {"app": name}}}


def policy(*actions: str) -> dict[str, object]:
    ingress = [{"action": action, "from": [EVERYONE]} for action in actions]
    spec = {"tier": "Admin", "priority": 1, "subject": EVERYONE, "ingress": ingress}
    kind = "ClusterNetworkPolicy"
    return {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": kind, "metadata": {"name": "c"}, "spec": spec}


@pytest.mark.parametrize(
    ("actions", "opens", "closes"),
    [
        (("Accept", "Deny"), False, True),  # the peers stay what they are: the action alone is another one
        (("Deny", "Accept"), True, False),
        (("Pass", "Deny"), False, True),
        (("Deny", "Deny"), False, False),
    ],
)
def test_a_rule_that_differs_from_the_next_by_its_action_is_missed(
    actions: tuple[str, str], opens: bool, closes: bool
) -> None:
    model = model_of([pod("a"), pod("b"), policy(*actions)])
    known = model.index.policies[PolicyRef("ClusterNetworkPolicy", "", "c")]
    changed = [msgspec.structs.replace(known, rules=known.rules[1:])]
    found = list(differences(model.index, changed, altered(model.index, changed)))
    assert (any(d.opened for d in found), any(d.closed for d in found)) == (opens, closes)
