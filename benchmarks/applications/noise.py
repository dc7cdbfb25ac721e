"""What looks like a need and is none: words that happen to be a Service's name, comments, what nobody reads."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.applications.application import Statement
from benchmarks.applications.draft import Draft
from benchmarks.applications.files import Entry
from benchmarks.applications.places import FILED, PLAIN
from benchmarks.applications.sheet import Sheet
from benchmarks.applications.world import Service

__all__ = ["add_noise"]

_Texts = tuple[str, str, str]  # what is named, the key's end, the value


def add_noise(draft: Draft) -> None:
    """About two pieces for each workload; each names a Service that the workload does not call."""
    rng = draft.rng
    for _ in range(2 * len(draft.world.workloads)):
        sheet = draft.sheets[rng.choice(draft.world.workloads).key]
        strangers = draft.strangers(sheet.workload)
        if strangers:
            rng.choice(_ALL)(draft, sheet, rng.choice(strangers))


def _word(draft: Draft, sheet: Sheet, service: Service) -> None:
    """A key with a value, as text of any place."""
    rng = draft.rng
    named, key, value = rng.choice(_words(rng, sheet.workload.name, service))
    place = rng.choice((*PLAIN, *FILED))
    mark = place.write(sheet, draft.stem(named), ((key, value),))
    draft.state(Statement(f"noise: {key}", place.name, mark, subject=sheet.workload.key, written=value))


def _words(rng: Random, own: str, service: Service) -> list[_Texts]:
    name, port = service.name, service.ports[0].number
    return [
        ("database", "DB_NAME", name),
        ("database", "USER", name),
        ("own", "SERVICE_NAME", own),
        ("otel", "SERVICE_NAME", rng.choice((own, name))),
        ("kafka", "TOPIC", name),
        ("amqp", "QUEUE_NAME", name),
        ("cache", "KEY_PREFIX", f"{name}:"),
        ("log", "LEVEL", rng.choice(("info", "debug"))),
        ("config", "PATH", f"/etc/{name}/config.yaml"),
        ("data", "DIR", f"/var/lib/{name}"),
        ("listen", "ADDR", rng.choice((f"0.0.0.0:{port}", f":{port}", f"127.0.0.1:{port}", f"[::]:{port}"))),
        (
            "loopback",
            "URL",
            rng.choice((f"http://localhost:{port}", f"redis://127.0.0.1:{port}/0", f"http://[::1]:{port}")),
        ),
        ("driver", "CLASS", rng.choice(("org.postgresql.Driver", f"com.example.{name.replace('-', '')}.Client"))),
        ("alert", "EMAIL", rng.choice(("ops@example.com", f"{name}@example.com", f"Shop <{name}@shop.example.com>"))),
        ("sidecar", "IMAGE", f"registry.example/{name}:1.4.2"),
        ("feature", "ENABLED", rng.choice(("true", "on", name))),
        ("pod", "NAMESPACE", service.namespace),
        ("release", "VERSION", rng.choice(("1.2.3", "2026.11.1", f"{name}-1.2.3"))),
        ("start", "TIME", rng.choice(("09:30", "2026-01-01T00:00:00Z"))),
        ("size", "RATIO", "16:9"),
        ("title", "TEXT", f"Welcome to {name}: all you need"),
        ("java", "OPTS", f"-Xmx512m -Dapp.name={name} -Dcom.example.port={port}"),
        ("schema", "NAMESPACE", "urn:example:orders"),
    ]


def _comment(draft: Draft, sheet: Sheet, service: Service) -> None:
    """A comment of a file that names a Service, or a host outside."""
    rng, port = draft.rng, service.ports[0].number
    sort = rng.choice(("properties", "yaml", "ini", "toml", "env file"))
    said = rng.choice((f"{service.name}:{port}", f"http://{service.name}:{port}/", "https://docs.example.com/config"))
    kept = sheet.files.setdefault(sort, [])
    stem = draft.stem("comment")
    kept.append(f"{rng.choice(('was', 'see', 'host:', 'url ='))} {said} ({stem})")
    kept.append(Entry(draft.stem("retries"), (("LIMIT", "3"),)))
    draft.state(Statement("noise: comment", f"mounted {sort}", stem, subject=sheet.workload.key))


def _unread_map(draft: Draft, sheet: Sheet, service: Service) -> None:
    """A ConfigMap that nobody refers to."""
    name = f"unused-{draft.stem('unused').lower().replace('_', '-')}"
    url = f"http://{service.name}:{service.ports[0].number}"
    sheet.config_map(name, {"application.properties": f"peer.url={url}\n", "PEER_URL": url})
    draft.state(Statement("noise: ConfigMap of nobody", "object", name, subject=sheet.workload.key))


def _secret(draft: Draft, sheet: Sheet, service: Service) -> None:
    """A Secret: what is in it is never read, and said to be unseen."""
    rng, stem = draft.rng, draft.stem("secret")
    name, namespace = stem.lower().replace("_", "-"), sheet.workload.namespace
    url = f"http://{service.name}:{service.ports[0].number}"
    meta = {"name": name, "namespace": namespace}
    sheet.extra.append({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"url": url}})
    chance = rng.random()
    if chance < 0.4:
        sheet.variable(sheet.a_container(), f"{stem}_URL", {"secretKeyRef": {"name": name, "key": "url"}})
    elif chance < 0.7:
        sheet.containers[0].setdefault("envFrom", []).append({"secretRef": {"name": name}})
    else:
        sheet.mount({"name": name, "secret": {"secretName": name}}, f"/etc/{name}")
    sheet.unseen.add((sheet.workload.key, "Secret", name))
    draft.state(Statement("noise: Secret", "object", name, subject=sheet.workload.key))


def _lost_map(draft: Draft, sheet: Sheet, _: Service) -> None:
    """A ConfigMap that is referred to and not in the input."""
    stem = draft.stem("lost")
    name = f"absent-{stem.lower().replace('_', '-')}"
    if draft.rng.random() < 0.5:
        sheet.variable(sheet.a_container(), f"{stem}_URL", {"configMapKeyRef": {"name": name, "key": "url"}})
    else:
        sheet.containers[0].setdefault("envFrom", []).append({"configMapRef": {"name": name}})
    sheet.unseen.add((sheet.workload.key, "ConfigMap", name))
    draft.state(Statement("noise: absent ConfigMap", "object", name, subject=sheet.workload.key))


def _annotation(draft: Draft, sheet: Sheet, service: Service) -> None:
    """Annotations are for people."""
    stem = draft.stem("note")
    key = f"example.com/{stem.lower().replace('_', '-')}"
    sheet.annotations[key] = f"calls {service.name}:{service.ports[0].number} one day"
    draft.state(Statement("noise: annotation", "object", key, subject=sheet.workload.key))


def _positional(draft: Draft, sheet: Sheet, service: Service) -> None:
    """A bare word of a command, and one that a shell prints."""
    container = sheet.another("sidecar")
    if draft.rng.random() < 0.5:
        container["args"] = ["serve", service.name]
    else:
        container["command"] = ["sh", "-c", f"echo starting {service.name}; exec /app/{service.name} run"]
    draft.state(Statement("noise: word of a command", "command", container["name"], subject=sheet.workload.key))


def _field(draft: Draft, sheet: Sheet, _: Service) -> None:
    """What the Pod itself says."""
    stem = draft.stem("field")
    sheet.variable(sheet.a_container(), f"{stem}_IP", {"fieldRef": {"fieldPath": "status.podIP"}})
    draft.state(Statement("noise: fieldRef", "env", f"{stem}_IP", subject=sheet.workload.key))


_ALL: tuple[Callable[[Draft, Sheet, Service], None], ...] = (
    *[_word] * 10,
    _comment,
    _comment,
    _unread_map,
    _secret,
    _lost_map,
    _annotation,
    _positional,
    _field,
)
