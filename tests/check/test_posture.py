"""The posture of namespaces, against what their policies say."""

from __future__ import annotations

import datetime as dt

from podwall.check.facts import Options
from podwall.check.posture import Counts, Posture, postures
from tests.check.reading import facts_of

POD = """\
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {space}, labels: {{app: {name}}}}}
"""
PODS = "".join(
    POD.format(space=s, name=n) for s, n in (("a", "web"), ("a", "db"), ("b", "api"), ("kube-system", "dns"))
)
POLICY = """\
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: a}
spec: %s
"""
DENY = POLICY % ("deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}")
OPEN_WEB = POLICY % ("web", "{podSelector: {matchLabels: {app: web}}, ingress: [{}]}")


def postures_of(objects: str) -> dict[str, Posture]:
    return {p.namespace: p for p in postures(facts_of(objects, Options(dt.date(2026, 11, 21))))}


def test_without_policies_everything_is_open() -> None:
    found = postures_of(PODS)
    assert list(found) == ["a", "b"]
    assert found["a"] == Posture("a", 2, 2, False, False, 2, 2, 2, 2)
    assert found["a"].score == 10


def test_a_default_deny_closes_and_a_rule_opens() -> None:
    assert postures_of(PODS + DENY)["a"] == Posture("a", 2, 0, True, True, 0, 0, 0, 2, "broken")
    assert postures_of(PODS + DENY)["a"].score == 90
    found = postures_of(PODS + DENY + OPEN_WEB)
    assert found["a"] == Posture("a", 2, 0, True, True, 1, 0, 2, 2, "broken")
    assert found["b"] == Posture("b", 1, 1, False, False, 1, 1, 1, 2)


def test_an_allow_all_undoes_a_default_deny() -> None:
    found = postures_of(PODS + DENY + POLICY % ("all", "{podSelector: {}, ingress: [{}]}"))["a"]
    assert (found.ingress_denied, found.egress_denied, found.from_internet) == (False, True, 2)


def test_one_workload_with_a_policy_is_no_default_deny() -> None:
    found = postures_of(PODS + OPEN_WEB)["a"]
    assert (found.ingress_denied, found.without_policy) == (False, 1)


def test_each_owner_of_a_shared_namespace_has_a_score() -> None:
    owners = {("Pod", "a", "web"): "web-team", ("Pod", "a", "db"): "data-team"}
    facts = facts_of(PODS + OPEN_WEB, Options(dt.date(2026, 11, 21), owners=owners))
    found = {p.namespace: p for p in postures(facts)}
    assert found["a"].owned == (("data-team", Counts(1, 1, 1, 1)), ("web-team", Counts(1, 0, 1, 1)))
    assert [found["a"].score_of(counts) for _, counts in found["a"].owned] == [10, 30]
    assert found["b"].owned == ()


def test_dns_that_lets_nobody_in_is_broken() -> None:
    dns = PODS.replace("labels: {app: dns}", "labels: {k8s-app: kube-dns}")
    closed = (POLICY % ("deny", "{podSelector: {}, policyTypes: [Ingress]}")).replace(
        "namespace: a", "namespace: kube-system"
    )
    assert postures_of(dns)["b"].dns == "ok"
    assert postures_of(dns + closed)["b"].dns == "broken"
