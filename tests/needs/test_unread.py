from __future__ import annotations

from tests.needs.world import config, container, seen, workload

ROOT_CA = "kube-root-ca.crt"  # every namespace has it


def test_one_for_each_workload_and_secret() -> None:
    given = container(
        env=[
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "b"}}},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "gone", "key": "c"}}},
            {"name": "D", "valueFrom": {"configMapKeyRef": {"name": "maybe", "key": "d", "optional": True}}},
            {"name": "E", "valueFrom": {"configMapKeyRef": {"name": "there", "key": "e"}}},
        ],
        envFrom=[{"secretRef": {"name": "all"}}, {"prefix": "P_", "secretRef": {"name": "p"}}],
    )
    volumes = [
        {"name": "v", "secret": {"secretName": "files"}},
        {"name": "w", "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": ROOT_CA}}]}},
        {"name": "x", "configMap": {"name": "gone too"}},
    ]
    found = seen(config("there", {}), workload("other"), containers=given, volumes=volumes)
    assert [u.what for u in found.unseen] == [
        "Secret all: all its keys as env",
        "Secret p: env P_*",
        "Secret s: env A, env B, files",
        "ConfigMap gone, which is not in the input: env C",
        "Secret files: files",
        "ConfigMap gone too, which is not in the input: files",
    ]
    assert {u.evidence.about for u in found.unseen} == {("Deployment", "shop", "web")}
    places = ["containers", 0, "env", 0, "valueFrom", "secretKeyRef"]
    assert found.unseen[2].evidence.path == ("spec", "template", "spec", *places)


def test_a_password_may_be_more_than_its_name_says() -> None:
    names = ("DB_PASSWORD", "DATABASE_URL")
    variables = [{"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}} for name in names]
    found = seen(containers=container(env=variables))
    assert [u.what for u in found.unseen] == ["Secret s: env DB_PASSWORD, env DATABASE_URL"]


def test_many_variables_of_one_secret_are_counted() -> None:
    variables = [{"name": f"V{n}", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}} for n in range(9)]
    assert [u.what for u in seen(containers=container(env=variables)).unseen] == [
        "Secret s: env V0, env V1, env V2, env V3 and 5 more"
    ]
