"""Prints what tables say of a few clusters, told in an order: `python -m tests.dataplane.tables ORDER`.

The same lines come out whatever ORDER, a number, and whatever Python's hash seed; test_same_bytes.py runs it.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator

from podwall.dataplane import text
from podwall.dataplane.compiler import Compiler
from tests.dataplane.differences import world_of
from tests.dataplane.events import arrivals
from tests.dataplane.test_staged import Rollout
from tests.dataplane.world import NODES

CLUSTERS = 12


def lines(order: int) -> Iterator[str]:
    """A digest of the text that is given to nft, for each cluster and node; and whether policies are staged."""
    for seed in range(CLUSTERS):
        world, _, _ = world_of(seed)
        for node in NODES:
            compiler = Compiler(node, world.model.profile, world.options)
            told = arrivals(world)
            random.Random(order).shuffle(told)
            for number, event in enumerate(told):
                event(compiler)
                if number % (order + 2) == 0:
                    compiler.flush()
            compiler.flush()
            yield f"{seed} {node} {_digest(compiler)}"
        yield f"{seed} staged {_digest(Rollout(seed).compiler(NODES[0]))}"


def _digest(compiler: Compiler) -> str:
    return hashlib.sha256(text.load(compiler.ruleset()).encode()).hexdigest()


if __name__ == "__main__":
    print("\n".join(lines(int(sys.argv[1]))))
