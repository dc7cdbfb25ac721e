"""The compiler of one node: any order of events ends in the bytes of the batch, and each change is the least one."""

from __future__ import annotations

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.profile import CILIUM
from podwall.dataplane.change import Change, difference
from podwall.dataplane.compiler import Compiler
from podwall.dataplane.epochs import next_epoch
from podwall.dataplane.fake import FakeKernel
from podwall.dataplane.ruleset import Ruleset
from tests.dataplane.differences import world_of
from tests.dataplane.events import Present, story
from tests.dataplane.world import NODES, World
from tests.truth.engine import model_of

NETWORKING = "networking.k8s.io/v1"


def as_bytes(ruleset: Ruleset) -> bytes:
    """All of it, in one order."""
    plain = {
        "chains": sorted((name, repr(chain)) for name, chain in ruleset.chains.items()),
        "sets": sorted(
            (name, repr(one.key), sorted(one.elements), one.intervals) for name, one in ruleset.sets.items()
        ),
        "maps": sorted((name, sorted(one.elements.items())) for name, one in ruleset.maps.items()),
        "groups": sorted((name, repr(group)) for name, group in ruleset.groups.items()),
    }
    return msgspec.json.encode(plain)


@pytest.mark.parametrize("seed", range(60))
def test_any_order_of_events_ends_in_the_batch(seed: int) -> None:
    world, rng, _ = world_of(seed)
    node = rng.choice(NODES)
    compiler = Compiler(node, world.model.profile, world.options)
    kernel = FakeKernel()
    kernel.apply(Change(whole=compiler.ruleset()))
    present = Present()
    for event in story(world, rng):
        event(compiler)
        event(present)
        if rng.random() < 0.3:
            before = kernel.ruleset
            change = compiler.flush()
            kernel.apply(change)
            after = compiler.ruleset()
            assert before is not None
            assert kernel.ruleset is not None
            assert as_bytes(kernel.ruleset) == as_bytes(after)
            assert change == difference(before, after)
            if rng.random() < 0.3:
                assert as_bytes(after) == as_bytes(batch(present, node, world))
    kernel.apply(compiler.flush())
    assert as_bytes(compiler.ruleset()) == as_bytes(batch(present, node, world))
    assert kernel.ruleset is not None
    assert as_bytes(kernel.ruleset) == as_bytes(world.compiler(node).ruleset())


def batch(present: Present, node: str, world: World) -> Ruleset:
    """The table that a compiler makes which is told everything at once."""
    compiler = Compiler(node, world.model.profile, world.options)
    present.tell(compiler)
    return compiler.ruleset()


def test_epochs_stay_within_their_bits_and_are_never_zero() -> None:
    mask, seen, epoch = 0x0003_8000, [], 0x8000
    for _ in range(8):
        seen.append(epoch)
        epoch = next_epoch(epoch, mask).number
    assert seen == [0x8000 * n for n in (1, 2, 3, 4, 5, 6, 7, 1)]


def test_a_pod_that_comes_where_blocks_mean_no_pods_may_end_permissions() -> None:
    """Its address was of the block as long as nobody had it."""
    compiler = Compiler("n1", CILIUM)
    spec = {"podSelector": {}, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}], "policyTypes": ["Egress"]}
    given = model_of([{"kind": "NetworkPolicy", "apiVersion": NETWORKING, "metadata": {"name": "p"}, "spec": spec}])
    for one in given.index.policies.values():
        compiler.put_policy(one)
    compiler.put_endpoint(Endpoint("Pod", "default", "a", {}, ("10.0.0.1",), node="n1"))
    compiler.flush()
    compiler.bump()
    compiler.put_endpoint(Endpoint("Pod", "default", "b", {}, ("10.0.0.2",), node="n2"))
    assert compiler.flush().added
    assert compiler.bump_due
