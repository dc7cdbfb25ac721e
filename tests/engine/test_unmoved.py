"""Changes cut to those whose own end lets the subjects by: no pair is lost, and what opens nothing is nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import msgspec
import pytest

from podwall.engine.altered import Altered, altered
from podwall.engine.effect import Difference, Party, differences
from podwall.engine.index import key_of
from podwall.engine.model import Model
from podwall.engine.rules import AnyPort, PolicyRef, PolicyRules
from podwall.engine.sets import PortSet
from podwall.engine.unmoved import Unmoved
from podwall.expect.mutants import mutants
from tests.truth.compare import trial
from tests.truth.engine import model_of

BLOCK = 20


def pairs_of(found: Iterable[Difference]) -> dict[tuple[object, ...], PortSet]:
    """What opens and closes, pair by pair; an end outside of the cluster by the numbers of its addresses."""
    out: dict[tuple[object, ...], PortSet] = {}
    for one in found:
        for opened, by_family in ((True, one.opened), (False, one.closed)):
            for family, ports in by_family.items():
                for source in ends(one.source, family):
                    for destination in ends(one.destination, family):
                        out[source, destination, family, opened] = ports
    return out


def ends(party: Party, family: int) -> list[object]:
    if party.addresses is None:
        return [key_of(member) for member in party.members]
    return [number for span in party.addresses.family(family).spans for number in span]


def without_outside(found: dict[tuple[object, ...], PortSet]) -> dict[tuple[object, ...], PortSet]:
    return {key: ports for key, ports in found.items() if not any(isinstance(end, int) for end in key[:2])}


@pytest.mark.parametrize("first", range(3000, 3100, BLOCK))
def test_no_pair_within_the_cluster_is_lost(first: int) -> None:
    fewer = 0
    for seed in range(first, first + BLOCK):
        one = trial(seed, (6, 3, 0, 0))
        index = one.model.index
        unmoved = Unmoved(index, one.model.reach)
        every = [m for _, rules in sorted(index.policies.items()) for m in mutants(rules)]
        for mutant in random.Random(seed).sample(every, min(12, len(every))):
            parts = altered(index, [mutant.rules])
            cut = unmoved.cut(parts)
            whole = pairs_of(differences(index, [mutant.rules], parts))
            found = pairs_of(differences(index, [mutant.rules], cut))
            assert without_outside(found) == without_outside(whole), (seed, mutant)
            assert bool(found) == bool(whole), (seed, mutant)  # external ends may be cut otherwise, never away
            fewer += weight(cut) < weight(parts)
    assert fewer


def weight(parts: Sequence[Altered]) -> int:
    return sum(slots.bit_count() for part in parts if part.others for slots in part.others.values()) + len(parts)


def pod(name: str) -> dict[str, object]:
    labels = {"app": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "n", "labels": labels}}


def policy(name: str, spec: dict[str, object]) -> dict[str, object]:
    meta = {"name": name, "namespace": "n"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def selecting(app: str) -> dict[str, object]:
    return {"podSelector": {"matchLabels": {"app": app}}}


def shop() -> Model:
    """web calls api on 80, both ends say so; nobody else is let out to anybody."""
    out: dict[str, object] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ports = [{"port": 80}]
    call_out = {**selecting("web"), "policyTypes": ["Egress"], "egress": [{"to": [selecting("api")], "ports": ports}]}
    call_in = {**selecting("api"), "ingress": [{"from": [selecting("web")], "ports": ports}]}
    policies = [policy("deny", out), policy("out", call_out), policy("in", call_in)]
    return model_of([*map(pod, ("web", "api", "db", "job")), *policies])


def test_ports_that_the_other_end_keeps_closed_are_no_change() -> None:
    model = shop()
    known = model.index.policies[PolicyRef("NetworkPolicy", "n", "in")]
    rules = tuple(msgspec.structs.replace(rule, ports=(AnyPort(),)) for rule in known.rules)
    changed = [PolicyRules(known.policy, known.isolations, rules)]
    parts = altered(model.index, changed)
    assert [part.others for part in parts]
    assert Unmoved(model.index, model.reach).cut(parts) == []


def test_ends_that_change_together_open_each_other() -> None:
    """Without the default deny, those that have no policy of their own reach each other: neither end did let them."""
    model = shop()
    changed = [PolicyRules(PolicyRef("NetworkPolicy", "n", "deny"), (), ())]
    parts = Unmoved(model.index, model.reach).cut(altered(model.index, changed))
    found = differences(model.index, changed, parts)
    names = {(a.name, b.name) for one in found for a in one.source.members for b in one.destination.members}
    assert {("db", "job"), ("job", "db")} <= names
