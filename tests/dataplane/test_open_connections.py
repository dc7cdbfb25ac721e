"""Open connections: after any event, none keeps a permission that is gone but until the epoch that is due then.

A connection that a table has let in and marked, and that a later table would not let in, has a mark that must become
worthless: `bump_due` has to say so. Whoever says that it is due after every event is no good either.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.profile import CILIUM
from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler
from podwall.dataplane.packet import Packet
from podwall.dataplane.ruleset import Hook
from podwall.dataplane.walk import Walker
from podwall.engine.index import key_of
from podwall.engine.rules import Action, AnyPort, Block, Mode, Tier
from podwall.engine.sets import AddrSet
from tests.dataplane.differences import world_of
from tests.dataplane.events import Event, detours
from tests.dataplane.small import EGRESS, EVERY_POD, app, compiled, only, ordered, pod, tell
from tests.dataplane.world import NODES, Question, World, packet_of, questions

PACKETS, EVENTS = 60, 15


@pytest.mark.parametrize("seed", range(24))
def test_no_permission_outlives_its_epoch(seed: int) -> None:
    world, rng, ports = world_of(seed)
    node = rng.choice(NODES)
    compiler = world.compiler(node)
    compiler.bump()
    asked = list(questions(world, rng, ports, 2))
    packets = list(arriving(world, node, rng.sample(asked, min(PACKETS, len(asked)))))
    happening = list(detours(world, rng))
    before = let_in(compiler, packets)
    for away, back in rng.sample(happening, min(EVENTS, len(happening))):
        for event in (away, back):
            event(compiler)
            compiler.flush()
            after = let_in(compiler, packets)
            assert compiler.bump_due or before <= after
            compiler.bump()
            before = after


def arriving(world: World, node: str, asked: list[Question]) -> Iterator[tuple[Hook, Packet]]:
    """First packets that come to a node."""
    for one in asked:
        yield from ((hook, packet_of(one)) for here, hook in world.hops(one.source, one.destination) if here == node)


def let_in(compiler: Compiler, packets: list[tuple[Hook, Packet]]) -> set[int]:
    """Which of them the present table lets through, by number."""
    walker = Walker(compiler.ruleset())
    return {number for number, one in enumerate(packets) if walker.walk(*one).accepted}


# One event each, on a table of one rule about one local pod.

WEB, DB = pod("web", "10.0.0.1", "fd00::1"), pod("db", "10.0.0.2", node="n2")
NODE = Endpoint("Node", "", "n3", {}, ("192.0.2.3",), node="n3")
OUTSIDE = Block(AddrSet.of("192.0.2.0/24"))
POLICY = only(EGRESS, "web", EVERY_POD)
REF = POLICY.policy


def due(compiler: Compiler, *told: Endpoint) -> bool:
    """Whether an epoch is, once the compiler was told."""
    tell(compiler, told)
    compiler.flush()
    return compiler.bump_due


def test_nothing_that_happens_needs_no_epoch() -> None:
    compiler = compiled(WEB, DB, POLICY)
    assert compiler.flush() == Change()
    assert not compiler.bump_due


def test_a_peer_that_comes_needs_no_epoch_and_one_that_goes_does() -> None:
    compiler = compiled(WEB, DB, POLICY)
    assert not due(compiler, pod("db2", "10.0.0.3", node="n2"))
    compiler.drop_endpoint(key_of(DB))
    assert due(compiler)


@pytest.mark.parametrize("action", [Action.DENY, Action.PASS])
def test_a_peer_that_comes_to_a_rule_that_does_not_allow_needs_an_epoch(action: Action) -> None:
    tier = ordered(EGRESS, "web", (action, EVERY_POD, AnyPort()), tier=Tier.ADMIN)
    assert due(compiled(WEB, DB, tier, POLICY), pod("db2", "10.0.0.3", node="n2"))


def test_who_is_no_more_outside_needs_an_epoch_where_blocks_mean_nobody_else() -> None:
    """An address of a block becomes a node's, which the block does not mean then (D1)."""
    assert due(compiled(WEB, only(EGRESS, "web", OUTSIDE), profile=CILIUM), NODE)
    assert not due(compiled(WEB, only(EGRESS, "web", OUTSIDE)), NODE)


def test_an_address_that_changes_hands_needs_an_epoch_where_it_means_less() -> None:
    compiler = compiled(WEB, DB, only(EGRESS, "web", app("db")))
    compiler.drop_endpoint(key_of(DB))
    assert due(compiler, pod("other", "10.0.0.2", node="n2"))


def test_a_local_address_that_changes_hands_needs_an_epoch() -> None:
    """Nothing spoke of who had it; its connections are the new one's, and policies speak of that one."""
    compiler = compiled(pod("idle", "10.0.0.1"), DB, POLICY)
    compiler.drop_endpoint(key_of(pod("idle")))
    assert due(compiler, WEB)


def test_an_epoch_stays_due_until_it_comes() -> None:
    compiler = compiled(WEB, DB, POLICY)
    compiler.drop_endpoint(key_of(DB))
    assert due(compiler)
    assert due(compiler)
    before = compiler.ruleset().epoch
    change = compiler.bump()
    assert change == Change(epoch=compiler.ruleset().epoch)
    assert compiler.ruleset().epoch != before
    assert not due(compiler)


@pytest.mark.parametrize(
    "event",
    [
        lambda c: c.set_mode("shop", Mode.ENFORCE),
        lambda c: c.stage(REF, None),
        lambda c: c.stage(REF, only(EGRESS, "web", OUTSIDE)),
        lambda c: c.put_policy(only(EGRESS, "web", OUTSIDE)),
        lambda c: c.drop_policy(REF),
        lambda c: c.drop_endpoint(key_of(WEB)),
        lambda c: c.put_endpoint(msgspec.structs.replace(WEB, host_network=True)),
        lambda c: c.put_endpoint(msgspec.structs.replace(WEB, node="n2")),
        lambda c: c.put_endpoint(msgspec.structs.replace(WEB, addresses=("10.0.0.9",))),
        lambda c: c.put_endpoint(msgspec.structs.replace(WEB, name="web2", addresses=("10.0.0.9",))),
    ],
)
def test_what_else_needs_an_epoch(event: Event) -> None:
    compiler = compiled(WEB, DB, POLICY)
    compiler.set_mode("shop", Mode.AUDIT)
    compiler.flush()
    compiler.bump()
    event(compiler)
    assert due(compiler)


def test_the_end_of_picking_up_needs_an_epoch() -> None:
    compiler = compiled(WEB, DB, POLICY)
    compiler.pick_up(on=False)
    assert due(compiler)
