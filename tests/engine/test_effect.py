"""What changes of cluster policies open and close."""

from __future__ import annotations

import random

import msgspec
import pytest

from podwall.engine.altered import altered
from podwall.engine.effect import Difference, differences
from podwall.engine.rules import Action, PolicyRef, PolicyRules, Rule
from podwall.engine.sets import NO_PORTS, PortSet
from tests.truth.compare import trial
from tests.truth.engine import model_of, open_ports

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


def edited(rng: random.Random, known: PolicyRules) -> PolicyRules:
    """A policy with one of its rules gone, at another place, doing the opposite, or made a copy of another one."""
    rules = list(known.rules)
    at = rng.randrange(len(rules))
    match rng.randrange(4):
        case 0:
            del rules[at]
        case 1:
            other = rng.randrange(len(rules))
            places = rules[at].order, rules[other].order
            rules[at], rules[other] = (_at(rules[n], order) for n, order in zip((at, other), places[::-1], strict=True))
        case 2:
            action = Action.DENY if rules[at].action is not Action.DENY else Action.ALLOW
            rules[at] = msgspec.structs.replace(rules[at], action=action)
        case _:
            one = rng.choice(rules)
            if one.direction is rules[at].direction:
                rules[at] = msgspec.structs.replace(rules[at], peers=one.peers, ports=one.ports)
    return msgspec.structs.replace(known, rules=tuple(rules))


def _at(rule: Rule, order: tuple[int, str, int]) -> Rule:
    return msgspec.structs.replace(rule, order=order)


def among_pods(found: dict[tuple[str, str, int], PortSet]) -> dict[tuple[str, str, int], PortSet]:
    return {key: ports for key, ports in found.items() if "/" in key[0] and "/" in key[1]}


def told(found: list[Difference], *, opened: bool) -> dict[tuple[str, str, int], PortSet]:
    out: dict[tuple[str, str, int], PortSet] = {}
    for one in found:
        names = [[f"{m.namespace}/{m.kind}/{m.name}" for m in p.members] for p in (one.source, one.destination)]
        for family, ports in (one.opened if opened else one.closed).items():
            out |= {(a, b, family): ports for a in names[0] for b in names[1] if a != b}
    return out


def test_what_changes_is_the_difference_of_two_maps() -> None:
    """Of cluster-wide policies: rules that go, change places or change their words."""
    seen = 0
    for seed in range(4001, 4081, 2):  # every other one has such policies
        one = trial(seed, (6, 1, 0, 0))
        policies = [p for ref, p in sorted(one.model.index.policies.items()) if not ref.namespace and p.rules]
        rng = random.Random(seed)
        now = among_pods(open_ports(model_of(one.objects, cni=one.cni)))
        for known in rng.sample(policies, min(4, len(policies))):
            after = edited(rng, known)
            index = one.model.index
            found = list(differences(index, [after], altered(index, [after])))
            changed = model_of(one.objects, cni=one.cni)
            changed.index.put_policy(after)
            maps = [now, among_pods(open_ports(changed))]
            for opened, (old, new) in ((True, maps), (False, maps[::-1])):
                more = {key: ports - old.get(key, NO_PORTS) for key, ports in new.items()}
                want = {key: ports for key, ports in more.items() if ports}
                assert told(found, opened=opened) == want, (seed, known.policy)
                seen += len(want)
    assert seen > 50


def test_a_rule_that_goes_is_about_whom_it_names() -> None:
    whole = [pod("a"), pod("b"), pod("c"), policy("Deny")]
    whole[3]["spec"]["ingress"][0]["from"] = [  # type: ignore[index]
        {"pods": {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "b"}}}}
    ]
    model = model_of(whole)
    known = model.index.policies[PolicyRef("ClusterNetworkPolicy", "", "c")]
    (part,) = altered(model.index, [msgspec.structs.replace(known, rules=())])
    assert not part.external
    assert part.others == model.index.pods(known.rules[0].peers[0])  # type: ignore[arg-type]
    assert part.others != part.subjects
