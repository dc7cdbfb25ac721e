from __future__ import annotations

import textwrap

import pytest

from tests.needs.found import needs, questions
from tests.needs.world import config, container, env, seen, workload


def in_file(name: str, text: str) -> tuple[list[str], list[str]]:
    volumes = [{"name": "c", "configMap": {"name": "c"}}]
    found = seen(config("c", {name: textwrap.dedent(text)}), volumes=volumes)
    return [n.removeprefix("web -> ") for n in needs(found)], [q.removeprefix("web -> ") for q in questions(found)]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "application.properties",
            """
            # spring.redis.host=api
            ! cart.url=http://api:8080
            spring.datasource.url=jdbc:postgresql://db:5432/x
            spring.redis.host = redis
            spring.redis.port = 6379
            spring.application.name=cart
            server.port=8080
            cart.url: http\\://x
            smtp.host=smtp
            smtp.port=587
            """,
            "db:5432 redis:6379 smtp:587",
        ),
        (
            "application.yaml",
            """
            # url: http://api:8080
            spring:
              datasource: {url: "jdbc:postgresql://db:5432/x", username: cart}
              redis:
                host: redis   # or api:8080
                port: 6379
              mail:
                host: smtp
                port: 587
              application:
                name: cart
            cart:
              url: http://cart:7070
            server:
              address: 0.0.0.0
            kafka:
              brokers:
              - kafka-0.kafka:9092
              - kafka-1.kafka:9092
            """,
            "cart:7070 db:5432 kafka:9092 redis:6379 smtp:587",
        ),
        (
            "list.yaml",
            """
            targets:
            - host: smtp
              port: 587
            - host: cart
              port: 7070
            """,
            "cart:7070 smtp:587",
        ),
        (
            "prometheus.yml",
            """
            scrape_configs:
            - job_name: cart
              metrics_path: /metrics
              static_configs:
              - targets: ['localhost:9090', 'cart:7070', "api:8080"]
                labels: {app: redis}
            - job_name: pods
              kubernetes_sd_configs:
              - role: pod
              relabel_configs:
              - source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port]
                regex: ([^:]+)(?::\\d+)?;(\\d+)
                replacement: $1:$2
            """,
            "api:8080 cart:7070",
        ),
        (
            "config.json",
            """
            {"cart": {"url": "http://cart:7070"}, "redis": {"host": "redis", "port": 6379}, "name": "api",
             "smtp": [{"host": "smtp", "port": "587"}], "mode": "db"}
            """,
            "cart:7070 redis:6379 smtp:587",
        ),
        ("broken.json", '{"cart": {"url": "http://cart:7070"},\n "x": }', "cart:7070"),
        (
            "app.ini",
            """
            ; url = http://api:8080
            [database]
            host = db
            port = 5432
            name = cart
            [mail]
            host = smtp
            port = 587
            """,
            "db:5432 smtp:587",
        ),
        (
            "app.toml",
            """
            [redis]
            addr = "redis:6379" # api:8080
            [[upstreams]]
            host = "cart"
            port = 7070
            """,
            "cart:7070 redis:6379",
        ),
        (
            "nginx.conf",
            """
            # proxy_pass http://redis;
            upstream backend {
              least_conn;
              server cart:7070 weight=5;
              server api:8080 backup;
            }
            server {
              listen 80;
              listen [::]:8080;
              server_name redis shop.example.org;
              resolver kube-dns.kube-system.svc.cluster.local valid=10s;
              log_format main '$remote_addr:$remote_port - $remote_user [$time_local] "$request"';
              location / { proxy_pass http://backend; }
              location /smtp { proxy_pass http://smtp:25/; }
              location /x {
                proxy_pass http://backend/x;
                proxy_set_header Host $host:80;
              }
            }
            """,
            "api:8080 cart:7070 smtp:25",
        ),
        (
            "haproxy.cfg",
            """
            frontend f
              bind *:8080
              default_backend b
            backend b
              server s1 cart:7070 check
              server s2 api:8080 check inter 2s
            """,
            "api:8080 cart:7070",
        ),
        (
            "envoy.yaml",
            """
            static_resources:
              listeners:
              - address:
                  socket_address: {address: 0.0.0.0, port_value: 10000}
              clusters:
              - name: redis
                load_assignment:
                  cluster_name: redis
                  endpoints:
                  - lb_endpoints:
                    - endpoint:
                        address:
                          socket_address:
                            address: cart
                            port_value: 7070
            """,
            "cart:7070",
        ),
        (
            "core-site.xml",
            """
            <?xml version="1.0"?>
            <!-- <value>http://redis:6379</value> -->
            <configuration xmlns="http://cart:7070/ns">
              <property><name>fs.defaultFS</name><value>tcp://cart:7070</value></property>
              <dataSource url="jdbc:postgresql://db:5432/x" user="redis"/>
              <host>api</host>
            </configuration>
            """,
            "api:8080 cart:7070 db:5432",
        ),
        (
            "start.sh",
            """
            #!/bin/sh
            # curl http://redis:6379
            until nc -z db 5432; do sleep 1; done
            exec server --cart=$CART_NAME:7070
            """,
            "cart:7070 db:5432",
        ),
        (
            "fluent-bit.conf",
            """
            [OUTPUT]
                Name  es
                Host  cart
                Port  7070
            [OUTPUT]
                Name  forward
                Host  smtp
                Port  587
            """,
            "cart:7070 smtp:587",
        ),
        ("fluent.conf", "<match **>\n  @type es\n  host cart\n  port 7070\n</match>\n", "cart:7070"),
        ("zoo.cfg", "clientPort=2181\nserver.1=kafka-0.kafka:9092:9093\n", "kafka:9092 kafka:9093"),
        ("pgbouncer.ini", "[databases]\n* = host=db port=5432\n[pgbouncer]\nlisten_addr = cart\n", "db:5432"),
        ("sentinel.conf", "sentinel monitor primary redis 6379 2\n", "redis:6379"),
        ("routes.yaml", "routes:\n- path: /\n  service: smtp\n  port: 587\n", "smtp:587"),
        (
            "store.hcl",
            """
            listener "tcp" {
              address = "cart:7070"
            }
            storage "redis" {
              address = "redis:6379"
            }
            """,
            "redis:6379",
        ),
        ("board.json", '{"links": [{"url": "https://docs.example.com"}], "panels": [{"datasource": "cart"}]}', ""),
        ("app.env", "CART_ADDR=cart:7070\nexport DB_HOST=db\n", "cart:7070 db:5432"),
        ("CART_ADDR", "cart:7070", "cart:7070"),
        ("cart.url", "cart", "cart:7070"),
        ("redis.conf", "bind 0.0.0.0\nreplicaof redis 6379\nport 6379\n", "redis:6379"),
        (
            "app.properties",
            """
            a.url=http://${CART_NAME:localhost}:7070
            b.url=http://${API_HOST:api}:8080
            """,
            "api:8080 cart:7070",
        ),
        ("settings.py", "DATABASES = {'default': {'HOST': 'db', 'PORT': '5432'}}\n# api:8080\n", "db:5432"),
        # not
        ("a.sql", "-- cart:7070\nselect 'x';\n", ""),
        ("a.lua", "-- connect http://cart:7070\nreturn 1\n", ""),
        ("logback.xml", '<configuration><logger name="com.example.cart"/></configuration>', ""),
        ("log4j.properties", "log4j.logger.com.example=INFO\nappender.layout.pattern=%d{HH:mm:ss} %c:%L\n", ""),
        ("ca.crt", "-----BEGIN CERTIFICATE-----\ncart:7070\n-----END CERTIFICATE-----\n", ""),
        ("mime.types", "text/html html;\napplication/json json;\n", ""),
        ("users", "cart:x:1000:1000\n", ""),
        ("README.md", "Talk to the cart and the api.\nSee https://docs.example.com/cart for more.\n", ""),
        (
            "rules.yaml",
            """
            groups:
            - name: cart
              rules:
              - alert: X
                expr: up{job="cart"} == 0
                annotations:
                  runbook_url: https://runbooks.example.com/x
                  summary: cart:7070 is down
            """,
            "",
        ),
        ("features.json", '{"$schema": "https://flags.example.com/v1.json", "on": true}', ""),
        ("_example", "# what could be set\ntracing-endpoint: http://api:8080\n", ""),
        ("empty", "", ""),
        ("blank", " \n\n", ""),
    ],
)
def test_files(name: str, text: str, expected: str) -> None:
    volumes = [{"name": "c", "configMap": {"name": "c"}}]
    given = config("c", {name: textwrap.dedent(text)})
    values = container(env=env(CART_NAME="cart"))
    found = seen(given, containers=values, volumes=volumes)
    assert ([n.removeprefix("web -> ") for n in needs(found)], questions(found)) == (expected.split(), [])


def test_external_hosts_are_asked_about() -> None:
    text = "stripe:\n  url: https://api.stripe.com/v1\n  docs: https://stripe.com/docs\n"
    assert in_file("a.yaml", text) == ([], ["api.stripe.com:443"])
    assert in_file("nginx.conf", "location / {\n  proxy_pass https://api.stripe.com/v1;\n}\n") == (
        [],
        ["api.stripe.com:443"],
    )
    assert in_file(
        "nginx.conf", "server {\n  listen 80;\n  location / { proxy_pass https://api.stripe.com/v1; }\n}\n"
    ) == (
        [],
        ["api.stripe.com:443"],
    )


def test_a_projected_volume() -> None:
    volumes = [{"name": "c", "projected": {"sources": [{"configMap": {"name": "c"}}]}}]
    assert needs(seen(config("c", {"a": "http://cart:7070"}), volumes=volumes)) == ["web -> cart:7070"]


def test_only_what_somebody_mounts_in_its_own_namespace() -> None:
    volumes = [{"name": "c", "configMap": {"name": "c"}}]
    assert needs(seen(config("d", {"a": "http://cart:7070"}))) == []
    assert needs(seen(config("c", {"a": "http://cart:7070"}, "data"), volumes=volumes)) == []


def test_the_place_is_the_key_of_the_config_map() -> None:
    volumes = [{"name": "c", "configMap": {"name": "c"}}]
    found = seen(config("c", {"a.yaml": "cart:\n  url: http://cart:7070\n"}), volumes=volumes)
    [evidence] = found.needs[0].evidence
    assert (evidence.about, evidence.path) == (("ConfigMap", "shop", "c"), ("data", "a.yaml"))
    assert evidence.says == "a.yaml: http://cart:7070"


def test_a_config_map_of_many() -> None:
    volumes = [{"name": "c", "configMap": {"name": "c"}}]
    others = [workload(f"w{n}", volumes=volumes) for n in range(3)]
    found = seen(config("c", {"a": "http://cart:7070"}), *others)
    assert needs(found) == [f"w{n} -> cart:7070" for n in range(3)]
