"""Random applications that declare their needs in every style: all of them are found, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from benchmarks.applications.application import Application, Object
from benchmarks.applications.forms import FORMS
from benchmarks.applications.generate import random_application
from benchmarks.applications.judge import opened
from benchmarks.applications.places import PLACES
from tests.needs.applications import differences
from tests.truth.picture import read
from tests.truth.targets import Targets

SEEDS = range(150)
NO_SERVICE = ("Prometheus annotations", "PodMonitor", "RoleBinding", "ClusterRoleBinding")


@pytest.fixture(scope="module")
def applications() -> list[Application]:
    return [random_application(seed) for seed in SEEDS]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_declared_need_is_found_and_nothing_else(seed: int) -> None:
    assert differences(random_application(seed)) == []


# ------------------------------------------------------------------------------------------------- the generator itself


def test_a_seed_gives_the_same_bytes_and_another_one_others(applications: list[Application]) -> None:
    assert [random_application(one.seed).texts for one in applications] == [one.texts for one in applications]
    assert len({tuple(one.texts.values()) for one in applications}) == len(applications)


@pytest.mark.parametrize("seed", SEEDS[::5])
def test_manifests_are_admitted_without_a_word(seed: int) -> None:
    found = opened(random_application(seed))
    assert (found.warnings, found.incomplete, found.mistakes, found.partial) == ((), (), (), False)


def test_every_style_comes_up(applications: list[Application]) -> None:
    every = [one for application in applications for one in application.statements]
    forms, places = Counter(one.form for one in every), Counter(one.place for one in every)
    assert {form.name for form in FORMS} <= forms.keys()
    assert {place.name for place in PLACES} <= places.keys()
    assert sum(one.is_noise for one in every) > 500
    assert sum(one.asked is not None for one in every) > 100
    assert sum(bool(one.connections) for one in every) > 1000


def test_a_statement_is_the_only_one_that_declares_its_connections(applications: list[Application]) -> None:
    for application in applications:
        said = Counter(c for one in application.statements for c in one.connections)
        assert max(said.values(), default=1) == 1
        assert not said.keys() & application.tolerated


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_declared_is_where_services_lead(seed: int) -> None:
    """By the oracle, which reads the manifests again; a scrape may be of a port that no Service has."""
    application = random_application(seed)
    led = set(led_to(application.objects))
    for statement in application.statements:
        if statement.form not in NO_SERVICE:
            assert {(c.destination, c.protocol, c.port) for c in statement.connections} <= led, statement


def led_to(objects: Iterable[Object]) -> Iterator[tuple[str, str, int]]:
    """The workloads behind every Service at the ports at which each of them is reached."""
    picture = read([one for one in objects if one["kind"] not in ("Secret", "ConfigMap")], "default")
    targets = Targets(picture, "kubernetes", "default")
    for (namespace, name), service in picture.services.items():
        if service["spec"].get("selector"):
            target = targets.find(f"{namespace}/Service/{name}")
            for port in service["spec"]["ports"]:
                protocol = port.get("protocol", "TCP")
                for backend in targets.backends(target, port["port"], protocol):
                    yield f"{namespace}/{backend.end.name.split('/')[2]}", protocol, backend.port
