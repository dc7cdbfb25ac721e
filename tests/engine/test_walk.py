"""Explanations against replays: what is said of a cluster without a rule holds once its YAML is without it."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

import pytest
from msgspec import structs

from podwall.engine.model import Model
from podwall.engine.ports import all_ports
from podwall.engine.questions import Question
from podwall.engine.rules import Direction, Rule, Tier
from podwall.engine.sets import ALL_PORTS, NO_PORTS, PROTOCOLS
from podwall.engine.verdict import Connection, Reason
from podwall.engine.walk import Outcome, walk
from podwall.errors import UnknownReference
from podwall.text.where import parse_field
from tests.truth.clusters import random_cluster, random_queries
from tests.truth.engine import model_of
from tests.truth.vocabulary import Object

SEEDS = range(60)


def cluster(seed: int) -> tuple[list[Object], random.Random]:
    """Random objects; policies say which directions they isolate, so that they go on to without their rules (N3)."""
    rng = random.Random(f"walk {seed}")
    objects = random_cluster(rng, "medium", tiers=seed % 2 == 1)
    return [with_types(o) if o["kind"] == "NetworkPolicy" else o for o in objects], rng


def with_types(policy: Object) -> Object:
    spec = dict(policy.get("spec") or {})
    spec["policyTypes"] = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    return {**policy, "spec": spec}


def without(objects: list[Object], rule: Rule) -> list[Object]:
    """The objects with one rule taken out of its policy."""
    _, section, number = parse_field(rule.path)
    changed = copy.deepcopy(objects)
    for policy in changed:
        namespace = "" if rule.policy.namespace == "" else policy["metadata"].get("namespace") or "default"
        if (policy["kind"], namespace, policy["metadata"].get("name")) == (
            rule.policy.kind,
            rule.policy.namespace,
            rule.policy.name,
        ):
            policy["spec"][section] = [r for n, r in enumerate(policy["spec"][section]) if n != number]
    return changed


def connections(model: Model, query: Object) -> tuple[Connection, ...]:
    try:
        return model.questions.connections(Question(**query)).connections
    except UnknownReference:
        return ()


def asked(seed: int) -> Iterator[tuple[Model, list[Object], Object, Connection]]:
    objects, rng = cluster(seed)
    model = model_of(objects)
    for query in random_queries(rng, objects, 40):
        found = connections(model, query)
        if len(found) == 1:
            yield model, objects, query, found[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_without_the_deciding_rule(seed: int) -> None:
    for model, objects, query, connection in asked(seed):
        for direction in Direction:
            walked = walk(model.judge, direction, connection)
            assert (walked.otherwise is None) == (not walked.side.matches)
            if walked.otherwise is not None:
                replayed = model_of(without(objects, walked.side.matches[0].rule))
                found = connections(replayed, query)
                if not found and connection.destination.member.kind == "Domain":
                    continue  # no other rule means the name
                (again,) = found
                side = replayed.judge.side(direction, again)
                assert side.reason is walked.otherwise.reason
                assert [m.rule.policy for m in side.matches] == [m.rule.policy for m in walked.otherwise.matches]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_allow_flips_or_shows_the_next(seed: int) -> None:
    for model, _, _, connection in asked(seed):
        for direction in Direction:
            walked = walk(model.judge, direction, connection)
            if walked.otherwise is not None and walked.side.allowed and walked.otherwise.allowed:
                by_nobody = walked.otherwise.reason is Reason.NOT_ISOLATED
                assert by_nobody or walked.otherwise.matches
                assert walked.side.matches[0] not in walked.otherwise.matches


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tiers_agree_with_the_verdict(seed: int) -> None:
    for model, _, _, connection in asked(seed):
        for direction in Direction:
            walked = walk(model.judge, direction, connection)
            if not walked.stages:
                assert walked.side.allowed
                continue
            assert [stage.tier for stage in walked.stages] == list(Tier)
            outcomes = [stage.outcome for stage in walked.stages]
            final = [o for o in outcomes if o in (Outcome.ACCEPT, Outcome.DENY)]
            assert final == ([] if walked.side.reason is Reason.NOT_ISOLATED else [final[0]])
            assert walked.side.allowed == (Outcome.DENY not in final)
            after = outcomes[outcomes.index(final[0]) + 1 :] if final else []
            assert set(after) <= {Outcome.NOT_REACHED}


@pytest.mark.parametrize("seed", SEEDS)
def test_all_ports_are_answered_once(seed: int) -> None:
    rng = random.Random(seed)
    for model, _, _, connection in asked(seed):
        answers = all_ports(model.judge, connection)
        together = NO_PORTS
        for answer in answers:
            assert not together.overlaps(answer.ports)
            together |= answer.ports
            assert (answer.asked.protocol, answer.asked.port) in answer.ports
        assert together == ALL_PORTS
        for _ in range(5):
            protocol, port = rng.choice(PROTOCOLS), rng.choice((1, 53, 80, 443, 8080, 8081, 9090, 65535))
            one = structs.replace(connection, protocol=protocol, port=port)
            (answer,) = (a for a in answers if (protocol, port) in a.ports)
            want = model.judge.verdict(one)
            assert [s.reason for s in (answer.verdict.egress, answer.verdict.ingress)] == [
                s.reason for s in (want.egress, want.ingress)
            ]


def test_equal_reasons_stand_together() -> None:
    """Allowed ports come first, and what is left of all ports last."""
    pod = {"metadata": {"namespace": "a", "name": "web"}, "apiVersion": "v1", "kind": "Pod", "spec": {"containers": []}}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": "a", "name": "p"},
        "spec": {"ingress": [{"ports": [{"port": 80}, {"port": 443}, {"port": 53, "protocol": "UDP"}]}]},
    }
    model = model_of([pod, policy])
    (connection,) = connections(model, {"src": "192.0.2.1", "dst": "a/web", "port": 80})
    first, rest = all_ports(model.judge, connection)
    assert list(first.ports.ranges()) == [("TCP", 80, 80), ("TCP", 443, 443), ("UDP", 53, 53)]
    assert rest.ports == ALL_PORTS - first.ports
    assert not rest.verdict.allowed
