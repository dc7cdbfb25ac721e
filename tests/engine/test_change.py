"""What is proposed for small clusters: the operations, how many fields they are, and what else they open and close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from podwall.engine.change import MOST_JUDGED, Change, Changes, Refusal, changes
from podwall.engine.questions import Question
from tests.truth.engine import model_of

Object = dict[str, Any]

NAME = "kubernetes.io/metadata.name"


def pod(name: str, address: str, **labels: str) -> Object:
    home, _, name = name.partition("/")
    meta = {"namespace": home, "name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"phase": "Running", "podIP": address}}


def policy(name: str, **spec: Any) -> Object:
    home, _, name = name.partition("/")
    meta = {"namespace": home, "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def rule(*peers: Object, ports: Sequence[Object] = ()) -> Object:
    return {"from": list(peers), "ports": list(ports)}


def app(name: str) -> Object:
    return {"podSelector": {"matchLabels": {"app": name}}}


CLUSTER = [
    pod("shop/web", "10.244.1.1", app="web"),
    pod("shop/old", "10.244.1.2", app="old"),
    pod("data/db", "10.244.1.3", app="db"),
    pod("data/job", "10.244.1.4", app="job"),
]
SHOP = {"namespaceSelector": {"matchLabels": {NAME: "shop"}}}
WEB = {**SHOP, **app("web")}
PG = {"protocol": "TCP", "port": 5432}
HTTP = {"protocol": "TCP", "port": 80}
DENY = policy("data/p", podSelector={})
DB = {"podSelector": {"matchLabels": {"app": "db"}}}


def found_for(*objects: Object, src: str = "shop/web") -> Changes:
    model = model_of([*CLUSTER, *objects])
    (asked,) = model.questions.connections(Question(src, "data/db", 5432)).connections
    return changes(model, asked)


def said(change: Change) -> tuple[object, ...]:
    """The operations, or the spec of a new policy; the fields; the numbers of other pairs opened and closed."""
    (patch,) = change.patches
    done: object = [(o.op, o.path, None if o.op == "remove" else o.value) for o in patch.operations]
    if patch.new_object is not None:
        done = without_nulls(msgspec.to_builtins(patch.new_object.spec))
    return done, change.fields, change.opens.count, change.closes.count


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [*map(without_nulls, value)] if isinstance(value, list) else value


def expression(operator: str, *values: str) -> Object:
    return {"key": "app", "operator": operator, "values": list(values)}


PEER = "/spec/ingress/0/from"
FIRST = {
    "a rule beside another": (
        [policy("data/p", **DB, ingress=[rule(app("job"), app("x"), ports=[HTTP])])],
        ([("add", "/spec/ingress/-", rule(WEB, ports=[PG]))], 4, 0, 0),
    ),
    "a label that nobody has": (
        [policy("data/p", **DB, ingress=[rule({**SHOP, **app("wbe")}, ports=[PG])])],
        ([("replace", f"{PEER}/0/podSelector/matchLabels/app", "web")], 1, 0, 0),
    ),
    "a label that somebody has": (
        [policy("data/p", **DB, ingress=[rule({**SHOP, **app("old")}, ports=[PG])])],
        ([("add", f"{PEER}/-", WEB)], 2, 0, 0),
    ),
    "another namespace, where nobody is meant": (
        [policy("data/p", **DB, ingress=[rule(app("web"), ports=[PG])])],
        ([("add", f"{PEER}/0/namespaceSelector", SHOP["namespaceSelector"])], 1, 0, 0),
    ),
    "a peer": (
        [policy("data/p", **DB, ingress=[rule(app("job"), ports=[PG])])],
        ([("add", f"{PEER}/-", WEB)], 2, 0, 0),
    ),
    "a port": (
        [policy("data/p", **DB, ingress=[rule(WEB, ports=[HTTP])])],
        ([("add", "/spec/ingress/0/ports/-", PG)], 2, 0, 0),
    ),
    "a range that ends one port too soon": (
        [policy("data/p", **DB, ingress=[rule(WEB, ports=[{"port": 5000, "endPort": 5431}])])],
        ([("replace", "/spec/ingress/0/ports/0/endPort", 5432)], 1, 0, 0),
    ),
    "a range that begins one port too late": (
        [policy("data/p", **DB, ingress=[rule(WEB, ports=[{"port": 5433, "endPort": 5440}])])],
        ([("replace", "/spec/ingress/0/ports/0/port", 5432)], 1, 0, 0),
    ),
    "a port beside another": (
        [policy("data/p", **DB, ingress=[rule(WEB, ports=[{"port": 5433}])])],
        ([("add", "/spec/ingress/0/ports/-", PG)], 2, 0, 0),
    ),
    "a value more": (
        [
            policy(
                "data/p",
                **DB,
                ingress=[rule({**SHOP, "podSelector": {"matchExpressions": [expression("In", "old")]}}, ports=[PG])],
            )
        ],
        ([("add", f"{PEER}/0/podSelector/matchExpressions/0/values/-", "web")], 1, 0, 0),
    ),
    "an exclusion less": (
        [
            policy(
                "data/p",
                **DB,
                ingress=[
                    rule({**SHOP, "podSelector": {"matchExpressions": [expression("NotIn", "web", "x")]}}, ports=[PG])
                ],
            )
        ],
        ([("replace", f"{PEER}/0/podSelector/matchExpressions/0/values", ["x"])], 1, 0, 0),
    ),
    "a peer out of some": (
        [policy("data/p", **DB, ingress=[rule(WEB, app("job"))])],
        ([("remove", f"{PEER}/0", None)], 2, 0, 1),
    ),
    "a port out of some": (
        [policy("data/p", **DB, ingress=[rule(ports=[HTTP, PG])])],
        ([("remove", "/spec/ingress/0/ports/1", None)], 2, 0, 3),
    ),
    "two rules of one policy, the last first": (
        [policy("data/p", **DB, ingress=[rule(WEB, ports=[PG]), rule(app("job")), rule(WEB)])],
        ([("remove", "/spec/ingress/2", None), ("remove", "/spec/ingress/0", None)], 7, 0, 1),
    ),
    "the whole rule": (
        [policy("data/p", **DB, ingress=[rule(WEB, ports=[PG])])],
        ([("remove", "/spec/ingress/0", None)], 4, 0, 0),
    ),
}


@pytest.mark.parametrize(("objects", "want"), FIRST.values(), ids=FIRST)
def test_the_smallest_change(objects: list[Object], want: tuple[object, ...]) -> None:
    assert said(found_for(*objects).found[0]) == want


def test_a_new_policy_selects_just_the_two_ends() -> None:
    found = found_for(DENY).found
    spec = {**DB, "policyTypes": ["Ingress"], "ingress": [rule(WEB, ports=[PG])]}
    assert said(found[0]) == (spec, 7, 0, 0)
    assert found[0].patches[0].ref.name == "db-from-web"


def test_an_open_end_is_closed_to_one_peer_by_a_policy_that_allows_the_rest() -> None:
    (into, out) = found_for().found
    assert [(change.opens.count, change.patches[0].ref.name) for change in (into, out)] == [
        (0, "db-not-from-web"),
        (0, "web-not-to-db"),
    ]
    assert [(pair.src, pair.dst) for pair in into.closes.listed] == [("0.0.0.0/0", "data/db")]
    (closed,) = found_for(src="203.0.113.9").found
    assert closed.closes.count == 0


def test_both_ends_are_changed_where_both_deny() -> None:
    deny = policy("shop/out", podSelector={}, policyTypes=["Egress"])
    found = found_for(DENY, deny).found
    assert found
    assert len(found) <= MOST_JUDGED
    assert {tuple(patch.ref.namespace for patch in change.patches) for change in found} == {("shop", "data")}


def test_what_else_is_opened_is_named() -> None:
    last = found_for(DENY).found[-1]
    assert [(pair.src, pair.dst) for pair in last.opens.listed] == [("shop/web", "data/job")]
    assert last.title == "add a rule to spec.ingress of NetworkPolicy data/p"


NEW = "a new policy of NetworkPolicy data/db-from-web"
METRICS = policy("data/metrics", podSelector={}, ingress=[rule(app("prom"), ports=[HTTP])])
OUT = policy("shop/deny", podSelector={}, policyTypes=["Egress"])
# Cluster → the first changes in their order: what an expert would do, and what comes after it.
ORDER = {
    "a default deny stays one": ([DENY], [NEW, "add a rule to spec.ingress of NetworkPolicy data/p"]),
    "even if it is about one workload": (
        [policy("data/p", **DB)],
        [NEW, "add a rule to spec.ingress of NetworkPolicy data/p"],
    ),
    "a policy of the subject takes one more rule, others that isolate it do not": (
        [DENY, METRICS, policy("data/q", **DB, ingress=[rule(app("job"), app("x"), ports=[HTTP])])],
        [
            "add a rule to spec.ingress of NetworkPolicy data/q",
            NEW,
            "add a rule to spec.ingress of NetworkPolicy data/",
        ],
    ),
    "a rule that nearly matches is mended": (
        [DENY, policy("data/q", **DB, ingress=[rule({**SHOP, **app("wbe")}, ports=[PG])])],
        ["edit a selector of spec.ingress[0] of NetworkPolicy data/q", "add a peer to spec.ingress[0]"],
    ),
    "but not where that opens more": (
        [DENY, policy("data/q", **DB, ingress=[rule({"namespaceSelector": {"matchLabels": {"team": "x"}}})])],
        ["add a rule to spec.ingress of NetworkPolicy data/q", NEW],
    ),
    "both ends get policies of their own": (
        [DENY, OUT],
        [f"a new policy of NetworkPolicy shop/web-to-db; {NEW}"],
    ),
    "not a rule for a whole namespace, though the other end keeps it closed": (
        [DENY, policy("shop/out", podSelector={}, policyTypes=["Egress"], egress=[{"to": [{"podSelector": {}}]}])],
        [f"a new policy of NetworkPolicy shop/web-to-db; {NEW}"],
    ),
}


@pytest.mark.parametrize(("objects", "titles"), ORDER.values(), ids=ORDER)
def test_order(objects: list[Object], titles: list[str]) -> None:
    found = found_for(*objects).found
    assert [c.title[: len(t)] for c, t in zip(found, titles, strict=False)] == titles


def test_too_many_pairs_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podwall.engine.change.MOST_PAIRS", 2)
    new, rule_for_all = found_for(DENY).found
    assert (new.uncounted, new.opens.count) == (0, 0)
    assert (rule_for_all.uncounted, rule_for_all.opens.count) == (4, 0)


def test_a_label_may_get_one_more_value() -> None:
    found = found_for(policy("data/p", **DB, ingress=[rule({**SHOP, **app("old")}, ports=[PG])])).found
    at = f"{PEER}/0/podSelector"
    wider = [
        ("remove", f"{at}/matchLabels/app", None),
        ("add", f"{at}/matchExpressions", [expression("In", "old", "web")]),
    ]
    (change,) = (change for change in found if said(change)[0] == wider)
    assert said(change) == (wider, 4, 0, 0)


def test_an_exception_is_offered_too() -> None:
    found = found_for(policy("data/p", **DB, ingress=[rule({"namespaceSelector": {}}, ports=[PG])])).found
    title = "make an exception from spec.ingress[0] of NetworkPolicy data/p"
    (change,) = (change for change in found if change.title == title)
    assert (change.opens.count, change.closes.count) == (0, 0)


ADMIN = {
    "apiVersion": "policy.networking.k8s.io/v1alpha2",
    "kind": "ClusterNetworkPolicy",
    "metadata": {"name": "a"},
    "spec": {
        "tier": "Admin",
        "priority": 1,
        "subject": {"namespaces": {}},
        "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}],
    },
}


def test_what_cannot_be_changed_here_is_said() -> None:
    found = found_for(ADMIN)
    assert (found.wanted, found.found, [r.why for r in found.refused]) == (True, (), [Refusal.ADMIN])
    found = found_for(src="data/db")
    assert (found.found, [r.why for r in found.refused]) == ((), [Refusal.LOOPBACK, Refusal.LOOPBACK])


def test_the_order_of_the_input_changes_nothing() -> None:
    objects = [DENY, policy("data/q", **DB, ingress=[rule(app("job"), ports=[PG])]), policy("data/r", podSelector={})]
    model = model_of([*objects[::-1], *CLUSTER[::-1]])
    (asked,) = model.questions.connections(Question("shop/web", "data/db", 5432)).connections
    assert changes(model, asked) == found_for(*objects)
