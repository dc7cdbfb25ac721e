"""Scraping: which ports annotations and monitors mean, and who scrapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwall.needs.need import Sureness
from tests.needs.objects import check, service, workload

PROMETHEUS = workload("prometheus", namespace="monitoring")
ON, PORT = 'prometheus.io/scrape: "true"', 'prometheus.io/port: "9100"'
SCRAPED = {"monitoring/prometheus -> shop/web 9100/TCP"}
ASKED = {"prometheus -> shop/web 9100/TCP"}


def monitor(kind: str, spec: str, namespace: str = "shop") -> str:
    return f"""
---
apiVersion: monitoring.coreos.com/v1
kind: {kind}Monitor
metadata: {{name: m, namespace: {namespace}}}
spec: {{{spec}}}
"""


TWO = "{name: http, port: 80, targetPort: http}, {name: m, port: 81, targetPort: metrics}"
WEB = workload("web") + service("web", ports=TWO)
BY_LABEL, BY_POD = "selector: {matchLabels: {svc: web}}", "selector: {matchLabels: {app: web}}"
NO_SUCH = "selector: {matchExpressions: [{key: svc, operator: DoesNotExist}]}"
CASES = {
    "a pod's annotations": (workload("web", annotations=f"{ON}, {PORT}"), SCRAPED),
    "its port called metrics": (workload("web", annotations=ON), SCRAPED),
    "all its ports": (
        workload("web", annotations=ON).replace("name: metrics,", "name: admin,"),
        {"monitoring/prometheus -> shop/web 8080/TCP,9100/TCP"},
    ),
    "not wanted": (workload("web", annotations='prometheus.io/scrape: "false", prometheus.io/port: "9100"'), set()),
    "a port alone": (workload("web", annotations=PORT), set()),
    "no number": (workload("web", annotations=f"{ON}, prometheus.io/port: metrics"), set()),
    "a port that is called metrics": (WEB, set()),
    "a Service's port is the pods' own": (
        workload("web") + service("web", annotations=f"{ON}, {PORT}"),
        SCRAPED,
    ),
    "a Service's target ports": (
        workload("web") + service("web", annotations=ON),
        {"monitoring/prometheus -> shop/web 8080/TCP"},
    ),
    "a monitor of Services": (WEB + monitor("Service", f"{BY_LABEL}, endpoints: [{{port: m}}]"), SCRAPED),
    "by the pods' port": (WEB + monitor("Service", f"{BY_LABEL}, endpoints: [{{targetPort: metrics}}]"), SCRAPED),
    "by its number": (WEB + monitor("Service", f"{BY_LABEL}, endpoints: [{{targetPort: 9100}}]"), SCRAPED),
    "every Service": (WEB + monitor("Service", "selector: {}, endpoints: [{port: m}]"), SCRAPED),
    "another label": (WEB + monitor("Service", "selector: {matchLabels: {svc: api}}, endpoints: [{port: m}]"), set()),
    "an expression": (WEB + monitor("Service", f"{NO_SUCH}, endpoints: [{{port: m}}]"), set()),
    "another port": (WEB + monitor("Service", f"{BY_LABEL}, endpoints: [{{port: none}}]"), set()),
    "another namespace": (WEB + monitor("Service", f"{BY_LABEL}, endpoints: [{{port: m}}]", "b"), set()),
    "namespaces by name": (
        WEB
        + monitor("Service", f"{BY_LABEL}, namespaceSelector: {{matchNames: [shop]}}, endpoints: [{{port: m}}]", "b"),
        SCRAPED,
    ),
    "any namespace": (
        WEB + monitor("Service", f"{BY_LABEL}, namespaceSelector: {{any: true}}, endpoints: [{{port: m}}]", "b"),
        SCRAPED,
    ),
    "a monitor of pods": (WEB + monitor("Pod", f"{BY_POD}, podMetricsEndpoints: [{{port: metrics}}]"), SCRAPED),
    "its number": (WEB + monitor("Pod", f"{BY_POD}, podMetricsEndpoints: [{{portNumber: 9100}}]"), SCRAPED),
    "the Service's name of it": (WEB + monitor("Pod", f"{BY_POD}, podMetricsEndpoints: [{{port: m}}]"), set()),
    "other pods": (
        WEB + monitor("Pod", "selector: {matchLabels: {app: api}}, podMetricsEndpoints: [{port: metrics}]"),
        set(),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_ports(case: str, tmp_path: Path) -> None:
    text, wanted = CASES[case]
    check(tmp_path, "scrape", text + PROMETHEUS, wanted)
    asked = {one.replace("monitoring/", "") for one in wanted}
    check(tmp_path, "scrape", text, set(), asked)


SCRAPERS = {
    "by its label": (workload("p", namespace="m", labels="app.kubernetes.io/name: prometheus"), {"m/p"}),
    "an agent": (workload("vmagent", namespace="m"), {"m/vmagent"}),
    "several": (PROMETHEUS + workload("alloy", namespace="m"), {"m/alloy", "monitoring/prometheus"}),
    "what is around it": (
        workload("prometheus-node-exporter", namespace="m") + workload("prometheus-operator", namespace="m"),
        set(),
    ),
    "on its host's network": (workload("prometheus", namespace="m", spec="hostNetwork: true"), set()),
}


@pytest.mark.parametrize("case", SCRAPERS)
def test_who_scrapes(case: str, tmp_path: Path) -> None:
    others, sources = SCRAPERS[case]
    text = workload("web", annotations=f"{ON}, {PORT}") + others
    check(tmp_path, "scrape", text, {f"{one} -> shop/web 9100/TCP" for one in sources}, set() if sources else ASKED)


def test_one_question_for_all_that_asks(tmp_path: Path) -> None:
    text = workload("web", annotations=f'{ON}, prometheus.io/port: "9100"') + service("web", annotations=ON)
    out = check(tmp_path, "scrape", text, set(), {"prometheus -> shop/web 8080/TCP,9100/TCP"})
    assert out.questions[0].drafted == ("monitoring/prometheus",)
    assert len(out.questions[0].evidence) == 2


@pytest.mark.parametrize(("merge", "ports"), [("", {"9100/TCP", "15020/TCP"}), ("false", {"9100/TCP"})])
def test_a_sidecar_answers_for_its_application(merge: str, ports: set[str], tmp_path: Path) -> None:
    said = f'{ON}, {PORT}, prometheus.istio.io/merge-metrics: "{merge}"'
    text = workload("web", labels='sidecar.istio.io/inject: "true"', annotations=said) + PROMETHEUS
    check(tmp_path, "scrape", text, {f"monitoring/prometheus -> shop/web {one}" for one in ports})


def test_nobody_scrapes_itself(tmp_path: Path) -> None:
    check(tmp_path, "scrape", workload("prometheus", namespace="monitoring", annotations=f"{ON}, {PORT}"), set())


def test_on_the_nodes(tmp_path: Path) -> None:
    node = workload("exporter", kind="DaemonSet", spec="hostNetwork: true", annotations=f"{ON}, {PORT}")
    check(tmp_path, "scrape", node + PROMETHEUS, set(), {"monitoring/prometheus -> shop/exporter 9100/TCP"})
    check(tmp_path, "scrape", node, set())


def test_how_sure_it_is(tmp_path: Path) -> None:
    (stated,) = check(tmp_path, "scrape", CASES["a pod's annotations"][0] + PROMETHEUS, SCRAPED).needs
    (inferred,) = check(tmp_path, "scrape", CASES["its port called metrics"][0] + PROMETHEUS, SCRAPED).needs
    assert (stated.sureness, inferred.sureness) == (Sureness.STATED, Sureness.INFERRED)
    assert stated.evidence[0].path[-3:] == ("metadata", "annotations", "prometheus.io/port")
    assert stated.evidence[0].says == "annotation prometheus.io/port: 9100"
