"""Replicas of StatefulSets that find each other by a headless Service."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs.objects import check, service, workload

PORTS = "{name: peer, port: 7000, targetPort: 7000}"
HEADLESS = service("db", ports=PORTS, spec="clusterIP: None")
SELF = {"shop/db -> shop/db 7000/TCP,8080/TCP"}


def stateful(top: str = "replicas: 3", container: str = "", name: str = "db") -> str:
    return workload("db", kind="StatefulSet", top=f"{top}\n  serviceName: {name}", container=container)


CASES = {
    "several replicas": (stateful() + HEADLESS, SELF),
    "one replica": (stateful("replicas: 1") + HEADLESS, set()),
    "replicas left out": (stateful("") + HEADLESS, set()),
    "one that names its peers": (
        stateful("", 'env: [{name: PEERS, value: "db-0.db:7000,db-1.db:7000"}]') + HEADLESS,
        SELF,
    ),
    "by its own name": (stateful("", 'args: ["--advertise=$(POD_NAME).db.shop"]') + HEADLESS, SELF),
    "one that names somebody else": (stateful("", "args: [--cache=cache-0.cache]") + HEADLESS, set()),
    "a Service with an address": (stateful() + service("db", ports=PORTS), set()),
    "a Service of others": (stateful() + service("db", ports=PORTS, spec="clusterIP: None", app="web"), set()),
    "another Service": (stateful(name="other") + HEADLESS, set()),
    "no Service": (stateful(), set()),
    "a Deployment": (workload("db", top="replicas: 3") + HEADLESS, set()),
    "a Service without ports": (
        stateful() + HEADLESS.replace(f"ports: [{PORTS}]", ""),
        {"shop/db -> shop/db 8080/TCP"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_peers(case: str, tmp_path: Path) -> None:
    check(tmp_path, "peers", *CASES[case])


def test_pods_of_one(tmp_path: Path) -> None:
    pods = "".join(
        f"""
---
apiVersion: v1
kind: Pod
metadata:
  name: db-{number}
  namespace: shop
  labels: {{app: db}}
  ownerReferences: [{{kind: StatefulSet, name: db, controller: true}}]
spec: {{containers: [{{name: c}}]}}
status: {{podIP: 10.0.0.{number + 1}}}
"""
        for number in range(2)
    )
    check(tmp_path, "peers", stateful() + pods + HEADLESS, SELF)
