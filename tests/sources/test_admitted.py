"""Objects that an API server holds: their policies are never an error, and are read tolerantly (D14, V10, C10, C13)."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from podwall.cluster.profile import KUBERNETES
from podwall.engine.model import Model
from podwall.ops.inputs import Inputs, Opened, open_texts
from podwall.sources.files import Text
from tests.truth.cluster_policies import random_cluster_policies
from tests.truth.engine import as_json, as_stream, read_text
from tests.truth.ladders import random_ladder
from tests.truth.picture import TIER_KINDS
from tests.truth.policies import random_policy
from tests.truth.vocabulary import Object

JUNK: dict[type, tuple[Any, ...]] = {
    str: ("", "x" * 300, "ICMP", "-", "10.0.0.0/99", "*.*", "Not A Name"),
    int: (-1, 0, 65536, 70000, 1 << 40),
}


def policies(chance: random.Random) -> list[Object]:
    return [*(random_policy(chance, f"p{i}") for i in range(3)), *random_cluster_policies(chance, 3)]


def leaves(value: Any) -> list[tuple[Any, Any]]:
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in held for found in ([(value, key)] if type(inner) in JUNK else leaves(inner))]


def spoiled(objects: list[Object], chance: random.Random) -> list[Object]:
    """Policies that no validation of today would take, each field of the type that it has."""
    made = copy.deepcopy(objects)
    for each in made:
        places = leaves(each["spec"])
        for holder, key in chance.sample(places, min(3, len(places))):
            holder[key] = chance.choice(JUNK[type(holder[key])])
        if chance.random() < 0.3:
            each["spec"]["later"] = {"than": "this"}
    return made


@pytest.mark.parametrize("seed", range(150))
def test_whatever_they_say_they_are_read_and_judged(seed: int) -> None:
    chance = random.Random(seed)
    plain = [o for o in random_ladder(chance) if o["kind"] not in (*TIER_KINDS, "NetworkPolicy")]
    objects = plain + spoiled(policies(chance), chance)
    read = read_text(as_json(objects), admitted=True)
    assert (read.unreadable, read.problems) == ((), ())
    model = Model(read.assembled.cluster, KUBERNETES)
    assert model.counts().pairs > 0
    assert list(model.reach.sources())


def opened(objects: list[Object], *, admitted: bool = True) -> Opened:
    return open_texts(Inputs(), [Text("dump.json", as_stream(objects), admitted=admitted)])


def cluster_policy(**rule: Any) -> Object:
    spec = {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "egress": [{"action": "Accept", **rule}]}
    kind = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy"}
    return {**kind, "metadata": {"name": "later"}, "spec": spec}


def test_fields_that_are_not_known_make_the_answer_incomplete() -> None:
    found = opened([cluster_policy(to=[{"serviceAccounts": {}}], until="2040")])
    assert found.incomplete == (
        (
            "Podwall does not know 2 fields of policies, the first of them at dump.json:1:"
            " spec.egress[0].to[0].serviceAccounts; the answer may be wrong without"
        ),
    )
    assert not found.partial
    (rule,) = next(iter(found.model.index.policies.values())).rules
    assert rule.broken


def test_one_such_field_is_one_field() -> None:
    (said,) = opened([cluster_policy(to=[{"namespaces": {}}], until="2040")]).incomplete
    assert said.startswith("Podwall does not know a field of a policy at dump.json:1: spec.egress[0].until")


def test_a_type_that_no_server_holds_is_still_a_mistake() -> None:
    objects = [cluster_policy(to="everyone")]
    assert read_text(as_json(objects), admitted=True).problems == (
        ("spec.egress[0].to", "expected a list, got a string"),
    )


def test_a_text_keeps_what_it_is_without_its_data(tmp_path: Any) -> None:
    text = Text("dump.json", b"{}", tmp_path / "dump.json", admitted=True)
    assert text.again().admitted
