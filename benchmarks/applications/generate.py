"""From a seed to an application: the same seed gives the same bytes."""

from __future__ import annotations

from random import Random

from benchmarks.applications.application import Application, Object
from benchmarks.applications.calls import add_calls, add_questions, add_shared
from benchmarks.applications.draft import Draft
from benchmarks.applications.manifests import as_texts, cluster_dns, namespace, service_object, workload_objects
from benchmarks.applications.noise import add_noise
from benchmarks.applications.outside import add_outside, add_peers
from benchmarks.applications.people import random_world

__all__ = ["random_application"]


def random_application(seed: int) -> Application:
    """The application of a seed."""
    rng = Random(seed)
    draft = Draft(rng, random_world(rng))
    add_peers(draft)
    add_shared(draft)
    add_calls(draft)
    add_questions(draft)
    add_noise(draft)
    add_outside(draft)
    objects = _objects(draft)
    rng.shuffle(objects)
    return Application(
        seed,
        as_texts(rng, objects),
        tuple(objects),
        tuple(draft.statements),
        frozenset(draft.tolerated),
        frozenset(one for sheet in draft.sheets.values() for one in sheet.unseen),
    )


def _objects(draft: Draft) -> list[Object]:
    objects = [namespace(name) for name in draft.world.namespaces]
    for sheet in draft.sheets.values():
        sheet.finish()
        objects += workload_objects(sheet)
    objects += map(service_object, draft.services)
    objects += draft.objects
    if draft.rng.random() < 0.8:
        objects += cluster_dns()
    return objects
