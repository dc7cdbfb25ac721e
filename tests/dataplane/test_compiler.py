"""The compiler of one node: any order of events ends in the bytes of the batch, and each change is the least one."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from podwall.api.meta import LabelSelector
from podwall.cluster.endpoints import Endpoint, PortName
from podwall.cluster.profile import CILIUM, KUBERNETES
from podwall.dataplane.change import Change, difference
from podwall.dataplane.compiler import Compiler, Options
from podwall.dataplane.epochs import next_epoch
from podwall.dataplane.fake import FakeKernel
from podwall.dataplane.ruleset import Hook, Ruleset
from podwall.dataplane.walk import walk
from podwall.engine.index import key_of
from podwall.engine.labels import EVERYTHING, selector
from podwall.engine.rules import (
    Action,
    AnyPort,
    Block,
    Mode,
    NamedPort,
    NamespacesMatching,
    Nodes,
    Pods,
    PortRange,
    Tier,
)
from podwall.engine.sets import AddrSet
from tests.dataplane.differences import world_of
from tests.dataplane.events import Event, Present, story
from tests.dataplane.small import EGRESS, EVERY_POD, HERE, INGRESS, app, compiled, only, ordered, packet, pod
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


def _put(endpoint: Endpoint, told: Compiler | Present) -> None:
    told.put_endpoint(endpoint)


# Single events, each of them on a table that is there, against a table that was told everything at once.

DB = [pod("db", f"10.0.1.{n}", node="n2") for n in range(3)]
DB = [msgspec.structs.replace(one, name=f"db{n}") for n, one in enumerate(DB)]
WEB, TWIN = pod("web", "10.0.0.1"), msgspec.structs.replace(pod("web", "10.0.0.2"), name="twin")
OWN = only(INGRESS, "web", app("db"), app("web"), port=PortRange("TCP", 80, 80))
OF_NAMESPACE = Pods(NamespacesMatching(selector(LabelSelector({"team": "a"}))), EVERYTHING)
TIER = ordered(INGRESS, "web", (Action.DENY, OF_NAMESPACE, AnyPort()), tier=Tier.ADMIN)
SUBJECTS = msgspec.structs.replace(
    TIER, rules=tuple(msgspec.structs.replace(rule, subject=OF_NAMESPACE, peers=(app("db"),)) for rule in TIER.rules)
)
OF_ALL = msgspec.structs.replace(
    TIER, rules=tuple(msgspec.structs.replace(rule, subject=EVERY_POD) for rule in TIER.rules)
)
LABELED, UNLABELED = {"kubernetes.io/metadata.name": "shop", "team": "a"}, {"kubernetes.io/metadata.name": "shop"}
NODE = Endpoint("Node", "", "n3", {"rack": "a"}, ("192.0.2.3",), node="n3")

STORIES: dict[str, list[Event]] = {
    "a peer becomes wide, and narrow again": [
        *(partial(_put, one) for one in (WEB, *DB)),
        lambda c: c.put_policy(OWN),
        lambda c: c.drop_endpoint(key_of(DB[0])),
        lambda c: c.drop_endpoint(key_of(DB[1])),
        lambda c: c.put_endpoint(DB[0]),
    ],
    "of two pods of a group one goes": [
        *(partial(_put, one) for one in (WEB, TWIN, *DB)),
        lambda c: c.put_policy(OWN),
        lambda c: c.drop_endpoint(key_of(TWIN)),
    ],
    "a namespace's labels make peers": [
        *(partial(_put, one) for one in (WEB, *DB)),
        lambda c: c.put_policy(TIER),
        lambda c: c.put_namespace("shop", LABELED),
        lambda c: c.put_namespace("shop", UNLABELED),
    ],
    "a namespace's labels make subjects": [
        *(partial(_put, one) for one in (WEB, *DB)),
        lambda c: c.put_policy(SUBJECTS),
        lambda c: c.put_namespace("shop", LABELED),
        lambda c: c.put_namespace("shop", UNLABELED),
    ],
    "something is staged for one of two": [
        *(partial(_put, one) for one in (WEB, msgspec.structs.replace(WEB, namespace="lab", addresses=("10.0.0.9",)))),
        lambda c: c.put_policy(OWN),
        lambda c: c.put_policy(OF_ALL),
        lambda c: c.stage(OWN.policy, None),
        lambda c: c.unstage(OWN.policy),
    ],
    "modes": [
        *(partial(_put, one) for one in (WEB, *DB)),
        lambda c: c.put_policy(OWN),
        lambda c: c.set_mode("shop", Mode.AUDIT),
        lambda c: c.set_mode("shop", Mode.ENFORCE),
    ],
    "one address for two, for a while": [
        partial(_put, WEB),
        lambda c: c.put_policy(OWN),
        lambda c: c.put_policy(only(INGRESS, "other", app("web"))),
        partial(_put, pod("other", "10.0.0.1")),
        partial(_put, pod("web", "10.0.0.5")),
        partial(_put, WEB),
        lambda c: c.drop_endpoint(key_of(pod("other"))),
    ],
    "two peers of one address, and one of them": [
        *(partial(_put, one) for one in (WEB, DB[0], msgspec.structs.replace(DB[1], addresses=DB[0].addresses))),
        lambda c: c.put_policy(OWN),
        lambda c: c.drop_endpoint(key_of(DB[0])),
        lambda c: c.drop_endpoint(key_of(DB[1])),
    ],
    "a peer's address changes hands between two looks": [
        *(partial(_put, one) for one in (WEB, DB[0])),
        lambda c: c.put_policy(OWN),
        lambda c: (c.drop_endpoint(key_of(DB[0])), c.put_endpoint(msgspec.structs.replace(DB[0], name="heir")))[0],
        lambda c: (c.put_endpoint(DB[1]), c.drop_endpoint(key_of(DB[1])))[0],
    ],
    "a node that comes, changes and goes": [
        *(partial(_put, one) for one in (WEB, *DB)),
        lambda c: c.put_policy(only(EGRESS, "web", Nodes(selector(LabelSelector({"rack": "a"}))))),
        partial(_put, NODE),
        partial(_put, msgspec.structs.replace(NODE, labels={})),
        partial(_put, NODE),
        lambda c: c.drop_endpoint(key_of(NODE)),
    ],
    "a block's pods with a named port": [
        *(partial(_put, one) for one in (WEB, *DB)),
        lambda c: c.put_policy(only(EGRESS, "web", Block(AddrSet.of("10.0.0.0/8")), port=NamedPort("TCP", "sql"))),
        partial(_put, msgspec.structs.replace(DB[0], ports=(PortName("sql", "TCP", 5432),))),
        partial(_put, msgspec.structs.replace(DB[0], ports=(PortName("sql", "TCP", 5433),))),
        partial(_put, DB[0]),
    ],
}


@pytest.mark.parametrize("wide", [0, 2, 256])
@pytest.mark.parametrize("name", sorted(STORIES))
def test_each_event_ends_in_the_batch(name: str, wide: int) -> None:
    compiler, present, kernel = Compiler(HERE, KUBERNETES, Options(wide=wide)), Present(), FakeKernel()
    kernel.apply(Change(whole=compiler.ruleset()))
    for event in STORIES[name]:
        event(compiler)
        event(present)
        kernel.apply(compiler.flush())
        fresh = Compiler(HERE, KUBERNETES, Options(wide=wide))
        present.tell(fresh)
        assert as_bytes(compiler.ruleset()) == as_bytes(fresh.ruleset())
        assert kernel.ruleset is not None
        assert as_bytes(kernel.ruleset) == as_bytes(fresh.ruleset())


def test_a_namespace_that_goes_takes_its_labels_along() -> None:
    """Another one may come by its name, and its pods before itself."""
    compiler = compiled(WEB, *DB, TIER)
    before = as_bytes(compiler.ruleset())
    compiler.put_namespace("shop", LABELED)
    compiler.flush()
    assert as_bytes(compiler.ruleset()) != before
    compiler.drop_namespace("shop")
    compiler.flush()
    assert as_bytes(compiler.ruleset()) == before


def test_of_two_pods_with_one_address_it_is_the_same_whoever_comes_first() -> None:
    """Until one of them goes, each direction is what one of them is subject to; never open where one is isolated."""
    policies = only(INGRESS, "a", app("web")), only(EGRESS, "b", app("web"))
    ends = [pod("a", "10.0.0.1"), pod("b", "10.0.0.1")]
    tables = [compiled(*order, *policies).ruleset() for order in (ends, ends[::-1])]
    assert as_bytes(tables[0]) == as_bytes(tables[1])
    for table in tables:
        assert not walk(table, Hook.FORWARD, packet("203.0.113.1", "10.0.0.1")).accepted
        assert not walk(table, Hook.FORWARD, packet("10.0.0.1", "203.0.113.1")).accepted


def test_of_two_pods_with_one_address_and_direction_one_is_chosen_by_name() -> None:
    policies = only(INGRESS, "a", app("web")), only(INGRESS, "b", app("db"))
    ends = [pod("a", "10.0.0.1"), pod("b", "10.0.0.1")]
    tables = [compiled(*order, *policies).ruleset() for order in (ends, ends[::-1])]
    assert as_bytes(tables[0]) == as_bytes(tables[1])
