"""Schemes of URLs: the ports that they stand for, and which of them lead to no host."""

from __future__ import annotations

from podwall.needs.vocabulary import vocabulary

__all__ = ["PORTS", "is_known", "is_local", "resolves", "scheme_of"]

PORTS = {
    "amqp": 5672,
    "amqps": 5671,
    "bolt": 7687,
    "cassandra": 9042,
    "clickhouse": 9000,
    "cql": 9042,
    "elasticsearch": 9200,
    "ftp": 21,
    "ftps": 990,
    "http": 80,
    "https": 443,
    "imap": 143,
    "imaps": 993,
    "kafka": 9092,
    "ldap": 389,
    "ldaps": 636,
    "mariadb": 3306,
    "memcache": 11211,
    "memcached": 11211,
    "mongodb": 27017,
    "mqtt": 1883,
    "mqtts": 8883,
    "mssql": 1433,
    "mysql": 3306,
    "nats": 4222,
    "neo4j": 7687,
    "nfs": 2049,
    "oracle": 1521,
    "otlp": 4317,
    "pop3": 110,
    "postgres": 5432,
    "postgresql": 5432,
    "pulsar": 6650,
    "redis": 6379,
    "rediss": 6379,
    "sb": 5671,
    "sentinel": 26379,
    "sftp": 22,
    "smtp": 25,
    "smtps": 465,
    "sqlserver": 1433,
    "ssh": 22,
    "stomp": 61613,
    "temporal": 7233,
    "valkey": 6379,
    "valkeys": 6379,
    "ws": 80,
    "wss": 443,
    "zk": 2181,
    "zookeeper": 2181,
}
"""The port of each well-known scheme (IANA's, or the default of the server that has made it known)."""

_SAME = {"loadbalance": "mysql", "replication": "mysql", "sequential": "mariadb", "plaintext": "kafka"}
_LOCAL = vocabulary(
    """abfs abfss app arn blob chrome-extension classpath configmap content data docker dockerfile embed env file gcs
    gs h2 inline jar local mailto mem memory module npm oci s3 s3a secret spiffe sqlite sqlite3 ssm tel unix
    unixgram urn vault vfs wasb wasbs"""
)
_RESOLVERS = frozenset(("discovery", "dns", "ipv4", "ipv6", "kubernetes", "passthrough", "static", "xds"))


def scheme_of(text: str) -> str:
    """A scheme in lower case, without what it is combined with: `mysql+pymysql`, `git+ssh`, `mongodb+srv`."""
    scheme = text.lower()
    if scheme in PORTS or "+" not in scheme:
        return _SAME.get(scheme, scheme)
    parts = scheme.split("+")
    return next((part for part in parts if part in PORTS), parts[0])


def is_local(scheme: str) -> bool:
    """Whether what stands behind it is no host."""
    return scheme in _LOCAL


def is_known(scheme: str) -> bool:
    """Whether it is certain that a host stands behind it."""
    return scheme in PORTS


def resolves(scheme: str) -> bool:
    """Whether gRPC takes it for the way in which the target behind it is looked up."""
    return scheme in _RESOLVERS
