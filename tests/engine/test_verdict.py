"""The evidence of a verdict: why each side says what it says; and each rule, peer and port named would do alone."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from podwall.engine.model import Model
from podwall.engine.questions import Question
from podwall.engine.rules import AnyPeer, AnyPort, Direction
from podwall.engine.verdict import Connection, Match, Reason, Side, Verdict
from tests.truth.changed import home, without_rules
from tests.truth.clusters import random_cluster
from tests.truth.compare import reference
from tests.truth.engine import assumed_addresses, model_of
from tests.truth.oracle import Oracle
from tests.truth.picture import several_items
from tests.truth.vocabulary import NUMBERS, PROTOCOLS, Object

PEERS = {Direction.EGRESS: "to", Direction.INGRESS: "from"}
Place = tuple[str, str, str]  # namespace, policy, path of the rule


# By name


def pod(name: str, address: str = "", node: str = "", **spec: object) -> Object:
    status = {"podIP": address} if address else {}
    meta = {"namespace": "x", "name": name, "labels": {"app": name}}
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def policy(name: str, **spec: object) -> Object:
    meta = {"namespace": "x", "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def app(name: str) -> Object:
    return {"podSelector": {"matchLabels": {"app": name}}}


def block(cidr: str) -> Object:
    return {"ipBlock": {"cidr": cidr}}


NODE: Object = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]},
}
CLUSTER = [
    NODE,
    pod("web", "10.244.0.1", "n1"),
    pod("db", "10.244.0.2", "n1"),
    pod("agent", "192.168.0.1", "n1", hostNetwork=True),
    pod("free", "10.244.0.3"),
    policy("deny", **app("db"), policyTypes=["Ingress", "Egress"]),
    policy(
        "web",
        **app("web"),
        policyTypes=["Ingress"],
        ingress=[{"from": [app("none"), app("db")], "ports": [{"port": 79}, {"port": 80}]}, {"ports": [{"port": 80}]}],
    ),
]


def judged(model: Model, src: str, dst: str, port: int = 80, *, evidence: bool = True) -> Verdict:
    (connection,) = model.questions.connections(Question(src, dst, port)).connections
    return model.judge.verdict(connection, evidence=evidence)


@pytest.mark.parametrize(
    ("src", "dst", "egress", "ingress"),
    [
        ("x/free", "x/web", Reason.NOT_ISOLATED, Reason.RULE),
        ("x/db", "x/web", Reason.NO_RULE, Reason.RULE),
        ("x/web", "x/db", Reason.NOT_ISOLATED, Reason.NO_RULE),
        ("x/web", "x/free", Reason.NOT_ISOLATED, Reason.NOT_ISOLATED),
        ("x/db", "x/db", Reason.LOOPBACK, Reason.LOOPBACK),
        ("node/n1", "x/db", Reason.NOT_A_POD, Reason.OWN_NODE),
        ("x/agent", "x/db", Reason.NOT_A_POD, Reason.OWN_NODE),
        ("x/db", "node/n1", Reason.NO_RULE, Reason.NOT_A_POD),
        ("203.0.113.9", "x/db", Reason.NOT_A_POD, Reason.NO_RULE),
        ("203.0.113.9", "198.51.100.1", Reason.NOT_A_POD, Reason.NOT_A_POD),
    ],
)
def test_reasons(src: str, dst: str, egress: Reason, ingress: Reason) -> None:
    for evidence in (True, False):
        verdict = judged(model_of(CLUSTER), src, dst, evidence=evidence)
        assert (verdict.egress.reason, verdict.ingress.reason) == (egress, ingress)


def test_every_rule_that_matches_is_evidence() -> None:
    side = judged(model_of(CLUSTER), "x/db", "x/web").ingress
    assert [(m.rule.path, m.peer, m.port) for m in side.matches] == [
        ("spec.ingress[0]", 1, 1),
        ("spec.ingress[1]", 0, 0),
    ]
    assert [i.policy.name for i in side.isolated_by] == ["web"]


@pytest.mark.parametrize(
    ("egress", "assumed"),
    [
        ([{"to": [block("10.9.0.0/16")]}], True),  # the block holds the address that was allotted
        ([{"to": [block("10.8.0.0/16")]}], True),  # it does not, but might hold the real one
        ([{"to": [app("w")]}], False),
        ([{"to": [app("none")]}], False),
        ([{"to": [app("w"), block("10.9.0.0/16")]}], False),
        ([{"to": [block("10.9.0.0/16"), app("w")]}], False),
        ([{"to": [block("10.9.0.0/16")]}, {"to": [app("w")]}], False),  # allowed whatever its address is
        ([{"to": [block("10.8.0.0/16")], "ports": [{"port": 81}]}], False),  # denied whatever its address is
        ([{}], False),
        ([], False),
    ],
)
def test_a_verdict_rests_on_an_allotted_address_only_where_it_matters(egress: list[Object], assumed: bool) -> None:
    model = model_of(with_workload(egress), pod_cidrs=["10.9.0.0/16"])
    for evidence in (True, False):
        assert judged(model, "x/web", "x/w", evidence=evidence).assumed is assumed


@pytest.mark.parametrize("cidr", ["10.9.0.0/16", "10.8.0.0/16"])
def test_where_blocks_never_match_pods_no_verdict_rests_on_an_address(cidr: str) -> None:
    model = model_of(with_workload([{"to": [block(cidr)]}]), cni="cilium", pod_cidrs=["10.9.0.0/16"])
    verdict = judged(model, "x/web", "x/w")
    assert (verdict.allowed, verdict.assumed) == (False, False)


def with_workload(egress: list[Object]) -> list[Object]:
    """A Pod with egress rules, and a Deployment without Pods."""
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "x", "name": "w"},
        "spec": {"template": {"metadata": {"labels": {"app": "w"}}}},
    }
    return [pod("web", "10.244.0.1"), workload, policy("p", **app("web"), policyTypes=["Egress"], egress=egress)]


# On random clusters


@pytest.mark.parametrize("seed", range(60))
def test_matches_are_the_rules_that_would_do_alone(seed: int) -> None:
    rng = random.Random(seed)
    objects = random_cluster(rng, "small")
    model = model_of(objects)
    ends = [e for e in model.endpoints if e.kind == "Pod"]
    for _ in range(4 if ends else 0):
        src, dst = (reference(rng.choice(ends)) for _ in range(2))
        question = Question(src, dst, rng.choice(NUMBERS), rng.choice(PROTOCOLS))
        if not {":" in a for a in addresses(model, src)} & {":" in a for a in addresses(model, dst)}:
            continue
        (connection,) = model.questions.connections(question).connections
        for direction, side in zip(Direction, sides(model.judge.verdict(connection)), strict=True):
            if side.reason in (Reason.RULE, Reason.NO_RULE):
                found = {place(match): match for match in side.matches}
                assert found.keys() == alone(objects, model, connection, direction)
                for match in side.matches:
                    part = only_part(objects, place(match), match, direction)
                    assert allowed(part, model, connection, direction), match


def addresses(model: Model, name: str) -> tuple[str, ...]:
    (end,) = (e for e in model.endpoints if reference(e) == name)
    return end.addresses


def sides(verdict: Verdict) -> tuple[Side, Side]:
    return verdict.egress, verdict.ingress


def place(match: Match) -> Place:
    return match.rule.policy.namespace, match.rule.policy.name, match.rule.path


def alone(objects: list[Object], model: Model, connection: Connection, direction: Direction) -> set[Place]:
    """The rules that let the connection through on one side when there is no other."""
    out = set()
    for obj in (o for o in objects if o["kind"] == "NetworkPolicy"):
        for number, rule in enumerate(several_items(obj.get("spec"), direction.value)):
            where = (home(obj), obj["metadata"]["name"], f"spec.{direction.value}[{number}]")
            if allowed(only(objects, where, rule, direction), model, connection, direction):
                out.add(where)
    return out


def allowed(objects: list[Object], model: Model, connection: Connection, direction: Direction) -> bool:
    """What the oracle says of one side."""
    oracle = Oracle(objects, addresses=assumed_addresses(model))
    ends = (reference(connection.source.member), reference(connection.destination.member))
    return oracle.verdict(*ends, connection.protocol, connection.port, connection.family)[direction.value] == "allow"


def only(objects: list[Object], where: Place, rule: Object | None, direction: Direction) -> list[Object]:
    """The same isolation, with one rule of one policy as the only one."""
    return list(with_one(objects, where, rule, direction))


def with_one(objects: list[Object], where: Place, rule: Object | None, direction: Direction) -> Iterator[Object]:
    for obj in objects:
        if obj["kind"] != "NetworkPolicy":
            yield obj
            continue
        bare = without_rules(obj)
        if (home(obj), obj["metadata"]["name"]) == where[:2]:
            bare["spec"][direction.value] = [rule]
        yield bare


def only_part(objects: list[Object], where: Place, match: Match, direction: Direction) -> list[Object]:
    """The same with nothing but the peer and the port that a match names."""
    (source,) = {
        str(o): o for o in objects if o["kind"] == "NetworkPolicy" and (home(o), o["metadata"]["name"]) == where[:2]
    }.values()
    number = int(where[2].partition("[")[2].rstrip("]"))
    rule = source["spec"][direction.value][number] or {}
    part: Object = {}
    if not isinstance(match.rule.peers[match.peer], AnyPeer):
        part[PEERS[direction]] = [rule[PEERS[direction]][match.peer]]
    if not isinstance(match.rule.ports[match.port], AnyPort):
        part["ports"] = [rule["ports"][match.port]]
    return only(objects, where, part, direction)
