"""A kernel that refuses: nothing is lost, and no connection keeps a permission, once a reload has come through."""

from __future__ import annotations

import random

import pytest

from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler
from podwall.dataplane.fake import FakeKernel
from podwall.dataplane.ruleset import Ruleset, address_key
from podwall.errors import KernelError
from tests.dataplane.differences import world_of
from tests.dataplane.events import arrivals, story
from tests.dataplane.small import INGRESS, only, pod
from tests.dataplane.test_compiler import as_bytes
from tests.dataplane.world import NODES


class Refusing:
    """A kernel that refuses one change in three: all of it, or the epoch after the rest."""

    def __init__(self, rng: random.Random) -> None:
        self.inner = FakeKernel()
        self._rng = rng

    def apply(self, change: Change) -> None:
        refused = self._rng.choice(("all", "epoch", "", "", "", ""))
        if refused == "all":
            raise KernelError("no")
        if refused == "epoch" and change.epoch and change.whole is not None:
            self.inner.apply(Change(whole=change.whole))
            raise KernelError("not the epoch")
        if refused and change.epoch:
            raise KernelError("not the epoch")
        self.inner.apply(change)

    @property
    def table(self) -> Ruleset:
        assert self.inner.ruleset is not None
        return self.inner.ruleset


def apply(kernel: Refusing, compiler: Compiler, change: Change) -> None:
    """As whoever owns both is to do it."""
    while True:
        try:
            kernel.apply(change)
        except KernelError:
            change = compiler.reload()
        else:
            return


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_refused_a_reload_makes_good(seed: int) -> None:
    world, rng, _ = world_of(seed)
    kernel = Refusing(rng)
    compiler = Compiler(rng.choice(NODES), world.model.profile, world.options)
    apply(kernel, compiler, compiler.reload())
    for event in story(world, rng):
        event(compiler)
        if rng.random() < 0.2:
            before = kernel.table.epoch
            apply(kernel, compiler, compiler.flush())
            if compiler.bump_due:
                apply(kernel, compiler, compiler.bump())
                assert kernel.table.epoch != before
            assert not compiler.bump_due
            assert as_bytes(kernel.table) == as_bytes(compiler.ruleset())
            assert kernel.table.epoch == compiler.ruleset().epoch


def test_a_reload_says_everything_and_gives_every_connection_a_new_epoch() -> None:
    world, _, _ = world_of(0)
    compiler = world.compiler(NODES[0])
    compiler.put_endpoint(pod("late", "10.0.0.77", node=NODES[0]))
    compiler.put_policy(only(INGRESS, "late"))
    before = compiler.ruleset().epoch
    change = compiler.reload()
    assert change.whole is not None
    assert as_bytes(change.whole) == as_bytes(compiler.ruleset())
    assert address_key(10 << 24 | 77, 4) in change.whole.maps["m_i_t_4"].elements
    assert change.epoch == compiler.ruleset().epoch != before
    assert change.whole.epoch == before
    assert compiler.flush() == Change()
    assert not compiler.bump_due


def test_a_reload_has_what_was_not_flushed() -> None:
    world, _, _ = world_of(3)
    for node in NODES:
        compiler = Compiler(node, world.model.profile, world.options)
        for event in arrivals(world):
            event(compiler)
        whole = compiler.reload().whole
        assert whole is not None
        assert as_bytes(whole) == as_bytes(world.compiler(node).ruleset())
