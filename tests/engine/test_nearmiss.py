"""Near misses of small clusters: what they say, in which order, and which rules are none."""

from __future__ import annotations

from typing import Any

import pytest

from podwall.engine.labels import Term
from podwall.engine.nearmiss import (
    MOST_LISTED,
    FailedTerm,
    NamespaceLabel,
    NearMisses,
    OtherNamespace,
    OtherNumber,
    OtherPort,
    OutsideBlock,
    PodLabel,
    Role,
    near_misses,
)
from podwall.engine.questions import Question
from podwall.engine.rules import (
    Direction,
    PortRange,
)
from podwall.engine.sets import AddrSet
from tests.truth.engine import model_of

Object = dict[str, Any]


def namespace(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def pod(name: str, address: str, ports: dict[str, int] | None = None, **labels: str) -> Object:
    home, _, name = name.partition("/")
    named = [{"name": n, "containerPort": number} for n, number in (ports or {}).items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": home, "name": name, "labels": labels},
        "spec": {"containers": [{"name": "c", "ports": named}]},
        "status": {"phase": "Running", "podIP": address},
    }


def policy(name: str, spec: Object) -> Object:
    home, _, name = name.partition("/")
    meta = {"namespace": home, "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def admin(name: str, priority: int, rules: list[Object], tier: str = "Admin") -> Object:
    spec = {"tier": tier, "priority": priority, "subject": {"namespaces": {}}, "ingress": rules}
    kind = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def ingress(**rule: Any) -> Object:
    return {"podSelector": {}, "ingress": [{"from" if key == "peers" else key: rule[key] for key in rule}]}


def labels(**wanted: str) -> Object:
    return {"matchLabels": wanted}


CLUSTER = [
    namespace("shop", team="red"),
    namespace("data"),
    pod("shop/web", "10.244.1.1", app="web"),
    pod("data/db", "10.244.1.2", {"pg": 5432}, app="db"),
    pod("data/job", "10.244.1.3", app="job"),
]
DENIED = policy("data/deny", {"podSelector": {}})


def misses(objects: list[Object], src: str, dst: str, port: int) -> NearMisses:
    model = model_of([*CLUSTER, *objects])
    (asked,) = model.questions.connections(Question(src, dst, port)).connections
    return near_misses(model.index, model.judge.side(Direction.INGRESS, asked), asked)


def one_of(key: str, *values: str) -> Term:
    return Term(key, frozenset(values))


def tcp(first: int, last: int) -> PortRange:
    return PortRange("TCP", first, last)


PG = {"port": 5432}
NAMED = ({"protocol": "TCP", "port": "pg"},)

TERMS: dict[str, tuple[Object, tuple[FailedTerm, ...]]] = {
    "a peer's label": (
        ingress(peers=[{"namespaceSelector": {}, "podSelector": labels(app="api")}], ports=[PG]),
        (PodLabel(Role.PEER, "shop/web", one_of("app", "api"), "web"),),
    ),
    "a peer's absent label": (
        ingress(peers=[{"namespaceSelector": {}, "podSelector": labels(role="x")}]),
        (PodLabel(Role.PEER, "shop/web", one_of("role", "x"), None),),
    ),
    "a namespace's absent label and a port": (
        ingress(peers=[{"namespaceSelector": labels(env="prod")}], ports=[{"port": 5000, "endPort": 5400}]),
        (
            NamespaceLabel(Role.PEER, "shop", one_of("env", "prod"), None),
            OtherPort("TCP", 5432, tcp(5000, 5400)),
        ),
    ),
    "another namespace": (
        ingress(peers=[{"podSelector": labels(app="web")}], ports=[PG]),
        (OtherNamespace("data", "shop"),),
    ),
    "an address": (
        ingress(peers=[{"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.1.0/24"]}}]),
        (OutsideBlock("10.244.1.1", AddrSet.of("10.244.0.0/16", ["10.244.1.0/24"])),),
    ),
    "the nearest of some ports": (
        ingress(ports=[{"protocol": "UDP", "port": 5432}, {"port": 80}, {"port": 5430}, {"port": 5435}]),
        (OtherPort("TCP", 5432, tcp(5430, 5430)),),
    ),
    "the subject's label": (
        {"podSelector": labels(app="dbx"), "ingress": [{}]},
        (PodLabel(Role.SUBJECT, "data/db", one_of("app", "dbx"), "db"),),
    ),
    "the best of some peers": (
        ingress(
            peers=[
                {"podSelector": labels(app="api")},
                {"namespaceSelector": labels(team="red"), "podSelector": labels(app="api")},
            ]
        ),
        (PodLabel(Role.PEER, "shop/web", one_of("app", "api"), "web"),),
    ),
}


@pytest.mark.parametrize(("spec", "terms"), TERMS.values(), ids=TERMS)
def test_each_term_is_said_with_both_values(spec: Object, terms: tuple[FailedTerm, ...]) -> None:
    (found,) = misses([DENIED, policy("data/p", spec)], "shop/web", "data/db", 5432).found
    assert found.terms == terms


def test_a_named_port_is_said_with_what_it_stands_for() -> None:
    (found,) = misses([DENIED, policy("data/p", ingress(ports=NAMED))], "shop/web", "data/db", 80).found
    (term,) = found.terms
    assert isinstance(term, OtherNumber)
    assert (term.wanted.name, term.destination, term.numbers, term.port) == ("pg", "data/db", (5432,), 80)
    (found,) = misses([DENIED, policy("data/p", ingress(ports=NAMED))], "shop/web", "data/job", 80).found
    assert isinstance(found.terms[0], OtherNumber)
    assert found.terms[0].numbers == ()


FAR = {
    "three terms": ingress(peers=[{"podSelector": labels(app="api", role="x")}], ports=[PG]),
    "no peer that could be mended": {"podSelector": {}, "policyTypes": ["Ingress"]},
    "another direction": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [{}]},
}


@pytest.mark.parametrize("spec", FAR.values(), ids=FAR)
def test_what_is_no_near_miss(spec: Object) -> None:
    assert misses([policy("data/p", spec)], "shop/web", "data/db", 5432) == NearMisses()


def test_an_allowed_side_has_none() -> None:
    assert misses([policy("data/p", ingress(ports=[PG]))], "shop/web", "data/db", 5432) == NearMisses()


def test_order_and_bound() -> None:
    two = ingress(peers=[{"podSelector": labels(app="web")}], ports=[{"port": 1}])
    one = ingress(ports=[{"port": 1}])
    objects = [policy(f"data/p{i:02}", one if i % 2 else two) for i in range(2 * MOST_LISTED)]
    found = misses([DENIED, *objects], "shop/web", "data/db", 5432)
    assert [miss.rule.policy.name for miss in found.found] == [f"p{i:02}" for i in range(1, 2 * MOST_LISTED, 2)]
    assert found.more == MOST_LISTED
    assert found == misses([*objects[::-1], DENIED], "shop/web", "data/db", 5432)


OTHER = {"namespaces": labels(env="prod")}
EVERYONE: Object = {"namespaces": {}}


@pytest.mark.parametrize(
    ("rules", "count"),
    [
        ([{"action": "Accept", "from": [OTHER]}, {"action": "Deny", "from": [EVERYONE]}], 1),
        ([{"action": "Deny", "from": [EVERYONE]}, {"action": "Accept", "from": [OTHER]}], 0),
        ([{"action": "Pass", "from": [EVERYONE]}, {"action": "Accept", "from": [OTHER]}], 1),  # the NetworkPolicy's
        ([{"action": "Accept", "from": [OTHER]}, {"action": "Pass", "from": [EVERYONE]}], 2),
    ],
)
def test_only_rules_that_come_before_what_decides(rules: list[Object], count: int) -> None:
    objects = [admin("a", 1, rules), policy("data/p", ingress(ports=[{"port": 1}]))]
    assert len(misses(objects, "shop/web", "data/db", 5432).found) == count


def test_a_rule_is_no_near_miss_where_an_earlier_one_would_decide_with_it() -> None:
    mine = admin("a", 1, [{"action": "Deny", "from": [EVERYONE]}, {"action": "Accept", "from": [EVERYONE]}])
    mine["spec"]["subject"] = OTHER
    assert misses([mine, DENIED], "shop/web", "data/db", 5432) == NearMisses()
    mine["spec"]["ingress"].reverse()
    assert len(misses([mine, DENIED], "shop/web", "data/db", 5432).found) == 1


def own(app: str) -> Object:
    return {"namespaceSelector": {}, "podSelector": labels(app=app)}


def test_slips_come_first_and_so_does_what_is_met_besides() -> None:
    shop = {"namespaceSelector": labels(team="red"), "podSelector": labels(app="job")}
    rules = [{"from": [own("job")]}, {"from": [shop]}, {"from": [own("job")], "ports": [PG]}, {"from": [own("wbe")]}]
    found = misses([policy("data/p", {"podSelector": {}, "ingress": rules})], "shop/web", "data/db", 5432).found
    assert [(m.rule.order[2], m.slip, m.matched) for m in found] == [
        (3, True, 0),
        (1, False, 1),
        (2, False, 1),
        (0, False, 0),
    ]


def test_the_likelier_of_two_peers_is_named() -> None:
    (found,) = misses([policy("data/p", ingress(peers=[own("job"), own("wbe")]))], "shop/web", "data/db", 5432).found
    assert (found.peer, found.slip) == (1, True)


def test_a_policy_of_others_comes_last() -> None:
    job = {"podSelector": labels(app="job"), "ingress": [{}]}
    objects = [policy("data/a", job), policy("data/b", ingress(ports=[{"port": 1}]))]
    found = misses(objects, "shop/web", "data/db", 5432).found
    assert [miss.rule.policy.name for miss in found] == ["b", "a"]
