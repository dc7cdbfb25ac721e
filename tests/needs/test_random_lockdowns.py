"""Lockdowns of random applications, by the oracle: what is declared is open at every moment, and all else is closed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmarks.applications.application import ADDRESSES, EVERYONE, Application, Connection, Object
from benchmarks.applications.generate import random_application
from podwall.ops.inputs import Inputs
from podwall.ops.locking import Locked, Wanted, lock
from tests.truth.oracle import Oracle

SEEDS = range(30)
OUTSIDE, API_SERVER = "198.51.100.7", "172.18.0.2"
SAMPLE = 200  # questions about any two workloads, for each application


def locked(application: Application, folder: Path) -> Locked:
    """A lockdown of an application's files, which are written into a folder with what comes of it beside them."""
    for name, data in application.texts.items():
        (folder / name).write_bytes(data)
    return lock(Inputs(filenames=(str(folder),)), Wanted("podwall lockdown"))


def documents(text: str) -> list[Object]:
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


def policies(texts: dict[str, str], *, bracket: bool = False) -> list[Object]:
    """What is applied, in its order."""
    return [one for name in sorted(texts) if bracket or not name.startswith("00-") for one in documents(texts[name])]


def question(connection: Connection) -> tuple[str, str, str, int]:
    """A connection as a question to the oracle; of everyone, somebody outside is asked about."""
    known = {EVERYONE: OUTSIDE, ADDRESSES: API_SERVER}
    source, destination = (known.get(end, end) for end in (connection.source, connection.destination))
    return source, destination, connection.protocol, connection.port


def closed(application: Application, applied: list[Object]) -> list[Connection]:
    """The declared needs that some policies close."""
    oracle = Oracle([*application.objects, *applied])
    return [need for need in sorted(application.needs) if oracle.verdict(*question(need))["verdict"] != "allow"]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_declared_need_is_open(seed: int, tmp_path: Path) -> None:
    application = random_application(seed)
    found = locked(application, tmp_path)
    assert found.closed == ()
    assert closed(application, policies(found.texts)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_else_is_open(seed: int, tmp_path: Path) -> None:
    application = random_application(seed)
    found = locked(application, tmp_path)
    assert [(one.src, one.dst) for one in found.tightness.surplus] == []
    oracle = Oracle([*application.objects, *policies(found.texts)])
    surplus = [q for q in undeclared(application) if oracle.verdict(*q)["verdict"] == "allow"]
    assert surplus == []


def undeclared(application: Application) -> Iterator[tuple[str, str, str, int]]:
    """Connections that nobody needs: those who may call one another at all other ports, and any two workloads."""
    rng = random.Random(application.seed)
    meant = application.needs | application.tolerated
    ports = sorted({(c.protocol, c.port) for c in meant} | {("TCP", 1), ("TCP", 65535), ("UDP", 9)})
    workloads = sorted(f"{o['metadata']['namespace']}/{o['metadata']['name']}" for o in application.objects if runs(o))
    inside = [name for name in workloads if not name.startswith("kube-system/")]
    near = [
        (c.source, c.destination, *port)
        for c in sorted(meant)
        if c.source in inside and c.destination in inside
        for port in ports
    ]
    anyone = [*inside, OUTSIDE]
    far = [(rng.choice(anyone), rng.choice(anyone), *rng.choice(ports)) for _ in range(SAMPLE)]
    for one in (*near, *far):
        everyone = Connection(EVERYONE, *one[1:])
        if one[0] != one[1] and not {Connection(*one), everyone} & meant:
            yield one


def runs(item: Object) -> bool:
    return item["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_need_is_open_at_every_moment_of_applying(seed: int, tmp_path: Path) -> None:
    """File by file, object by object, and without the bracket at the end."""
    application = random_application(seed)
    steps = policies(locked(application, tmp_path).texts, bracket=True)
    moments = range(1, len(steps) + 1)
    for moment in sorted(random.Random(seed).sample(moments, min(len(steps), 12))):
        assert closed(application, steps[:moment]) == [], moment


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_a_second_run_changes_nothing(seed: int, tmp_path: Path) -> None:
    application = random_application(seed)
    first = locked(application, tmp_path).texts
    for name, text in first.items():
        (tmp_path / name).write_text(text)
    assert locked(application, tmp_path).texts == first
