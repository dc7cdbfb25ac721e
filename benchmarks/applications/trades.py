"""The sorts of workloads there are in random applications."""

from __future__ import annotations

from benchmarks.applications.world import Trade

__all__ = ["CALLERS", "STORES", "WEB"]

WEB = (
    Trade(
        "web",
        ("web", "frontend", "cart", "catalog", "orders", "billing", "search", "gateway", "accounts", "mailer"),
        ("Deployment", "Deployment", "Deployment", "DaemonSet", "Pod", "StatefulSet"),
        (8080, 3000, 8000, 5000),
        (80, 80, 8080, 9000),
        ("http", "http", "ws"),
        80,
        "http",
    ),
    Trade(
        "tls",
        ("auth", "vault", "registry", "api"),
        ("Deployment", "StatefulSet"),
        (8443, 10443),
        (443, 443, 8443),
        ("https",),
        443,
        "https",
    ),
    Trade(
        "grpc",
        ("pricing", "shipping", "currency", "profile", "recommender"),
        ("Deployment", "Deployment", "Pod"),
        (50051, 9090, 7070),
        (50051, 7070, 9555),
        ("grpc",),
        0,
        "grpc",
    ),
)
STORES = (
    Trade(
        "postgres",
        ("db", "postgres", "orders-db", "ledger-pg"),
        ("StatefulSet", "StatefulSet", "Deployment"),
        (5432,),
        (5432, 5432, 6432),
        ("postgres", "postgresql"),
        5432,
        "postgres",
    ),
    Trade(
        "mysql",
        ("mysql", "wordpress-db", "mariadb"),
        ("StatefulSet", "Deployment"),
        (3306,),
        (3306, 3306, 13306),
        ("mysql",),
        3306,
        "mysql",
    ),
    Trade("redis", ("redis", "cache", "sessions"), ("StatefulSet", "Deployment"), (6379,), (6379,), ("redis",), 6379),
    Trade("mongo", ("mongo", "documents"), ("StatefulSet",), (27017,), (27017,), ("mongodb",), 27017, "mongo"),
    Trade("kafka", ("kafka", "events"), ("StatefulSet",), (9092,), (9092, 9093), ("kafka",), 0, "broker"),
    Trade("amqp", ("rabbit", "queue"), ("StatefulSet", "Deployment"), (5672,), (5672,), ("amqp",), 5672, "amqp"),
    Trade("mssql", ("mssql", "erp-db"), ("StatefulSet", "Deployment"), (1433,), (1433,), ("sqlserver",), 1433, "tds"),
    Trade("oracle", ("oracle", "legacy-db"), ("StatefulSet",), (1521,), (1521,), ("oracle",), 1521, "tns"),
    Trade(
        "statsd",
        ("statsd", "telemetry"),
        ("Deployment", "DaemonSet", "StatefulSet"),
        (8125, 18125),
        (8125,),
        ("udp", "statsd"),
        0,
        "statsd",
        "UDP",
    ),
)
CALLERS = (
    Trade("worker", ("worker", "consumer", "crawler", "agent-sync"), ("Deployment", "StatefulSet", "Pod")),
    Trade("job", ("migrate", "seed-data", "import"), ("Job", "Job", "CronJob")),
    Trade("schedule", ("backup", "nightly-report", "cleanup"), ("CronJob", "CronJob", "Job")),
)
