"""The forms in which a text says whom it means: URLs, host and port, the strings that drivers of databases take."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from msgspec import Struct

from benchmarks.applications.world import Trade

__all__ = ["FORMS", "Form", "Target", "fitting"]

_URL = ("URL", "URI", "BASE_URL", "ENDPOINT", "")
_ADDRESS = ("ADDR", "ADDRESS", "ENDPOINT", "SERVICE_ADDR", "TARGET", "UPSTREAM", "SERVER", "")
_HOST = ("HOST", "ADDR", "HOSTNAME", "SERVICE_HOST")
_DATABASE = ("URL", "DSN", "DATABASE_URL", "CONNECTION_STRING")

Said = tuple[tuple[str, str], ...]  # ends of keys, and their values


class Target(Struct, frozen=True):
    """Who is called: the hosts as they are spelled (several are one Service's), the Service's port, what it speaks."""

    hosts: tuple[str, ...]
    port: int
    trade: Trade

    @property
    def host(self) -> str:
        """The first of them."""
        return self.hosts[0]

    @property
    def address(self) -> str:
        """The host with its port."""
        return f"{self.host}:{self.port}"

    def at(self, rng: Random, *trades: str) -> str:
        """The same; sometimes without a port that everybody takes one of these trades to have."""
        return self.host if self.usual(*trades) and rng.random() < 0.3 else self.address

    def usual(self, *trades: str) -> bool:
        """Whether the trade is one of these, at the port that everybody takes it to have."""
        return self.trade.name in trades and self.port == self.trade.default


class Form(Struct, frozen=True):
    """One form.

    With `every_port` it names no port, so that all of the Service's are meant; `filed`: it stands in files, too.
    """

    name: str
    fits: Callable[[Target], bool]
    say: Callable[[Random, Target], Said]
    every_port: bool = False
    filed: bool = True


def _any(_: Target) -> bool:
    return True


def _one(target: Target) -> bool:
    return len(target.hosts) == 1


def _of(*names: str) -> Callable[[Target], bool]:
    return lambda target: target.trade.name in names


def _usual(*names: str) -> Callable[[Target], bool]:
    return lambda target: target.usual(*names)


def _url(rng: Random, target: Target) -> Said:
    path = rng.choice(("", "/", "/v1/items", "/health?full=1"))
    return ((rng.choice(_URL), f"{rng.choice(target.trade.schemes)}://{target.address}{path}"),)


def _url_default(rng: Random, target: Target) -> Said:
    return ((rng.choice(_URL), f"{target.trade.schemes[0]}://{target.host}{rng.choice(('', '/', '/v1'))}"),)


def _url_user(rng: Random, target: Target) -> Said:
    user = rng.choice(("app:$(PASSWORD)@", "app:${PASSWORD}@", "app@", ":changeit@", "reader:p%40ss@"))
    return ((rng.choice(_URL), f"{target.trade.schemes[0]}://{user}{target.address}/main"),)


def _address(rng: Random, target: Target) -> Said:
    return ((rng.choice(_ADDRESS), target.address),)


def _apart(rng: Random, target: Target) -> Said:
    return ((rng.choice(("HOST", "HOST", "SERVER", "HOSTNAME")), target.host), ("PORT", str(target.port)))


def _host(rng: Random, target: Target) -> Said:
    return ((rng.choice(_HOST), target.host),)


def _jdbc(rng: Random, target: Target) -> Said:
    name = target.trade.name
    at = target.at(rng, "postgres", "mysql")
    value = {
        "postgres": f"jdbc:postgresql://{at}/orders?sslmode=disable",
        "mysql": f"jdbc:{rng.choice(('mysql', 'mariadb'))}://{at}/orders",
        "mssql": f"jdbc:sqlserver://{at};databaseName=orders;encrypt=true",
        "oracle": f"jdbc:oracle:thin:@{rng.choice(('//', ''))}{at}/ORDERS",
    }[name]
    return ((rng.choice(("URL", "JDBC_URL", "DATASOURCE_URL")), value),)


def _libpq(rng: Random, target: Target) -> Said:
    parts = [f"host={target.host}", "dbname=orders", "user=app", "sslmode=disable"]
    if not target.usual("postgres") or rng.random() < 0.7:
        parts.insert(rng.choice((1, 3)), f"port={target.port}")
    return ((rng.choice(_DATABASE), " ".join(parts)),)


def _go_mysql(rng: Random, target: Target) -> Said:
    return ((rng.choice(_DATABASE), f"app:secret@tcp({target.at(rng, 'mysql')})/orders?parseTime=true"),)


def _ado(rng: Random, target: Target) -> Said:
    server = f"{rng.choice(('', 'tcp:'))}{target.host},{target.port}"
    return ((rng.choice(_DATABASE), f"Server={server};Database=orders;User Id=app;TrustServerCertificate=true"),)


def _npgsql(rng: Random, target: Target) -> Said:
    return ((rng.choice(_DATABASE), f"Host={target.host};Port={target.port};Database=orders;Username=app"),)


def _list(rng: Random, target: Target) -> Said:
    key = rng.choice(("BROKERS", "BOOTSTRAP_SERVERS", "HOSTS", "NODES", "SERVERS"))
    return ((key, rng.choice((",", ", ")).join(f"{host}:{target.port}" for host in target.hosts)),)


def _mongo(rng: Random, target: Target) -> Said:
    hosts = ",".join(f"{host}:{target.port}" for host in target.hosts)
    return ((rng.choice(_URL), f"mongodb://{rng.choice(('', 'app:pw@'))}{hosts}/orders?replicaSet=rs0"),)


def _grpc(rng: Random, target: Target) -> Said:
    return ((rng.choice(_ADDRESS), f"dns:///{target.address}"),)


def _json(rng: Random, target: Target) -> Said:
    apart = f'{{"host": "{target.host}", "port": {target.port}, "retries": 3}}'
    return ((rng.choice(("CONFIG", "SETTINGS")), rng.choice((apart, f'{{"endpoint":"{target.address}"}}'))),)


FORMS = (
    Form("URL", _any, _url),
    Form("URL without port", _usual("web", "tls", "postgres", "mysql", "redis", "mongo", "amqp"), _url_default),
    Form("URL with user", _of("postgres", "mysql", "redis", "amqp", "mongo"), _url_user),
    Form("host:port", _any, _address),
    Form("HOST and PORT", _any, _apart),
    Form("HOST alone", _any, _host, every_port=True),
    Form("JDBC URL", _of("postgres", "mysql", "mssql", "oracle"), _jdbc),
    Form("libpq string", _of("postgres"), _libpq),
    Form("Go MySQL DSN", _of("mysql"), _go_mysql),
    Form("ADO.NET string", _of("mssql"), _ado),
    Form("Npgsql string", _of("postgres"), _npgsql),
    Form("list of host:port", lambda t: len(t.hosts) > 1 or t.trade.name == "kafka", _list),
    Form("MongoDB URL", _of("mongo"), _mongo),
    Form("gRPC target", _of("grpc"), _grpc),
    Form("JSON text", _any, _json, filed=False),
)


def fitting(target: Target) -> list[Form]:
    """The forms that can say it; several hosts are said by all of them, or by none."""
    lists = {"list of host:port", "MongoDB URL"}
    return [form for form in FORMS if form.fits(target) and (_one(target) or form.name in lists)]
