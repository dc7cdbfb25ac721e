"""What a question is about: its port, who stands behind a Service, and what is said of a reference to nothing."""

from __future__ import annotations

import pytest

from podwall.engine.model import Model
from podwall.engine.questions import Question, split_port
from podwall.errors import UnknownReference
from tests.truth.engine import model_of
from tests.truth.vocabulary import Object


@pytest.mark.parametrize(
    ("written", "reference", "port"),
    [
        ("x/web", "x/web", None),
        ("x/web:80", "x/web", "80"),
        ("web:http", "web", "http"),
        ("web:", "web", None),
        ("10.0.0.1:80", "10.0.0.1", "80"),
        ("x/service/web:80", "x/service/web", "80"),
        ("2001:db8::1", "2001:db8::1", None),
        ("::1", "::1", None),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1]:80", "2001:db8::1", "80"),
        ("[2001:db8::1", "[2001:db8::1", None),
        ("", "", None),
    ],
)
def test_a_port_behind_a_reference(written: str, reference: str, port: str | None) -> None:
    assert split_port(written) == (reference, port)


def pod(name: str, address: str, number: int = 8080, phase: str = "Running", owner: str = "") -> Object:
    spec = {"containers": [{"ports": [{"name": "http", "containerPort": number}]}]}
    meta: Object = {"namespace": "x", "name": name, "labels": {"app": owner or name}}
    if owner:
        meta["ownerReferences"] = [{"kind": "StatefulSet", "name": owner, "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": spec,
        "status": {"phase": phase, "podIP": address},
    }


def service(name: str, **spec: object) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "x", "name": name}, "spec": spec}


@pytest.fixture(scope="module")
def model() -> Model:
    workload = {"metadata": {"namespace": "x", "name": "twin"}, "apiVersion": "apps/v1"}
    return model_of(
        [
            pod("client", "10.244.0.1"),
            pod("web-0", "10.244.0.2", owner="web"),
            pod("web-1", "10.244.0.3", owner="web"),
            pod("db-0", "10.244.0.4", 5432, owner="db"),
            pod("db-1", "10.244.0.5", 5433, owner="db"),
            pod("done", "10.244.0.2", phase="Succeeded"),
            pod("again", "10.244.0.6"),
            pod("same", "10.244.0.6"),
            {**workload, "kind": "Deployment"},
            {**workload, "kind": "StatefulSet"},
            service("web", selector={"app": "web"}, ports=[{"port": 80, "targetPort": "http"}], clusterIP="10.96.0.1"),
            service("db", selector={"app": "db"}, ports=[{"port": 80, "targetPort": "http"}]),
            service("empty", selector={"app": "none"}, ports=[{"port": 80}]),
            service("outside", ports=[{"port": 80}]),
        ]
    )


@pytest.mark.parametrize(
    ("dst", "port", "backends", "numbers"),
    [
        ("x/web-0", 80, None, [80]),
        ("x/web", "http", None, [8080]),
        ("x/service/web", 80, ("x/web",), [8080]),
        ("10.96.0.1", 80, ("x/web",), [8080]),
        ("x/Service/web", "80", ("x/web",), [8080]),
        ("x/db", 5432, None, [5432]),
        ("x/db", "http", None, [5432, 5433]),  # on each replica another number (N13)
        ("x/service/db", 80, ("x/db-0", "x/db-1"), [5432, 5433]),
    ],
)
def test_connections(
    model: Model, dst: str, port: int | str, backends: tuple[str, ...] | None, numbers: list[int]
) -> None:
    asked = model.questions.connections(Question("x/client", dst, port))
    assert asked.backends == backends
    assert [c.port for c in asked.connections] == numbers
    assert {c.hairpin for c in asked.connections} == {backends is not None}


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (Question("x/client", "x/wev", 80), "did you mean web"),
        (Question("y/client", "x/web", 80), "there is no namespace 'y'"),
        (Question("x/client", "x/done", 80), "has finished"),
        (Question("x/client", "x/empty", 80), "write x/service/empty"),
        (Question("x/client", "x/service/wev", 80), "did you mean web"),
        (Question("x/client", "x/service/empty", 80), "has no endpoints"),
        (Question("x/client", "x/service/outside", 80), "has no endpoints"),
        (Question("x/service/empty", "x/client", 80), "has no endpoints"),
        (Question("x/client", "x/service/web", 81), "has no port 81/TCP; it has: 80/TCP"),
        (Question("x/client", "x/twin", 80), "x/Deployment/twin, x/StatefulSet/twin"),
        (Question("x/client", "x/Job/twin", 80), "there is no Job x/twin"),
        (Question("x/client", "x/Pod/twin", 80), "x/twin"),
        (Question("x/client", "node/n1", 80), "there is no Node 'n1'"),
        (Question("x/client", "10.244.0.6", 80), "x/again, x/same"),
        (Question("x/client", "a/b/c/d", 80), "is no reference"),
        (Question("x/client", "", 80), "is no reference"),
        (Question("x/client", "x/web", "nothing"), "'nothing'"),
        (Question("x/client", "x/web", 0), "between 1 and 65535"),
        (Question("x/client", "x/web", 65536), "between 1 and 65535"),
        (Question("x/client", "x/web", 80, "ICMP"), "ICMP"),
        (Question("x/client", "x/web", 80, family=6), "no IPv6 address in common"),
        (Question("x/client", "2001:db8::1", 80), "no address family in common"),
    ],
)
def test_what_has_no_answer_says_why(model: Model, question: Question, says: str) -> None:
    with pytest.raises(UnknownReference) as error:
        model.questions.connections(question)
    assert says in str(error.value)
