from __future__ import annotations

import json

import pytest

from tests.needs.found import found, needs, questions
from tests.needs.world import config, container, env, seen, service, workload


def variable(key: str, value: str) -> tuple[list[str], list[str]]:
    got = seen(containers=container(env=[{"name": key, "value": value}]))
    return [n.removeprefix("web -> ") for n in needs(got)], [q.removeprefix("web -> ") for q in questions(got)]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        # Names, in every form that DNS has for them
        ("CART_ADDR", "cart:7070", "cart:7070"),
        ("CART_ADDR", "cart", "cart:7070"),
        ("CART_ADDR", "CART:7070", "cart:7070"),
        ("CART_ADDR", "cart.shop:7070", "cart:7070"),
        ("CART_ADDR", "cart.shop.svc:7070", "cart:7070"),
        ("CART_ADDR", "cart.shop.svc.cluster.local:7070", "cart:7070"),
        ("CART_ADDR", "cart.shop.svc.k8s.corp.example:7070", "cart:7070"),
        ("CART_ADDR", "cart.shop.svc.cluster.local.:7070", "cart:7070"),
        ("CART_ADDR", "cart.shop.svc.cluster.local.", "cart:7070"),
        ("X", "pg.data.svc", "pg:5432"),
        ("DB_HOST", "pg.data", "pg:5432"),
        ("DB_HOST", "db-0.db", "db:5432"),
        ("DB_HOST", "db-0.db.shop", "db:5432"),
        ("DB_HOST", "db-0.db.shop.svc", "db:5432"),
        ("DB_HOST", "db-0.db.shop.svc.cluster.local:5432", "db:5432"),
        ("KAFKA", "_p9092._tcp.kafka.shop.svc.cluster.local", "kafka:9092"),
        ("STORE", "dnssrv+_p9092._tcp.kafka.shop.svc", "kafka:9092"),
        ("STORE", "dns+cart.shop.svc:7070", "cart:7070"),
        ("API", "10.96.7.7:8080", "api:8080"),
        ("DB_HOST", "alias:5432", "pg:5432"),
        # URLs
        ("X", "http://api:8080/v1?x=1#top", "api:8080"),
        ("X", "HTTP://API:8080", "api:8080"),
        ("X", "redis://redis", "redis:6379"),
        ("X", "redis://:secret@redis/0", "redis:6379"),
        ("X", "rediss://redis:6379", "redis:6379"),
        ("X", "postgres://u:p@db/x", "db:5432"),
        ("X", "postgresql+asyncpg://u:p@db.shop.svc:5432/x", "db:5432"),
        ("X", "grpc://cart", "cart:7070"),
        ("X", "tcp://cart:7070", "cart:7070"),
        ("X", "mongodb://u:p@mongo-0.mongo:27017,mongo-1.mongo:27017/x?replicaSet=rs", "mongo:27017"),
        ("X", "mongodb+srv://mongo.shop.svc.cluster.local/x", "mongo:27017"),
        ("SELF_ADDR", "web:80", ""),
        ("X", "grpc://web:80", ""),
        ("PEER_ADDR", "web:80", ""),
        ("X", "http://api:8080,redis://redis", "api:8080 redis:6379"),
        ("X", "http://api:8080;http://cart:7070", "api:8080 cart:7070"),
        ("X", '{"cart": "http://cart:7070", "deep": [{"url": "redis://redis"}]}', "cart:7070 redis:6379"),
        ("X", "dns:///cart:7070", "cart:7070"),
        ("X", "dns://10.96.0.10/cart:7070", "cart:7070"),
        ("X", "dns:cart:7070", "cart:7070"),
        ("X", "passthrough:///cart.shop:7070", "cart:7070"),
        ("X", "(http://api:8080)", "api:8080"),
        # Connection strings
        ("X", "jdbc:postgresql://db:5432/x?user=u", "db:5432"),
        ("X", "jdbc:postgresql://db/x", "db:5432"),
        ("X", "jdbc:mysql:loadbalance://db-0.db:3306,db-1.db:3306/x", "db:3306"),
        ("X", "jdbc:oracle:thin:@db:5432:x", "db:5432"),
        ("X", "jdbc:oracle:thin:u/p@//db:5432/x", "db:5432"),
        ("X", "jdbc:sqlserver://db:5432;databaseName=x;encrypt=true", "db:5432"),
        ("X", "host=db port=5432 dbname=cart user=api password=redis", "db:5432"),
        ("X", "dbname=x host=db", "db:5432"),
        ("X", "host=db.shop.svc.cluster.local. dbname=x", "db:5432"),
        ("X", "user:pw@tcp(db:5432)/cart?parseTime=true", "db:5432"),
        ("X", "user:pw@db:5432/cart", "db:5432"),
        ("X", "Server=db,5432;Database=cart;User Id=sa;Password=redis", "db:5432"),
        ("X", "Server=tcp:db,5432;Initial Catalog=cart", "db:5432"),
        ("X", "Data Source=db,5432;Initial Catalog=cart", "db:5432"),
        ("X", "Host=db;Port=5432;Username=cart;Password=redis", "db:5432"),
        ("ConnectionStrings__Redis", "redis:6379,password=x,ssl=False", "redis:6379"),
        ("KAFKA_BROKERS", "kafka-0.kafka:9092,kafka-1.kafka:9092", "kafka:9092"),
        ("KAFKA_BROKERS", "kafka-0.kafka:9092 kafka-1.kafka:9092", "kafka:9092"),
        ("VOTERS", "0@kafka-0.kafka:9093,1@kafka-1.kafka:9093", "kafka:9093"),
        ("JAVA_OPTS", "-Xmx512m -Dcart.url=http://cart:7070 -Ddb.host=db", "cart:7070 db:5432"),
        # Keys of addresses
        *((key, "cart", "cart:7070") for key in ("CART_HOST", "CART_URL", "CART_URI", "CART_ENDPOINT", "CART_ADDRESS")),
        *((key, "cart", "cart:7070") for key in ("CART_SERVERS", "CART_SERVICE", "CART_UPSTREAM", "CART_BACKEND")),
        *((key, "db", "db:5432") for key in ("PGHOST", "pghost", "DB_HOST_RO", "dbHost", "db.host", "DB_HOSTNAME")),
        ("HOST", "db", "db:5432"),
        ("CART_URL", "cart/v1", "cart:7070"),
        ("CART_URL", "//cart/v1", "cart:7070"),
        ("HTTP_PROXY", "http://api:8080", "api:8080"),
        ("API_HOSTS", "api,cart", "api:8080 cart:7070"),
        ("SECRET_SERVICE_ADDR", "cart:7070", "cart:7070"),
        ("TOKEN_URL", "http://api:8080/token", "api:8080"),
        ("DB_NAME", "postgres://db/x", "db:5432"),
        ("X", "cart:7070", "cart:7070"),
        ("CACHE", " redis:6379 ", "redis:6379"),
        # Addresses
        ("X", "10.20.30.40:5432", "10.20.30.40:5432"),
        ("X", "http://10.20.30.40/", "10.20.30.40:80"),
        ("X", "[fd00:1::9]:5432", "fd00:1::9:5432"),
        ("X", "http://[fd00:1::9]/", "fd00:1::9:80"),
    ],
)
def test_is_a_need(key: str, value: str, expected: str) -> None:
    assert variable(key, value) == (expected.split(), [])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        # What something is called
        *(
            (key, "cart")
            for key in ("MODE", "DB_NAME", "SERVICE_NAME", "OTEL_SERVICE_NAME", "APP", "COMPONENT", "ROLE")
        ),
        *((key, "cart") for key in ("DB_USER", "DB_PASSWORD", "ORDERS_TOPIC", "ORDERS_QUEUE", "X", "DB", "DD_SERVICE")),
        *((key, "cart") for key in ("CART_ENABLED", "CART_HOST_HEADER_NAME", "CONSUMER_GROUP", "LABELS", "API_KEY")),
        ("FEATURES", "cart,api,db"),
        ("NOTE", "the cart and the api"),
        ("DB_PASSWORD", "cart:7070"),
        ("CART_IMAGE", "cart:7070"),
        ("IMAGE", "registry.example/cart:1.2"),
        ("X", "redis:7"),
        ("X", "redis:7-alpine"),
        ("X", "redis:7.2"),
        ("WEIGHTS", "cart:50,api:50"),
        # Where it listens itself
        *(("LISTEN_ADDR", v) for v in ("0.0.0.0:8080", ":8080", "web:8080", "cart:7070")),
        *((k, "0.0.0.0:8080") for k in ("ADDR", "BIND", "HTTP_ADDR", "SERVER_ADDRESS", "CART_ADDR")),
        *(("X_ADDR", v) for v in ("localhost:8080", "127.0.0.1:80", "127.3.2.1:9", "[::]:80", "[::1]:80", "::", "::1")),
        ("X_URL", "http://localhost:8080"),
        ("X_URL", "http://db.localhost"),
        ("X_ADDR", "web"),
        ("WEB_SERVICE", "web"),
        ("API_URL", "http://web"),
        ("KC_HOSTNAME_URL", "https://auth.example.org"),
        ("PUBLISH_SERVICE", "cart/web"),
        ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://web:80"),
        ("ADVERTISED_ADDR", "web:80"),
        # Names under which it is reached from outside, and who may come
        ("BASE_URL", "https://shop.example.com/"),
        ("ASSETS_URL", "https://x.apps.example.com"),
        ("PUBLIC_URL", "https://shop.example.org"),
        ("EXTERNAL_URL", "https://shop.example.org"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example,https://b.example"),
        ("ALLOWED_HOSTS", "web,api,cart"),
        ("NO_PROXY", "localhost,cart,.svc,10.0.0.0/8,api:8080"),
        ("no_proxy", "cart"),
        ("OAUTH_REDIRECT_URI", "https://a.example/back"),
        ("TRUSTED_PROXIES", "10.0.0.1"),
        # Others' business
        ("METADATA", "http://169.254.169.254/latest"),
        ("METADATA_HOST", "metadata.google.internal"),
        ("API_SERVER", "https://kubernetes.default.svc"),
        ("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc.cluster.local"),
        ("K8S_URL", "https://kubernetes.default.svc.cluster.local:443"),
        ("RESOLVER", "10.96.0.10:53"),
        ("NAMESERVER_HOST", "kube-dns.kube-system.svc.cluster.local"),
        # No hosts
        ("SOCKET_URL", "unix:///var/run/x.sock"),
        ("SOCKET", "unix:/var/run/x.sock"),
        ("DB_URL", "sqlite:///var/db.sqlite"),
        ("DB_URL", "jdbc:h2:mem:test"),
        ("CONFIG_URL", "file:///etc/config.yaml"),
        ("BUCKET_URL", "s3://bucket/x"),
        ("MAIN_CLASS", "com.example.Foo"),
        ("HANDLER", "com.example.Foo"),
        ("HANDLER_SERVICE", "com.example.Foo"),
        ("LOGGER", "com.example.foo"),
        ("VERSION", "1.2.3"),
        ("X", "1.2.3.4"),
        ("FROM", "noreply@example.com"),
        ("FROM_ADDRESS", "noreply@example.com"),
        ("ACCEPT", "application/json"),
        ("API_GROUP", "rbac.authorization.k8s.io"),
        ("LABEL", "app.kubernetes.io/name"),
        ("LOG_FORMAT", "%d{HH:mm:ss.SSS} %-5level"),
        ("LOG_FORMAT", '$remote_addr - [$time_local] "$request"'),
        ("TZ", "Europe/Berlin"),
        ("START", "12:30"),
        ("START", "2026-01-01T12:30:00Z"),
        ("DIGEST", "sha256:0123456789"),
        ("TOPIC_ARN", "arn:aws:sns:eu-west-1:123456789012:orders"),
        ("X_FILE", "/etc/cart:7070/x"),
        ("CONFIG_SERVER", "config.yaml"),
        ("ALLOW", "10.0.0.0/8"),
        ("SUBNET_ADDR", "10.0.0.0/8"),
        ("NETMASK_ADDR", "255.255.255.0"),
        ("USE_HOST", "true"),
        ("X_HOST", "8080"),
        ("URL", "http://${HOST}:80"),
        ("URL", "http://$(UNKNOWN):80"),
        ("URL", "http://api-$(ENV):80"),
        ("URL", "http://{{ host }}:80"),
        ("URL", "http://<host>:80"),
        ("XML", "http://www.w3.org/2001/XMLSchema"),
        ("TLS", "-----BEGIN CERTIFICATE-----\ncart:7070\n"),
        ("OWNER", "nobody:65534"),
        ("X", "main.go:4242"),
        ("EMPTY", ""),
        ("WEIGHTS", "stock:80"),
    ],
)
def test_is_none(key: str, value: str) -> None:
    assert variable(key, value) == ([], [])


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("PAYMENT_URL", "https://api.stripe.com/v1", "api.stripe.com:443"),
        ("X", "https://api.stripe.com/v1", "api.stripe.com:443"),
        ("X", "host=pg.example.com dbname=x", "pg.example.com:5432"),
        ("DB7", "db7.example.com:3306", "db7.example.com:3306"),
        ("X", "api.stripe.com:443", "api.stripe.com:443"),
        ("DB_HOST", "db.abc.eu-west-1.rds.amazonaws.com", "db.abc.eu-west-1.rds.amazonaws.com"),
        ("DB_DSN", "postgres://u:p@pg.example.com/x", "pg.example.com:5432"),
        ("SMTP", "smtp://mail.example.com", "mail.example.com:25"),
        ("REPO", "git@git.example.com:org/repo.git", "git.example.com:22"),
        ("SB", "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKey=k", "x.servicebus.windows.net:5671"),
        ("STOCK_ADDR", "stock:8080", "stock.shop:8080"),
        ("STOCK_HOST", "stock", "stock.shop"),
        ("STOCK_ADDR", "sql:1433", "sql.shop:1433"),
        ("STOCK_HOSTNAME", "stock", "stock.shop"),
        ("STOCK", "stock:80", "stock.shop:80"),
        ("OLD_PROFILE", "profile:27017", "profile.shop:27017"),
        ("STOCK_BIG_STORE", "big-store:443", "big-store.shop:443"),
        ("STOCK_SETTINGS", '{"host": "stock", "port": 8080}', "stock.shop:8080"),
        ("X", "http://stock", "stock.shop:80"),
        ("X", "stock:8080", "stock.shop:8080"),
        ("X", "stock.other.svc:8080", "stock.other:8080"),
        ("X", "stock.other.svc", "stock.other"),
        ("STOCK_ADDR", "stock.data:8080", "stock.data:8080"),
        ("STOCK_ADDR", "a.b:8080", "a.b:8080"),
        ("LEGACY", "legacy:3306", "db.legacy.example.com:3306"),
        ("X_HOST", "10.20.30.40", "10.20.30.40"),
        ("SENTRY_DSN", "https://0123456789abcdef@o1.ingest.example.com/42", "o1.ingest.example.com:443"),
        ("STATSD", "udp://stats.example.com:9125", "stats.example.com:9125/UDP"),
        ("DNS_ADDR", "ns.example.com:53", "ns.example.com:53,53/UDP"),
        ("CART_ADDR", "cart:7071", "cart.shop"),
    ],
)
def test_is_a_question(key: str, value: str, expected: str) -> None:
    assert variable(key, value) == ([], [expected])


@pytest.mark.parametrize(("replicas", "expected"), [(1, []), (2, ["web -> web:80"])])
def test_a_workload_names_itself_only_where_there_are_others_of_it(replicas: int, expected: list[str]) -> None:
    web = workload("web", containers=container(env=env(PEER_ADDR="web:80", X="grpc://web:80")))
    web["spec"]["replicas"] = replicas
    items = [service("web", 80), web]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    assert needs(found(text, only=["environment"])) == expected


def test_a_service_that_may_be_meant_is_drafted() -> None:
    asked = {
        q.peer: q.drafted
        for q in seen(
            containers=container(env=env(A_ADDR="pg:5432", B_ADDR="carts:7070", C_ADDR="zzz:1234", D_HOST="10.9.8.7"))
        ).questions
    }
    assert asked == {
        "pg.shop": ("data/service/pg",),
        "carts.shop": ("shop/service/cart",),
        "zzz.shop": (),
        "10.9.8.7": ("10.9.8.7/32",),
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"DB_HOST": "db", "DB_PORT": "5432"}, ["db:5432"]),
        ({"PGHOST": "db", "PGPORT": "5432"}, ["db:5432"]),
        ({"SMTP_HOST": "smtp", "SMTP_PORT_PLAIN": "25", "SMTP_PORT_TLS": "587"}, ["smtp:25", "smtp:587"]),
        ({"MAIL_HOST": "smtp", "SMTP_PORT_PLAIN": "25"}, ["smtp:25,587"]),
        ({"CART_SERVICE_HOST": "cart", "CART_SERVICE_PORT": "7070"}, ["cart:7070"]),
        ({"DB_HOST": "db", "DB_PORT_NUMBER": "5432"}, ["db:5432"]),
        ({"SMTP_HOST": "smtp", "SMTP_PORT": "587"}, ["smtp:587"]),
        ({"A": '{"host": "smtp", "port": 25}', "B": '{"host": "smtp", "port": 587}'}, ["smtp:25", "smtp:587"]),
        ({"SMTP_HOST": "smtp"}, ["smtp:25,587"]),
        ({"SMTP_HOST": "smtp:25", "SMTP_PORT": "587"}, ["smtp:25"]),
        ({"DB_IP_ADDRESS": "10.1.2.3", "DB_IP_PORT": "5432"}, ["10.1.2.3:5432"]),
        ({"NAME": "cart", "URL": "http://$(NAME):7070"}, ["cart:7070"]),
        ({"URL": "http://$(NAME):7070", "NAME": "cart"}, []),
        ({"NAME": "cart", "URL": "http://$$(NAME):7070"}, []),
        ({"URL": "http://$(CART_SERVICE_HOST):$(CART_SERVICE_PORT)"}, ["cart:7070"]),
        ({"URL": "$(CART_PORT)"}, ["cart:7070"]),
    ],
)
def test_variables_complete_each_other(values: dict[str, str], expected: list[str]) -> None:
    found = seen(containers=container(env=env(**values)))
    assert [n.removeprefix("web -> ") for n in needs(found)] == expected


def test_config_maps() -> None:
    given = container(
        env=[
            {"name": "A_ADDR", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "cart"}}},
            {"name": "B_URL", "value": "http://$(P_HOST):$(P_PORT)"},
        ],
        envFrom=[{"prefix": "P_", "configMapRef": {"name": "d"}}],
    )
    found = seen(config("c", {"cart": "cart:7070"}), config("d", {"HOST": "api", "PORT": "8080"}), containers=given)
    assert needs(found) == ["web -> api:8080", "web -> cart:7070"]
    by_place = {(n.evidence[0].about, n.evidence[0].path, n.evidence[0].says) for n in found.needs}
    where = "spec", "template", "spec", "containers", 0, "env", 1, "value"
    assert by_place == {
        (("ConfigMap", "shop", "c"), ("data", "cart"), "env A_ADDR=cart:7070"),
        (("ConfigMap", "shop", "d"), ("data", "HOST"), "env P_HOST=api:8080"),
        (("Deployment", "shop", "web"), where, "env B_URL=http://api:8080"),
    }


def test_the_pod_itself() -> None:
    given = [
        {"name": "NS", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "A_URL", "value": "http://api.$(NS).svc:8080"},
        {"name": "B_URL", "value": "http://$(IP):8080"},
    ]
    assert needs(seen(containers=container(env=given))) == ["web -> api:8080"]


@pytest.mark.parametrize("value", ["postgres://u:hunter2@db/x", "u:hunter2@tcp(db:5432)/x", "u:hunter2@db:5432/x"])
def test_passwords_are_not_repeated(value: str) -> None:
    found = seen(containers=container(env=env(DSN=value)))
    assert needs(found) == ["web -> db:5432"]
    assert "hunter2" not in repr([n.evidence for n in found.needs])


def test_references_do_not_explode() -> None:
    values = {"A0": "http://cart:7070 " * 100, **{f"A{n}": f"$(A{n - 1})" * 100 for n in range(1, 9)}}
    assert needs(seen(containers=container(env=env(**values)))) == ["web -> cart:7070"]
