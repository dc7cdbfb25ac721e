from __future__ import annotations

from typing import Any

import pytest

from tests.needs.found import needs, questions
from tests.needs.world import container, env, seen, workload


def short(found: object) -> tuple[list[str], list[str]]:
    return (
        [n.removeprefix("web -> ") for n in needs(found)],  # type: ignore[arg-type]
        [q.removeprefix("web -> ") for q in questions(found)],  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--backend=cart:7070"], "cart:7070"),
        (["--backend", "cart:7070"], "cart:7070"),
        (["-backend=cart:7070"], "cart:7070"),
        (["--backend", "cart"], "cart:7070"),
        (["--cart-addr", "cart"], "cart:7070"),
        (["--verbose", "cart:7070"], "cart:7070"),
        (["--upstream=http://api:8080/", "--redis-host=redis", "--redis-port=6379"], "api:8080 redis:6379"),
        (["--db-host", "db", "--db-port", "5432"], "db:5432"),
        (["-h", "db", "-p", "5432"], "db:5432"),
        (["serve", "http://api:8080"], "api:8080"),
        (["cart:7070"], "cart:7070"),
        (["--set", "cart.url=http://cart:7070"], "cart:7070"),
        (["CART_ADDR=cart:7070"], "cart:7070"),
        (["-Dcart.url=http://cart:7070"], "cart:7070"),
        (["-jar", "x.jar", "--spring.redis.host=redis"], "redis:6379"),
        (["--store=dnssrv+_p9092._tcp.kafka.shop.svc.cluster.local"], "kafka:9092"),
        (["--dsn=host=db port=5432 dbname=x"], "db:5432"),
        (["--dsn", "host=db port=5432 dbname=x"], "db:5432"),
        (["--peers=http://api:8080,http://cart:7070"], "api:8080 cart:7070"),
        (["create", "--host=cart,cart.shop.svc", "--namespace=shop", "--secret-name=cart-tls"], ""),
        (["--cart=$(CART_NAME):7070"], "cart:7070"),
        (["--cart=$(CART_SERVICE_HOST):$(CART_SERVICE_PORT)"], "cart:7070"),
        # not
        (["--listen=0.0.0.0:8080"], ""),
        (["--listen", "cart:7070"], ""),
        (["--bind-address=10.1.1.1:80"], ""),
        (["--metrics-bind-address=:8080"], ""),
        (["--http-addr=:8080", "--http-addr", ":8080"], ""),
        (["--mode=cart"], ""),
        (["--name", "cart"], ""),
        (["cart"], ""),
        (["--verbose", "cart"], ""),
        (["--image=redis:7"], ""),
        (["--config=/etc/cart:7070/x"], ""),
        (["--v=2", "--leader-elect", "--port=7070"], ""),
        (["--backend=$(NOTHING):80"], ""),
        ([""], ""),
    ],
)
def test_arguments(args: list[str], expected: str) -> None:
    assert short(seen(containers=container(args=args, env=env(CART_NAME="cart")))) == (expected.split(), [])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["curl", "-sf", "http://api:8080/x"], "api:8080"),
        (["curl", "api:8080/x"], "api:8080"),
        (["curl", "api/x"], "api:8080"),
        (["curl", "-fsS", "-o", "cart", "-H", "Host: cart", "api/x"], "api:8080"),
        (["curl", "-s", "api"], "api:8080"),
        (["wget", "-qO-", "api:8080"], "api:8080"),
        (["nc", "-z", "-w", "3", "db", "5432"], "db:5432"),
        (["nc", "-zv", "db", "5432"], "db:5432"),
        (["psql", "-h", "db", "-U", "cart"], "db:5432"),
        (["/usr/bin/pg_isready", "--host=db"], "db:5432"),
        (["redis-cli", "-h", "redis", "ping"], "redis:6379"),
        (["mysql", "-h", "db", "-P", "5432", "-predis"], "db:5432"),
        (["psql", "-h", "db", "-p", "$(P)"], "db:5432"),
        (["nslookup", "cart"], "cart:7070"),
        (["getent", "hosts", "cart.shop.svc.cluster.local"], "cart:7070"),
        (["./wait-for-it.sh", "db:5432", "--", "run"], "db:5432"),
        (["dockerize", "-wait", "tcp://db:5432", "-timeout", "60s"], "db:5432"),
        (["redis-server", "--replicaof", "redis 6379"], "redis:6379"),
        (["nslookup", "stock"], ""),
        (["echo", "http://api:8080"], ""),
        (["chown", "cart:7070", "/x"], ""),
        (["sleep", "10"], ""),
    ],
)
def test_programs(command: list[str], expected: str) -> None:
    assert short(seen(containers=container(command=command, env=env(P="5432")))) == (expected.split(), [])


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("curl http://api:8080/x", "api:8080"),
        ("curl http://$API_NAME:8080", "api:8080"),
        ('curl "http://${API_NAME}:8080/x" | grep ok', "api:8080"),
        ("curl http://${HOST:-cart}:7070", "cart:7070"),
        ("H=cart; curl http://$H:7070", "cart:7070"),
        ("export H=cart\ncurl http://$H:7070", "cart:7070"),
        ("until nc -z db 5432; do sleep 1; done", "db:5432"),
        ("until nslookup cart.shop.svc.cluster.local; do echo waiting; sleep 2; done", "cart:7070"),
        ("while ! nc -z redis 6379 </dev/null; do sleep 1; done", "redis:6379"),
        ("if ! pg_isready -h db; then exit 1; fi", "db:5432"),
        ("exec 3<>/dev/tcp/db/5432", "db:5432"),
        ("X=$(wget --server-response 'http://api:8080' 2>&1 | awk '{print $2}')", "api:8080"),
        ("X=`curl -s http://api:8080`", "api:8080"),
        ("exec server --cart-addr cart:7070 \\\n  --redis-host redis", "cart:7070 redis:6379"),
        ("sed s/x/y/ a; CART_ADDR=cart:7070 exec run", "cart:7070"),
        ("CART_ADDR=cart:7070 run", "cart:7070"),
        ("# curl http://api:8080", ""),
        ("sleep 1 # curl http://api:8080", ""),
        ("echo 'see http://api:8080'", ""),
        ("chown cart:7070 x && chmod 755 cart", ""),
        ("cp cart api; ls cart", ""),
        ("curl http://localhost:8080", ""),
        ("curl http://$NOBODY:8080", ""),
        ("'", ""),
        ('"\\', ""),
        ("$(((", ""),
    ],
)
@pytest.mark.parametrize("shell", [["sh", "-c"], ["/bin/bash", "-exc"]])
def test_scripts(shell: list[str], script: str, expected: str) -> None:
    values = env(API_NAME="api")
    assert short(seen(containers=container(command=[*shell, script], env=values))) == (expected.split(), [])
    assert short(seen(containers=container(command=shell, args=[script], env=values))) == (expected.split(), [])


def test_external_hosts_in_scripts_are_asked_about() -> None:
    found = seen(containers=container(command=["sh", "-c", "curl -o x https://get.example.com/x.tgz"]))
    assert short(found) == ([], ["get.example.com:443"])


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["psql", "-h", "db.example.com"], "db.example.com:5432"),
        (["psql", "-h", "stock", "-p", "5433"], "stock.shop:5433"),
        (["nc", "-z", "db.example.com", "5432"], "db.example.com:5432"),
        (["run", "--api-url=https://api.example.com"], "api.example.com:443"),
        (["run", "https://api.example.com"], "api.example.com:443"),
        (["run", "-h", "stock"], ""),
        (["/wait-for-it.sh", "stock:80", "-t", "60", "--", "run"], "stock.shop:80"),
        (["nslookup", "db.example.com"], ""),
    ],
)
def test_hosts_that_are_not_in_the_input(command: list[str], expected: str) -> None:
    assert short(seen(containers=container(command=command))) == ([], expected.split())


def test_the_place_is_the_argument() -> None:
    found = seen(containers=container(command=["run"], args=["--a", "--cart", "cart:7070"]))
    [evidence] = found.needs[0].evidence
    assert evidence.path == ("spec", "template", "spec", "containers", 0, "args", 2)
    assert evidence.says == "arg --cart cart:7070"


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"])
def test_every_kind_and_container(kind: str) -> None:
    spec: dict[str, Any] = {
        "initContainers": [
            {"name": "wait", "command": ["nc", "-z", "db", "5432"]},
            {"name": "side", "restartPolicy": "Always", "args": ["--redis=redis:6379"]},
        ],
        "containers": [{"name": "a"}, {"name": "b", "env": env(CART_ADDR="cart:7070")}],
    }
    found = seen(workload("other", kind, **spec), workload("idle", kind))
    assert needs(found) == ["other -> cart:7070", "other -> db:5432", "other -> redis:6379"]
