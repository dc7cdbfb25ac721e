"""Drafts hold when they are run, say the same of the same cluster, and fold whole namespaces."""

from __future__ import annotations

import random

import pytest

from podwall.engine.model import Model
from podwall.expect.draft import MOST_NAMESPACES, Draft, draft
from podwall.expect.ends import Ends
from podwall.expect.parse import Given, parse
from podwall.expect.world import World
from podwall.report.draft import draft_text
from tests.expect.reading import judged
from tests.expect.test_judge import block, ingress, of, pod, policy
from tests.truth.compare import trial
from tests.truth.engine import model_of


def drafted(model: Model, only: str | None = None) -> Draft:
    return draft(World(model), Ends(model), only)


def text_of(model: Model, only: str | None = None) -> str:
    return "".join(draft_text(drafted(model, only)))


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_a_draft_of_any_cluster_holds_and_does_not_depend_on_order(first: int) -> None:
    lines = 0
    for seed in range(first, first + 10):
        one = trial(seed, (4, 4, 0, 0))
        for only in (None, "alpha"):
            text = text_of(one.model, only)
            found = parse(text.encode(), "draft.yaml", Given())
            lines += len(found.expectations)
            assert [str(p) for p in found.problems if "list is empty" not in p.message] == []
            failed = [o.expectation.text for o in judged(one.model, found.expectations) if not o.holds]
            assert failed == [], f"seed {seed}"
            objects = list(one.objects)
            random.Random(seed).shuffle(objects)
            assert text_of(model_of(objects, cni=one.cni), only) == text
    assert lines > 5  # most of these clusters are open all over


SHOP = [
    pod("web", "10.244.1.1"),
    pod("api", "10.244.1.2"),
    pod("db", "10.244.2.1", namespace="data"),
    policy("deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
    policy("api", ingress("api", {"from": [of("web")], "ports": [{"port": 80}, {"port": 90, "endPort": 99}]})),
    policy(
        "out",
        {
            "podSelector": {"matchLabels": {"app": "web"}},
            "policyTypes": ["Egress"],
            "egress": [
                {"to": [of("api")], "ports": [{"port": 80}, {"port": 90, "endPort": 99}]},
                {"to": [block("203.0.113.0/24")], "ports": [{"port": 443}]},
            ],
        },
    ),
    policy("db", ingress("db", {"from": [{"namespaceSelector": {}}], "ports": [{"port": 5432}]}), "data"),
    policy("dbs", {"podSelector": {}, "policyTypes": ["Egress"], "egress": []}, "data"),
]


def test_what_is_drafted() -> None:
    found = drafted(model_of(SHOP))
    assert [(s.namespace, s.lines) for s in found.sections] == [
        ("data", ("internet -> data/* deny", "shop/* -> data/* deny", "data/* -> internet deny")),
        (
            "shop",
            (
                "shop/web -> 203.0.113.0/24:443 allow",
                "shop/web -> shop/api:80,90-99 allow",
                "internet -> shop/* deny",
                "data/* -> shop/* deny",
                "shop/api -> shop/* deny",
                "shop/* -> shop/web deny",
                "shop/api -> internet deny",
            ),
        ),
    ]
    assert (found.wide, found.between) == ((), True)


def test_a_namespace_alone_has_the_lines_about_it() -> None:
    lines = {line for section in drafted(model_of(SHOP), "data").sections for line in section.lines}
    assert lines == {
        "internet -> data/* deny",
        "shop/* -> data/* deny",
        "data/* -> internet deny",
        "data/* -> shop/* deny",
    }


def test_what_no_policy_guards_is_left_out_and_named() -> None:
    text = text_of(model_of([pod("web", "10.244.1.1"), pod("api", "10.244.1.2")]))
    assert "# Left out: what is open on every port, from or to shop/api and shop/web." in text
    assert text.endswith("expect: []\n")


def test_many_namespaces_are_not_drafted_against_each_other() -> None:
    pods = [pod("web", f"10.244.0.{n}", namespace=f"n{n:02}") for n in range(1, MOST_NAMESPACES + 2)]
    found = drafted(model_of([*pods, policy("deny", {"podSelector": {}}, "n01")]))
    assert not found.between
    assert [line for section in found.sections for line in section.lines] == ["internet -> n01/* deny"]


def test_a_node_with_a_public_address_is_part_of_the_internet() -> None:
    """It is asked about with the internet, whether a line names its address or not."""
    address = {"type": "ExternalIP", "address": "203.0.113.9"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}, "status": {"addresses": [address]}}
    assert "- internet -> shop/* deny\n" in text_of(model_of([*SHOP, node]))
