"""What is said in commands of a shell and in the configuration of proxies, which have forms of their own."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from msgspec import Struct

from benchmarks.applications.files import Entry
from benchmarks.applications.forms import Target
from benchmarks.applications.sheet import Sheet

__all__ = ["COMMANDS", "PROXIES", "Phrase", "write_command", "write_line"]


class Phrase(Struct, frozen=True):
    """A line of a script, or of a proxy's configuration."""

    name: str
    fits: Callable[[Target], bool]
    say: Callable[[Random, Target], str]


def _curl(rng: Random, target: Target) -> str:
    at = f"{target.trade.schemes[0]}://{target.at(rng, 'web', 'tls')}/health"
    return rng.choice((f"curl -sf {at}", f'curl --fail "{at}" > /dev/null', f"wget -qO- {at}", f"wget --spider '{at}'"))


def _netcat(rng: Random, target: Target) -> str:
    tool = rng.choice(("nc -z", "nc -zv", "nc -w 2 -z"))
    return rng.choice(
        (
            f"until {tool} {target.host} {target.port}; do echo waiting; sleep 2; done",
            f"while ! {tool} {target.host} {target.port}; do sleep 1; done",
        )
    )


def _wait_for(rng: Random, target: Target) -> str:
    return rng.choice((f"/wait-for-it.sh {target.address} -t 60", f"dockerize -wait tcp://{target.address}"))


def _client(rng: Random, target: Target) -> str:
    said = {
        "postgres": (
            "pg_isready -h {0} -p {1}",
            "psql -h {0} -p {1} -U app -c 'select 1'",
            "pg_dump --host={0} --port={1}",
        ),
        "mysql": ("mysqladmin ping -h {0} -P {1}", "mysqldump --host={0} --port={1} orders"),
        "redis": ("redis-cli -h {0} -p {1} ping",),
    }[target.trade.name]
    return rng.choice(said).format(target.host, target.port)


COMMANDS = (
    Phrase("curl or wget", lambda t: t.trade.name in ("web", "tls"), _curl),
    Phrase("nc host port", lambda t: t.trade.protocol == "TCP", _netcat),
    Phrase("wait for host:port", lambda t: t.trade.protocol == "TCP", _wait_for),
    Phrase("client -h host -p port", lambda t: t.trade.name in ("postgres", "mysql", "redis"), _client),
)


def write_command(rng: Random, sheet: Sheet, line: str) -> str:
    """The line in a script of a container of its own; where it stands."""
    if rng.random() < 0.2:
        sheet.files.setdefault("script", []).append(Entry("", (("", line),)))
        return "mounted script"
    container = sheet.another(rng.choice(("init", "init", "sidecar")))
    script = rng.choice((line, f"set -e\n{line}\nexec /app/server\n", f"{line} && exec /app/server"))
    container["command"] = rng.choice((["sh", "-c"], ["/bin/sh", "-ec"]))
    if rng.random() < 0.5:
        container["command"] = [*container["command"], script]
    else:
        container["args"] = [script]
    return "shell command"


def _proxy_pass(_: Random, target: Target) -> str:
    return f"location / {{ proxy_pass http://{target.address}; }}"


def _upstream(_: Random, target: Target) -> str:
    return f"upstream up_{target.port} {{ server {target.address} max_fails=3; }}"


def _server(_: Random, target: Target) -> str:
    return f"backend b{target.port}\n  server s1 {target.address} check"


PROXIES = {
    "nginx": (
        Phrase("proxy_pass", lambda t: t.trade.name == "web", _proxy_pass),
        Phrase("upstream server", lambda _: True, _upstream),
    ),
    "haproxy": (Phrase("server line", lambda _: True, _server),),
}


def write_line(sheet: Sheet, sort: str, line: str) -> str:
    """The line in a proxy's configuration; where it stands."""
    sheet.files.setdefault(sort, []).append(Entry("", (("", line),)))
    return f"mounted {sort}"
