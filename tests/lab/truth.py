"""Random clusters in a lab: what compiled rules do in the real kernel, against what the engine says, pair by pair.

A seed names a cluster and how it is brought up, the same for the tests and for fresh.py.
"""

from __future__ import annotations

import random

from podwall.engine.model import Model
from podwall.lab.asking import Asker
from podwall.lab.plan import Link, Plan
from podwall.lab.planning import LabOptions, plan_of
from podwall.lab.ports import ports_of
from podwall.lab.probe import Outcome, Probe
from podwall.lab.sampling import every, number_of, sample
from podwall.lab.seated import seated
from podwall.lab.session import Extras, Lab, probed
from tests.truth.compare import trial

MOST = 3000  # probes of one cluster
SMALL = (3, 4, 0, 0)  # how often a cluster is tiny, small, medium, large


def model_and_plan(seed: int) -> tuple[Model, Plan]:
    """The cluster of a seed, and who sits where."""
    model = trial(seed, SMALL).model
    rng = random.Random(f"lab of {seed}")
    options = LabOptions(
        nodes=rng.choice((1, 2, 3)),
        replicas=rng.choice((1, 1, 2)),
        link=rng.choice(list(Link)),
        dns_cache=rng.random() < 0.2,
    )
    return model, plan_of(model, options)


def lab_of(seed: int) -> tuple[Lab, list[Probe]]:
    """A lab, and what is asked in it: all pairs, at all ports that matter or as many as there is room for."""
    model, plan = model_and_plan(seed)
    view = seated(model, plan)
    asker = Asker(plan, view)
    served = ((t.protocol, port) for t in plan.translations for _, port in t.targets)
    ports = ports_of(model.cluster, model.index.policies.values(), (seat.endpoint for seat in plan.seats), served)
    questions = every(asker, ports) if number_of(asker, ports) <= MOST else sample(asker, ports, MOST, seed)
    return Lab(plan, view), [asker.probe(question) for question in questions]


def differences(seed: int) -> tuple[int, int, list[str]]:
    """How many probes were sent, how many of them were predicted to be denied, and every difference."""
    lab, probes = lab_of(seed)
    ran = probed(lab, probes, Extras(), lambda _: None)
    pairs = zip(probes, ran.outcomes, strict=True)
    found = [told(probe, outcome) for probe, outcome in pairs if not outcome.agrees(probe)]
    return len(probes), sum(not probe.allowed for probe in probes), found


def told(probe: Probe, outcome: Outcome) -> str:
    """A difference in words."""
    want = "allow" if probe.allowed else "deny"
    goal = f"{probe.destination} at {probe.address} port {probe.port}/{probe.protocol}"
    return f"{probe.source} ({probe.sender}) -> {goal} is {want} to the engine, {outcome.seen.value} in the kernel"
