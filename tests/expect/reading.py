"""Assertions through the product's parser and judge, as tests ask for them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from podwall.engine.model import Model
from podwall.expect.ends import Ends
from podwall.expect.expectation import Expectation
from podwall.expect.judge import Outcome, judge, prepared
from podwall.expect.parse import Given, parse
from podwall.expect.world import World


def expectations(items: Sequence[object], namespace: str = "default", **further: object) -> list[Expectation]:
    """The assertions of a file that has no mistake."""
    document = {"apiVersion": "podwall.io/v1", "kind": "Expectations", "expect": list(items), **further}
    found = parse(json.dumps(document).encode(), "expect.yaml", Given(namespace))
    assert found.problems == ()
    return list(found.expectations)


def judged(model: Model, asked: Sequence[Expectation]) -> list[Outcome]:
    """What comes of each, in order."""
    ends = Ends(model)
    found = [prepared(ends, expectation) for expectation in asked]
    world = World(model, (node for one in found for node in one.nodes))
    return [judge(world, one) for one in found]
