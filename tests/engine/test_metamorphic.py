"""What must not change an answer, and what may change it in one direction only."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from podwall.ops.inputs import Inputs, open_cluster
from podwall.ops.mapping import make_map, summarize
from tests.truth.clusters import random_cluster
from tests.truth.engine import model_of, open_ports
from tests.truth.oracle import Oracle
from tests.truth.policies import random_policy, rule
from tests.truth.policy import policy_types, selects
from tests.truth.vocabulary import NAMESPACES, Object

SEEDS = range(40)
SECTIONS = (("ingress", "from", "Ingress"), ("egress", "to", "Egress"))


def cluster(seed: int) -> tuple[list[Object], random.Random]:
    """A cluster with at least one policy; every object is there once."""
    rng = random.Random(seed)
    objects = random_cluster(rng, "small")
    unique = {json.dumps(o, sort_keys=True): o for o in objects}
    made = [*unique.values(), random_policy(rng, "always")]
    return copy.deepcopy(made), rng


def policies(objects: list[Object]) -> Iterator[Object]:
    return (o for o in objects if o["kind"] == "NetworkPolicy")


def with_types(objects: list[Object]) -> list[Object]:
    """The same with policyTypes written out (N3), so that a rule more is nothing but a rule more."""
    for policy in policies(objects):
        spec = policy["spec"] = policy.get("spec") or {}
        spec["policyTypes"] = sorted(policy_types(spec))
    return objects


# Order of objects


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_objects_does_not_change_a_byte(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    objects = random_cluster(rng, "small")  # some objects stand there twice
    paths = []
    for number, obj in enumerate(objects):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(obj))
        paths.append(str(path))
    assert len({answers(rng.sample(paths, len(paths))) for _ in range(3)}) == 1


def answers(paths: list[str]) -> bytes:
    """Map with reasons, map and summary, as bytes."""
    opened = open_cluster(Inputs(filenames=tuple(paths)))
    made = (make_map(opened, why=True), make_map(opened, why=False), summarize(opened))
    return b"\n".join(msgspec.json.encode(m) for m in made)


# Rules


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rule_more_never_closes_a_connection(seed: int) -> None:
    objects, rng = cluster(seed)
    with_types(objects)
    before = open_ports(model_of(objects))
    spec = rng.choice(list(policies(objects)))["spec"]
    section, peers, _ = rng.choice(SECTIONS)
    spec[section] = [*(spec.get(section) or []), rule(rng, peers)]
    after = open_ports(model_of(objects))
    lost = {pair: ports - after[pair] if pair in after else ports for pair, ports in before.items()}
    assert not any(lost.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_rule_fewer_opens_a_connection(seed: int) -> None:
    objects, rng = cluster(seed)
    with_types(objects)
    before = open_ports(model_of(objects))
    for policy in policies(objects):
        section = rng.choice(SECTIONS)[0]
        policy["spec"][section] = (policy["spec"].get(section) or [])[1:]
    after = open_ports(model_of(objects))
    assert after.keys() <= before.keys()
    assert all(ports <= before[pair] for pair, ports in after.items())


@pytest.mark.parametrize("key", ["peers", "ports"])
@pytest.mark.parametrize("seed", SEEDS)
def test_splitting_a_rule_changes_nothing(seed: int, key: str) -> None:
    objects, _ = cluster(seed)
    before = open_ports(model_of(objects))
    for policy in policies(objects):
        spec = policy.get("spec") or {}
        for section, peers, _ in SECTIONS:
            if spec.get(section):
                field = peers if key == "peers" else "ports"
                spec[section] = [part for r in spec[section] for part in parts(r, field)]
    assert open_ports(model_of(objects)) == before


def parts(whole: Object | None, field: str) -> list[Object | None]:
    """A rule as one rule for each entry of one of its lists; entries are ORed (N7)."""
    if whole is None or not whole.get(field):
        return [whole]
    return [{**whole, field: [entry]} for entry in whole[field]]


@pytest.mark.parametrize("seed", SEEDS)
def test_splitting_a_policy_by_its_rules_changes_nothing(seed: int) -> None:
    objects, _ = cluster(seed)
    with_types(objects)
    before = open_ports(model_of(objects))
    others = [o for o in objects if o["kind"] != "NetworkPolicy"]
    split = [one for policy in policies(objects) for one in one_rule_each(policy)]
    assert open_ports(model_of([*others, *split])) == before


def one_rule_each(policy: Object) -> Iterator[Object]:
    """The policy without rules, which isolates, and one for each rule; together they say the same (N5, N7)."""
    bare = {k: v for k, v in policy["spec"].items() if k not in ("ingress", "egress")}
    yield {**policy, "spec": bare}
    for section, _, direction in SECTIONS:
        for number, one in enumerate(policy["spec"].get(section) or []):
            if direction in bare["policyTypes"]:
                meta = {**policy["metadata"], "name": f"{policy['metadata']['name']}-{section}-{number}"}
                yield {**policy, "metadata": meta, "spec": {**bare, "policyTypes": [direction], section: [one]}}


# Policies


@pytest.mark.parametrize("seed", SEEDS)
def test_names_of_policies_are_only_names(seed: int, tmp_path: Path) -> None:
    objects, rng = cluster(seed)
    old = sorted(p["metadata"]["name"] for p in policies(objects))
    new = dict(zip(old, rng.sample([f"z{i}" for i in range(len(old))], len(old)), strict=True))
    renamed = copy.deepcopy(objects)
    for policy in policies(renamed):
        policy["metadata"]["name"] = new[policy["metadata"]["name"]]
    one, other = (written(o, tmp_path / f"{i}.json") for i, o in enumerate((objects, renamed)))
    assert one["connections"], "the map is empty"
    for connection in one["connections"]:
        for side in ("egressBy", "ingressBy"):
            if isinstance(connection[side], list):
                for ref in connection[side]:
                    ref["name"] = new[ref["name"]]
                connection[side].sort(key=lambda ref: (ref["namespace"], ref["name"]))
    assert one == other


def written(objects: list[Object], path: Path) -> Object:
    """The map with reasons as JSON, without the file's own name."""
    path.write_text("\n".join(json.dumps(o) for o in objects))
    made = msgspec.json.encode(make_map(open_cluster(Inputs(filenames=(str(path),))), why=True))
    decoded: Object = json.loads(made.replace(json.dumps(str(path)).encode(), b'"file"'))
    return decoded


@pytest.mark.parametrize("seed", SEEDS)
def test_a_policy_changes_nothing_for_pods_that_it_does_not_select(seed: int) -> None:
    objects, rng = cluster(seed)
    before = open_ports(model_of(objects))
    added = random_policy(rng, "added")
    added["metadata"]["namespace"] = rng.choice(NAMESPACES)
    after = open_ports(model_of([*objects, added]))
    chosen = {end.name for end in Oracle(objects).picture.ends() if selects(added, end)}
    changed = {pair for pair in before.keys() | after.keys() if before.get(pair) != after.get(pair)}
    assert {(s, d) for s, d, _ in changed if not {s, d} & chosen} == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_copy_of_a_policy_changes_nothing(seed: int) -> None:
    objects, _ = cluster(seed)
    copies = [{**p, "metadata": {**p["metadata"], "name": f"{p['metadata']['name']}-copy"}} for p in policies(objects)]
    assert open_ports(model_of([*objects, *copies])) == open_ports(model_of(objects))
