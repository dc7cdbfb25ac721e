from __future__ import annotations

import pytest

from podwall.engine.rules import Direction
from podwall.needs.registry import find
from podwall.needs.uncalled import with_uncalled
from tests.needs.found import application
from tests.needs.objects import questions, service, workload

WEB, DB = workload("web"), workload("db") + service("db")
POLICY = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [%s]}]}
"""
CASES: dict[str, tuple[str, set[str]]] = {
    "nobody names it": (WEB + DB, {"callers -> shop/db 8080/TCP"}),
    "somebody names it": (workload("web", container="env: [{name: DB, value: 'db:80'}]") + DB, set()),
    "by its own name only": (
        workload("db", container="env: [{name: DB, value: 'db:80'}]", top="replicas: 2") + service("db") + WEB,
        {"callers -> shop/db 8080/TCP"},
    ),
    "from outside": (WEB + workload("db") + service("db", spec="type: LoadBalancer"), set()),
    "without a Service": (WEB + workload("db"), set()),
    "nobody behind the Service": (WEB + service("db"), set()),
    "metrics are not for callers": (
        WEB + workload("db") + service("db", ports="{name: http-metrics, port: 9100}"),
        set(),
    ),
    "two Services of one workload": (
        WEB + DB + service("db-metrics", app="db", ports="{name: x, port: 9100}"),
        {"callers -> shop/db 8080/TCP,9100/TCP"},
    ),
    "one Service of two workloads": (
        workload("a", labels="part: x") + workload("b", labels="part: x") + service("x").replace("app: x", "part: x"),
        {"callers of shop/x -> shop/a 8080/TCP", "callers of shop/x -> shop/b 8080/TCP"},
    ),
    "the cluster's DNS": (WEB + workload("db") + service("db", ports="{port: 53, targetPort: 53}"), set()),
    "policies let everybody in": (WEB + DB + POLICY % "{podSelector: {}}", set()),
}


@pytest.mark.parametrize("case", CASES)
def test_who_calls(case: str) -> None:
    text, expected = CASES[case]
    app = application(text)
    before = find(app)
    after = with_uncalled(app, before)
    assert (after.needs, after.unseen) == (before.needs, before.unseen)
    assert questions(after.questions[len(before.questions) :]) == expected


def test_whom_policies_let_in_is_drafted() -> None:
    app = application(WEB + workload("job") + DB + POLICY % "{podSelector: {matchLabels: {app: web}}}")
    (one,) = with_uncalled(app, find(app)).questions
    assert (one.direction, one.drafted, one.shared) == (Direction.INGRESS, ("shop/web",), "")
    assert [(e.about, e.says) for e in one.evidence] == [(("Service", "shop", "db"), "Service db")]


def test_an_answer_for_all_behind_a_service() -> None:
    app = application(CASES["one Service of two workloads"][0])
    assert {one.shared for one in with_uncalled(app, find(app)).questions} == {"callers of shop/x -> *"}
