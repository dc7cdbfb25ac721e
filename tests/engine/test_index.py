"""Incremental is batch: any sequence of events, with questions in between, ends where an index built at once begins."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import pytest

from podwall.api.networking import NetworkPolicy
from podwall.cluster.endpoints import Controller, Endpoint, PortName
from podwall.cluster.profile import PROFILES
from podwall.engine.connections import edges
from podwall.engine.grouping import groups_of
from podwall.engine.index import EndpointKey, Index, Slots, key_of
from podwall.engine.judge import Judge
from podwall.engine.policies.networkpolicy import rules_of
from podwall.engine.postings import bits
from podwall.engine.reach import Reach
from podwall.engine.rules import Block, InNamespace, Pods, PolicyRef, PolicyRules
from podwall.engine.sets import AddrSet
from podwall.engine.verdict import Connection, End
from tests.truth.policies import random_spec
from tests.truth.vocabulary import LABELS, NAMESPACE_LABELS, NUMBERS, PORT_NAMES, PROTOCOLS, labels, maybe

NAMESPACES = ("alpha", "beta", "default")
NAME_LABEL = "kubernetes.io/metadata.name"
STEPS = 40
Names = frozenset[EndpointKey]
Resolved = dict[PolicyRef, dict[str, Names]]


@dataclass
class World:
    """What an index should hold, written down plainly."""

    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    endpoints: dict[EndpointKey, Endpoint] = field(default_factory=dict)
    policies: dict[PolicyRef, PolicyRules] = field(default_factory=dict)

    def index(self, cni: str, rng: random.Random) -> Index:
        """An index of all of it at once, in any order."""
        index = Index(PROFILES[cni])
        events: list[Callable[[], None]] = [
            *(lambda n=n, ls=ls: index.put_namespace(n, ls) for n, ls in self.namespaces.items()),
            *(lambda e=e: index.put_endpoint(e) for e in self.endpoints.values()),
            *(lambda p=p: index.put_policy(p) for p in self.policies.values()),
        ]
        rng.shuffle(events)
        for event in events:
            event()
        return index

    def resolved(self, blocks: bool) -> Resolved:
        """The endpoints of every subject, peer and block of every policy, by going over all of them."""
        return {
            ref: {
                place: frozenset(key for key, e in self.endpoints.items() if self.holds(term, e, family))
                for place, term, family in terms(policy)
                if blocks or not isinstance(term, Block)
            }
            for ref, policy in self.policies.items()
        }

    def holds(self, term: Pods | Block, endpoint: Endpoint, family: int) -> bool:
        """Whether a term means an endpoint (N8, N10, D3)."""
        if isinstance(term, Block):
            return any((":" in a) == (family == 6) and a in term.addresses for a in endpoint.addresses)
        if endpoint.host_network or not term.selector.matches(endpoint.labels):
            return False
        if isinstance(term.scope, InNamespace):
            return term.scope.name == endpoint.namespace
        known = self.namespaces.get(endpoint.namespace)
        return known is not None and term.scope.selector.matches(known)


def terms(policy: PolicyRules) -> Iterator[tuple[str, Pods | Block, int]]:
    """Every term of a policy with its place; a block once for each family."""
    for isolation in policy.isolations:
        yield f"{isolation.direction.value} subject", isolation.subject, 0
    for rule in policy.rules:
        yield f"{rule.path} subject", rule.subject, 0
        for number, peer in enumerate(rule.peers):
            if isinstance(peer, Pods):
                yield f"{rule.path}[{number}]", peer, 0
            elif isinstance(peer, Block):
                for family in (4, 6):
                    yield f"{rule.path}[{number}] IPv{family}", peer, family


def resolved(index: Index) -> Resolved:
    """The same as the index has it."""
    return {
        ref: {
            place: names(index, index.block(t, family) if isinstance(t, Block) else index.pods(t))
            for place, t, family in terms(policy)
        }
        for ref, policy in index.policies.items()
    }


def names(index: Index, slots: Slots) -> Names:
    """The endpoints of a set."""
    return frozenset(key_of(e) for e, slot in index.endpoints() if slots.get(e.namespace, 0) >> slot & 1)


def whole_map(index: Index) -> dict[tuple[str, str], tuple[object, ...]]:
    """Every edge with its ports and reasons."""
    reach = Reach(index)
    found = edges(reach, groups_of(index, reach.layout), Judge(index))
    return {(e.src, e.dst): (sorted(e.ports.items()), e.egress_by, e.ingress_by) for e in found}


def verdicts(index: Index, rng: random.Random) -> list[tuple[bool, bool]]:
    """Some verdicts, of the same ends for the same rng."""
    held = sorted(index.endpoints(), key=lambda item: key_of(item[0]))
    judge, out = Judge(index), []
    for _ in range(10 if held else 0):
        one, two = (End("/".join(key_of(e)), e, slot=slot, node=e.node) for e, slot in rng.choices(held, k=2))
        asked = Connection(one, two, rng.choice(PROTOCOLS), rng.choice(NUMBERS), rng.choice((4, 6)))
        verdict = judge.verdict(asked)
        out.append((verdict.egress.allowed, verdict.ingress.allowed))
    return out


# Events


def random_endpoint(rng: random.Random) -> Endpoint:
    """A Pod of few words, so that classes are shared, left and entered again."""
    number = rng.randint(1, 9)
    texts = {4: f"10.244.{1 + number % 3}.{number}", 6: f"fd00:10:244:{1 + number % 3}::{number}"}
    families = rng.choice(((4,), (4, 6), (6,)))
    ports = [PortName(n, rng.choice(PROTOCOLS), rng.choice(NUMBERS)) for n in rng.sample(PORT_NAMES, rng.randint(0, 2))]
    return Endpoint(
        kind="Pod",
        namespace=rng.choice(NAMESPACES),
        name=f"pod-{rng.randint(1, 12)}",
        labels=labels(rng, LABELS),
        addresses=tuple(texts[f] for f in families),
        ports=tuple(ports),
        host_network=maybe(rng, 0.1),
        node=rng.choice(("n1", "n2", None)),
        controller=Controller("StatefulSet", rng.choice(("one", "two"))) if maybe(rng, 0.3) else None,
    )


def random_rules(rng: random.Random) -> PolicyRules:
    """One of few policies, so that they are replaced and dropped, too."""
    home, name = rng.choice(NAMESPACES), f"p{rng.randint(1, 5)}"
    policy = msgspec.convert({"metadata": {"name": name}, "spec": random_spec(rng)}, NetworkPolicy)
    return rules_of(policy, home)


def happen(rng: random.Random, index: Index, world: World) -> None:
    """One event, to both."""
    match rng.choice(("namespace", "endpoint", "endpoint", "endpoint", "policy", "drop", "drop")):
        case "namespace":
            name = rng.choice(NAMESPACES)
            world.namespaces[name] = {**labels(rng, NAMESPACE_LABELS), NAME_LABEL: name}
            index.put_namespace(name, world.namespaces[name])
        case "endpoint":
            endpoint = random_endpoint(rng)
            if world.endpoints and maybe(rng, 0.4):  # one that is there changes in one respect
                old = rng.choice(list(world.endpoints.values()))
                changed = rng.choice(("labels", "addresses", "ports", "host_network"))
                endpoint = msgspec.structs.replace(old, **{changed: getattr(endpoint, changed)})
            world.endpoints[key_of(endpoint)] = endpoint
            index.put_endpoint(endpoint)
        case "policy":
            rules = random_rules(rng)
            world.policies[rules.policy] = rules
            index.put_policy(rules)
        case _:
            drop(rng, index, world)


def drop(rng: random.Random, index: Index, world: World) -> None:
    """Something goes that is there, or that is not."""
    match rng.choice(("namespace", "endpoint", "endpoint", "policy")):
        case "namespace":
            name = rng.choice(NAMESPACES)
            world.namespaces.pop(name, None)
            index.drop_namespace(name)
        case "endpoint":
            key = rng.choice([*world.endpoints, ("Pod", "alpha", "nobody")])
            world.endpoints.pop(key, None)
            index.drop_endpoint(key)
        case _:
            ref = rng.choice([*world.policies, PolicyRef("NetworkPolicy", "alpha", "none")])
            world.policies.pop(ref, None)
            index.drop_policy(ref)


def ask(rng: random.Random, index: Index) -> None:
    """A question in between, so that what is remembered is asked for before it changes."""
    match rng.choice(("nothing", "nothing", "one", "all", "map", "changed")):
        case "one":
            for policy in list(index.policies.values())[:1]:
                for _, term, family in terms(policy):
                    index.block(term, family) if isinstance(term, Block) else index.pods(term)
        case "all":
            resolved(index)
        case "map":
            whole_map(index)
        case "changed":
            index.changed()
        case _:
            pass


@pytest.mark.parametrize("cni", ["kubernetes", "cilium"])
@pytest.mark.parametrize("seed", range(40))
def test_any_sequence_of_events_ends_in_the_state_of_a_batch(seed: int, cni: str) -> None:
    rng = random.Random(seed)
    index, world = Index(PROFILES[cni]), World()
    for step in range(STEPS):
        happen(rng, index, world)
        ask(rng, index)
        if step % 10 == 9:
            batch = world.index(cni, rng)
            assert resolved(index) == resolved(batch)
            assert whole_map(index) == whole_map(batch)
            again = rng.random()
            assert verdicts(index, random.Random(again)) == verdicts(batch, random.Random(again))


@pytest.mark.parametrize("seed", range(60))
def test_sets_are_those_of_going_over_everyone(seed: int) -> None:
    rng = random.Random(seed)
    index, world = Index(PROFILES["kubernetes"]), World()
    for _ in range(STEPS):
        happen(rng, index, world)
        ask(rng, index)
        if maybe(rng, 0.2):
            assert resolved(index) == world.resolved(blocks=True)
            everyone = list(index.endpoints())
            home = rng.choice(NAMESPACES)
            found = {key_of(e): slot for e, slot in index.endpoints_in([home])}
            assert found == {key_of(e): slot for e, slot in everyone if e.namespace == home}
            some = AddrSet.of("10.244.1.0/24", ["10.244.1.2/31"]) | AddrSet.of("fd00:10:244:1::/64")
            classes = {(e.namespace, slot) for e, slot in everyone if any(a in some for a in e.addresses)}
            assert {(name, slot) for name, slots in index.having(some).items() for slot in bits(slots)} == classes


@pytest.mark.parametrize("seed", range(60))
def test_changed_names_every_policy_whose_sets_differ(seed: int) -> None:
    rng = random.Random(seed)
    index, world = Index(PROFILES["kubernetes"]), World()
    before, known = world.resolved(blocks=True), dict(world.policies)
    for step in range(2 * STEPS):
        happen(rng, index, world)
        if maybe(rng, 0.3):
            resolved(index)
        if maybe(rng, 0.5):
            after = world.resolved(blocks=True)
            refs = before.keys() | after.keys()
            differ = {r for r in refs if before.get(r) != after.get(r) or known.get(r) != world.policies.get(r)}
            missed = differ - index.changed()
            assert missed == set(), f"step {step}"
            before, known = after, dict(world.policies)


# By name


def pod(name: str, **fields: object) -> Endpoint:
    made = {"kind": "Pod", "namespace": "alpha", "name": name, "labels": {"app": "web"}, "addresses": ("10.0.0.1",)}
    return Endpoint(**{**made, **fields})  # type: ignore[arg-type]


def rules(name: str, namespace: str = "alpha", **spec: object) -> PolicyRules:
    return rules_of(msgspec.convert({"metadata": {"name": name}, "spec": spec}, NetworkPolicy), namespace)


def web_and_block() -> Index:
    """A policy that selects app=web, one of a block, one of namespaces with team=red; all has been asked for."""
    index = Index(PROFILES["kubernetes"])
    index.put_namespace("alpha", {"team": "red"})
    index.put_policy(rules("web", podSelector={"matchLabels": {"app": "web"}}))
    index.put_policy(rules("block", "beta", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]))
    red = {"namespaceSelector": {"matchLabels": {"team": "red"}}, "podSelector": {"matchLabels": {"app": "db"}}}
    index.put_policy(rules("red", "gamma", ingress=[{"from": [red]}]))
    resolved(index)
    assert names_of(index) == {"web", "block", "red"}
    return index


def names_of(index: Index) -> set[str]:
    return {ref.name for ref in index.changed()}


def test_nothing_happened_nothing_changed() -> None:
    assert names_of(web_and_block()) == set()


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (pod("p"), {"web", "block"}),
        (pod("p", addresses=("192.168.0.1",)), {"web"}),
        (pod("p", labels={"app": "api"}), {"block"}),
        (pod("p", labels={"app": "db"}, addresses=()), {"red"}),
        (pod("p", namespace="beta", addresses=("fd00::1",)), {"block"}),  # it is a subject of the policy there
        (pod("p", namespace="delta", labels={}, addresses=("fd00::1",)), set()),
        (pod("p", namespace="delta", labels={"app": "db"}, addresses=()), set()),
    ],
)
def test_an_endpoint_changes_the_policies_that_mean_it(endpoint: Endpoint, expected: set[str]) -> None:
    index = web_and_block()
    index.put_endpoint(endpoint)
    assert names_of(index) == expected
    index.drop_endpoint(key_of(endpoint))
    assert names_of(index) == expected


def test_a_replica_like_another_changes_the_policies_too() -> None:
    index = web_and_block()
    index.put_endpoint(pod("one"))
    index.changed()
    index.put_endpoint(pod("two", addresses=("10.0.0.2",)))
    assert names_of(index) == {"web", "block"}
    index.drop_endpoint(("Pod", "alpha", "one"))
    assert names_of(index) == {"web", "block"}


def test_labels_of_a_namespace_change_the_policies_that_look_at_them() -> None:
    index = web_and_block()
    index.put_namespace("delta", {"team": "blue"})
    assert names_of(index) == set()
    index.put_namespace("delta", {"team": "red"})
    assert names_of(index) == {"red"}
    index.drop_namespace("delta")
    assert names_of(index) == {"red"}


def test_a_policy_that_comes_changes_or_goes_is_named_alone() -> None:
    index = web_and_block()
    index.put_policy(rules("web", podSelector={}))
    assert names_of(index) == {"web"}
    index.drop_policy(PolicyRef("NetworkPolicy", "alpha", "web"))
    assert names_of(index) == {"web"}
    index.drop_policy(PolicyRef("NetworkPolicy", "alpha", "web"))
    assert names_of(index) == set()


def test_the_last_endpoint_of_a_namespace_in_a_block_may_go() -> None:
    index = web_and_block()
    index.put_endpoint(pod("p"))
    index.put_endpoint(pod("q", namespace="beta"))
    assert ("alpha/p", "beta/q") in whole_map(index)
    index.drop_endpoint(("Pod", "alpha", "p"))
    assert not [pair for pair in whole_map(index) if "alpha/p" in pair]


def test_memory_of_what_went_is_given_back() -> None:
    index = web_and_block()
    policy_refs = list(index.policies)
    index.put_endpoint(pod("p"))
    whole_map(index)
    index.drop_endpoint(("Pod", "alpha", "p"))
    for ref in policy_refs:
        index.drop_policy(ref)
    assert index.blocks == frozenset()
    assert list(index.endpoints()) == []
    assert whole_map(index) == {}
