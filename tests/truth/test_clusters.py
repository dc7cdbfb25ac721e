"""The random clusters: the same seed gives the same cluster, every odd form turns up, the oracle reads them all."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.truth.clusters import random_cluster, random_queries
from tests.truth.oracle import Oracle, OracleError
from tests.truth.strategies import clusters, questions

SEEDS = range(300)
CIDRS = ("10.244.0.0/16", "fd00:10:244::/64")


def specs() -> list[dict[str, Any]]:
    objects = [o for seed in SEEDS for o in random_cluster(random.Random(seed))]
    return [o["spec"] for o in objects if o["kind"] == "NetworkPolicy"]


def form(parent: Any, key: str) -> str:
    if key not in parent:
        return "absent"
    value = parent[key]
    return "null" if value is None else "some" if value else "empty"


def test_same_seed_same_cluster() -> None:
    one, two = (json.dumps(random_cluster(random.Random(7), "medium")) for _ in range(2))
    assert one == two


@pytest.mark.parametrize("key", ["podSelector", "policyTypes", "ingress", "egress"])
def test_specs_take_every_form(key: str) -> None:
    assert {form(s, key) for s in specs()} == {"absent", "null", "empty", "some"}


@pytest.mark.parametrize(
    ("section", "key"), [("ingress", "from"), ("ingress", "ports"), ("egress", "to"), ("egress", "ports")]
)
def test_rules_take_every_form(section: str, key: str) -> None:
    rules = [r for s in specs() for r in s.get(section) or []]
    assert None in rules
    assert {form(r, key) for r in rules if r is not None} == {"absent", "null", "empty", "some"}


def test_ports_take_every_form() -> None:
    ports = [
        p for s in specs() for d in ("ingress", "egress") for r in s.get(d) or [] for p in (r or {}).get("ports") or []
    ]
    shapes = {(type(p.get("port")).__name__, "endPort" in p, p.get("protocol")) for p in ports if p is not None}
    assert None in ports
    assert {} in ports
    assert {("int", True, "UDP"), ("str", False, "SCTP"), ("str", False, None), ("NoneType", False, "TCP")} <= shapes


def test_answers_are_of_every_sort() -> None:
    counted: Counter[str] = Counter()
    for seed in SEEDS:
        rng = random.Random(seed)
        objects = random_cluster(rng)
        oracle = Oracle(objects, pod_cidrs=CIDRS)
        for query in random_queries(rng, objects, 20):
            try:
                answer = oracle.verdict(**query)  # type: ignore[arg-type]
            except OracleError:
                counted["error"] += 1
            else:
                counted[f"{answer['egress']}/{answer['ingress']}/{answer['family']}"] += 1
    rare = {f"{e}/{i}/{f}" for e in ("allow", "deny") for i in ("allow", "deny") for f in (4, 6)} | {"error"}
    assert set(counted) == rare
    assert counted["error"] < counted.total() / 2


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.data())
def test_strategies_make_clusters_that_the_oracle_reads(data: st.DataObject) -> None:
    objects = data.draw(clusters())
    query = data.draw(questions(objects))
    try:
        answer = Oracle(objects, pod_cidrs=CIDRS).verdict(**query)  # type: ignore[arg-type]
    except OracleError:
        return
    both = answer["egress"] == answer["ingress"] == "allow"
    assert answer["verdict"] == ("allow" if both else "deny")
