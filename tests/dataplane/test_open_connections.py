"""Open connections: after any event, none keeps a permission that is gone but until the epoch that is due then.

A connection that a table has let in and marked, and that a later table would not let in, has a mark that must become
worthless: `bump_due` has to say so. Whoever says that it is due after every event is no good either.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.cluster.profile import CILIUM, KUBERNETES
from podwall.dataplane.change import Change
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.packet import Packet
from podwall.dataplane.ruleset import Hook
from podwall.dataplane.walk import Walker
from podwall.engine.index import key_of
from podwall.engine.labels import EVERYTHING
from podwall.engine.rules import (
    Action,
    AnyPort,
    Block,
    Direction,
    InNamespace,
    Isolation,
    Mode,
    Peer,
    Pods,
    PolicyRef,
    PolicyRules,
    Rule,
    Tier,
)
from podwall.engine.sets import AddrSet
from tests.dataplane.differences import world_of
from tests.dataplane.events import Event, detours
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

POD = Endpoint("Pod", "shop", "web", {"app": "web"}, ("10.0.0.1", "fd00::1"), node="n1")
PEER = Endpoint("Pod", "shop", "db", {"app": "db"}, ("10.0.0.2",), node="n2")
NODE = Endpoint("Node", "", "n3", {}, ("192.0.2.3",), node="n3")
ANY_POD = Pods(InNamespace("shop"), EVERYTHING)
POLICY = PolicyRef("NetworkPolicy", "shop", "web")
OUTSIDE = Block(AddrSet.of("192.0.2.0/24"))


def policy(peer: Peer, *, deny: bool = False) -> PolicyRules:
    """Egress to one peer at any port and to nobody else; or to everybody else, by a rule of the admin tier."""
    if deny:
        ref = PolicyRef("ClusterNetworkPolicy", "", "web")
        order = (1, "web", 0)
        rule = Rule(ref, "", Tier.ADMIN, order, Direction.EGRESS, ANY_POD, (peer,), (AnyPort(),), Action.DENY)
        return PolicyRules(ref, (), (rule,))
    order = (0, "", 0)
    rule = Rule(POLICY, "", Tier.NETWORK_POLICY, order, Direction.EGRESS, ANY_POD, (peer,), (AnyPort(),))
    return PolicyRules(POLICY, (Isolation(POLICY, Direction.EGRESS, ANY_POD),), (rule,))


def compiled(*policies: PolicyRules, profile: object = KUBERNETES) -> Compiler:
    """A table that is in force, with no epoch due."""
    compiler = Compiler("n1", profile, Options())  # type: ignore[arg-type]
    for one in policies:
        compiler.put_policy(one)
    compiler.put_endpoint(POD)
    compiler.put_endpoint(PEER)
    compiler.flush()
    compiler.bump()
    return compiler


def due(compiler: Compiler) -> bool:
    compiler.flush()
    return compiler.bump_due


def test_nothing_that_happens_needs_no_epoch() -> None:
    compiler = compiled(policy(ANY_POD))
    assert compiler.flush() == Change()
    assert not compiler.bump_due


def test_a_peer_that_comes_needs_no_epoch_and_one_that_goes_does() -> None:
    compiler = compiled(policy(ANY_POD))
    compiler.put_endpoint(msgspec.structs.replace(PEER, name="db2", addresses=("10.0.0.3",)))
    assert not due(compiler)
    compiler.drop_endpoint(key_of(PEER))
    assert due(compiler)


def test_a_peer_that_comes_to_a_rule_that_denies_needs_an_epoch() -> None:
    compiler = compiled(policy(ANY_POD, deny=True))
    compiler.put_endpoint(msgspec.structs.replace(PEER, name="db2", addresses=("10.0.0.3",)))
    assert due(compiler)


def test_who_is_no_more_outside_needs_an_epoch_where_blocks_mean_nobody_else() -> None:
    """An address of a block becomes a node's, which the block does not mean then (D1)."""
    compiler = compiled(policy(OUTSIDE), profile=CILIUM)
    compiler.put_endpoint(NODE)
    assert due(compiler)


def test_an_address_that_changes_hands_needs_an_epoch_where_it_means_less() -> None:
    compiler = compiled(policy(Pods(InNamespace("shop"), EVERYTHING)))
    compiler.drop_endpoint(key_of(PEER))
    compiler.put_endpoint(msgspec.structs.replace(PEER, namespace="other"))
    assert due(compiler)


def test_an_epoch_stays_due_until_it_comes() -> None:
    compiler = compiled(policy(ANY_POD))
    compiler.drop_endpoint(key_of(PEER))
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
        lambda c: c.stage(POLICY, None),
        lambda c: c.stage(POLICY, policy(OUTSIDE)),
        lambda c: c.put_policy(policy(OUTSIDE)),
        lambda c: c.drop_policy(POLICY),
        lambda c: c.drop_endpoint(key_of(POD)),
        lambda c: c.put_endpoint(msgspec.structs.replace(POD, host_network=True)),
        lambda c: c.put_endpoint(msgspec.structs.replace(POD, node="n2")),
        lambda c: c.put_endpoint(msgspec.structs.replace(POD, addresses=("10.0.0.9",))),
        lambda c: c.put_endpoint(msgspec.structs.replace(POD, name="web2", addresses=("10.0.0.9",))),
    ],
)
def test_what_else_needs_an_epoch(event: Event) -> None:
    compiler = compiled(policy(ANY_POD))
    compiler.set_mode("shop", Mode.AUDIT)
    compiler.flush()
    compiler.bump()
    event(compiler)
    assert due(compiler)


def test_the_end_of_picking_up_needs_an_epoch() -> None:
    compiler = compiled(policy(ANY_POD))
    compiler.pick_up(on=False)
    assert due(compiler)
