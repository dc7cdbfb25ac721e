"""Exposure against verdicts about pods and addresses that were not there when it was worked out."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from podwall.cluster.endpoints import Endpoint
from podwall.engine.boxes import PodBox
from podwall.engine.exposure import Exposed, Exposure, Exposures
from podwall.engine.model import Model
from podwall.engine.references import group_end
from podwall.engine.rules import AnyPeer, Block, Direction, Domains, Nodes, Tier
from podwall.engine.sets import ALL_PORTS, AddrSet
from podwall.engine.verdict import Connection, End, Reason
from tests.truth.clusters import random_cluster
from tests.truth.engine import model_of
from tests.truth.vocabulary import EXTERNAL, LABELS, NUMBERS, PORT_NAMES, PROTOCOLS, Object, labels

SEEDS = range(50)
STRANGERS = 5


def stranger(rng: random.Random, number: int, namespaces: list[str]) -> Object:
    """A pod of any labels and port names; half of them have an address that blocks are about."""
    ports = [{"name": rng.choice(PORT_NAMES), "containerPort": rng.choice(NUMBERS)} for _ in range(rng.randint(0, 2))]
    made: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"stranger-{number}", "namespace": rng.choice(namespaces), "labels": labels(rng, LABELS)},
        "spec": {"containers": [{"name": "c", "image": "x", "ports": ports}]},
    }
    address = f"10.244.1.{200 + number}" if number % 2 else f"172.20.0.{1 + number}"
    made["status"] = {"podIP": address, "podIPs": [{"ip": address}]}
    return made


def covers(exposed: Exposed, peer: Endpoint, namespace: dict[str, str], *, by_address: bool) -> bool:
    match exposed.whom:
        case AnyPeer():
            return True
        case PodBox() as box:
            return peer.kind != "External" and box.matches(namespace, peer.labels)
        case AddrSet() as addresses:
            return (by_address or peer.kind == "External") and any(a in addresses for a in peer.addresses)
        case _:
            return False


def is_open(exposed: Exposed, protocol: str, port: int, destination: Endpoint) -> bool:
    named = {(p.name, p.protocol) for p in destination.ports if (p.protocol, p.number) == (protocol, port)}
    return (protocol, port) in exposed.ports or any((n.name, n.protocol) in named for n in exposed.names)


class Case:
    """One seed's cluster before and after the strangers came, under the profile that lets blocks match pods (D1)."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"exposure {seed}")
        objects = random_cluster(self.rng, "medium", tiers=seed % 2 == 1)
        self.before = model_of(objects)
        names = sorted(self.before.cluster.namespaces) or ["default"]
        self.after = model_of([*objects, *(stranger(self.rng, n, names) for n in range(STRANGERS))])
        self.exposures = Exposures(self.before.judge)

    def subjects(self) -> Iterator[tuple[End, End]]:
        """Each end before and after."""
        for endpoint in self.before.endpoints:
            if not endpoint.host_network:
                old, new = (self.end(m, endpoint) for m in (self.before, self.after))
                yield old, new

    def end(self, model: Model, endpoint: Endpoint) -> End:
        return End(f"{endpoint.namespace}/{endpoint.name}", endpoint, model.index.slot(endpoint))

    def peers(self) -> Iterator[End]:
        for endpoint in self.after.endpoints:
            if endpoint.name.startswith("stranger-"):
                yield self.end(self.after, endpoint)
        for address in EXTERNAL:
            if ":" not in address:
                yield End(address, Endpoint("External", "", address, {}, (address,)))


@pytest.mark.parametrize("seed", SEEDS)
def test_exposure_is_what_verdicts_say(seed: int) -> None:
    case = Case(seed)
    peers = list(case.peers())
    for old, new in case.subjects():
        for direction in Direction:
            found = case.exposures.of(direction, old)
            assert found is not None
            rules = case.before.judge.rules(direction, old)
            by_address = any(isinstance(p, Block | Domains | Nodes) for r in rules for p in r.peers)
            tiered = any(r.tier is not Tier.NETWORK_POLICY for r in rules)
            for peer in peers:
                protocol, port = case.rng.choice(PROTOCOLS), case.rng.choice(NUMBERS)
                allowed = verdict(case.after, direction, new, (peer, protocol, port))
                told = said(case, found, (peer, protocol, port), new, direction, by_address=not tiered)
                if peer.member.kind == "External" or not (found.restricted_by or (tiered and by_address)):
                    assert allowed == told
                elif not by_address:
                    assert told or not allowed  # as wide as it could be
                else:
                    assert allowed or not told or found.restricted_by


def verdict(model: Model, direction: Direction, subject: End, to: tuple[End, str, int]) -> bool:
    peer, protocol, port = to
    source, destination = (subject, peer) if direction is Direction.EGRESS else (peer, subject)
    side = model.judge.side(direction, Connection(source, destination, protocol, port, 4), evidence=False)
    assert side.reason not in (Reason.LOOPBACK, Reason.OWN_NODE)
    return side.allowed


def said(
    case: Case, found: Exposure, to: tuple[End, str, int], subject: End, direction: Direction, *, by_address: bool
) -> bool:
    peer, protocol, port = to
    destination = peer.member if direction is Direction.EGRESS else subject.member
    namespace = dict(case.after.index.labels_of(peer.member.namespace))
    return any(
        covers(exposed, peer.member, namespace, by_address=by_address) and is_open(exposed, protocol, port, destination)
        for exposed in found.peers
    )


# What it looks like

NAMESPACE: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"team": "red"}}}
POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "a", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "x", "ports": [{"name": "http", "containerPort": 8080}]}]},
}


def policy(spec: Object, name: str = "p") -> Object:
    meta = {"name": name, "namespace": "a"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def cluster_policy(tier: str, rules: list[Object], direction: str = "ingress") -> Object:
    spec = {"tier": tier, "priority": 1, "subject": {"namespaces": {}}, direction: rules}
    return {
        "apiVersion": "policy.networking.k8s.io/v1alpha2",
        "kind": "ClusterNetworkPolicy",
        "metadata": {"name": tier.lower()},
        "spec": spec,
    }


def exposure(direction: Direction, *policies: Object) -> Exposure:
    model = model_of([NAMESPACE, POD, *policies])
    (group,) = model.groups(model.reach)
    found = Exposures(model.judge).of(direction, group_end(group))
    assert found is not None
    return found


def summary(found: Exposure) -> list[tuple[str, list[str]]]:
    """Whom, and which ports, as text that a table can hold."""
    return [(whom(e), ports(e)) for e in found.peers]


def whom(exposed: Exposed) -> str:
    match exposed.whom:
        case AnyPeer():
            return "any"
        case PodBox(namespace, pod):
            sides = ("&".join(map(term, s.terms)) for s in (namespace, pod))
            return " | ".join(sides)
        case AddrSet() as addresses:
            return " ".join(addresses.cidrs())
        case other:
            return str(other)


def term(one: object) -> str:
    values = sorted(str(v) for v in one.values)  # type: ignore[attr-defined]
    key = one.key.removeprefix("kubernetes.io/metadata.")  # type: ignore[attr-defined]
    return f"{key}{'!' if one.complement else ''}={','.join(values)}"  # type: ignore[attr-defined]


def ports(exposed: Exposed) -> list[str]:
    if exposed.ports == ALL_PORTS:
        return ["all"]
    numbers = [f"{p} {a}" if a == b else f"{p} {a}-{b}" for p, a, b in exposed.ports.ranges()]
    return [*numbers, *(f"{n.protocol} {n.name}" for n in exposed.names)]


FROM_WEB: Object = {"podSelector": {"matchLabels": {"app": "web"}}}
ANYWHERE: Object = {"namespaceSelector": {}, **FROM_WEB}
TABLE: list[tuple[str, Direction, list[Object], list[tuple[str, list[str]]]]] = [
    ("not isolated", Direction.INGRESS, [], [("any", ["all"])]),
    ("default deny", Direction.INGRESS, [policy({})], []),
    ("other direction", Direction.EGRESS, [policy({})], [("any", ["all"])]),
    ("an empty rule", Direction.INGRESS, [policy({"ingress": [{}]})], [("any", ["all"])]),
    (
        "own namespace",
        Direction.INGRESS,
        [policy({"ingress": [{"from": [FROM_WEB]}]})],
        [("name=a | app=web", ["all"])],
    ),
    (
        "contained in another",
        Direction.INGRESS,
        [policy({"ingress": [{"from": [FROM_WEB]}]}), policy({"ingress": [{"from": [ANYWHERE]}]}, "q")],
        [(" | app=web", ["all"])],
    ),
    (
        "contained on some ports",
        Direction.INGRESS,
        [policy({"ingress": [{"from": [FROM_WEB]}, {"from": [ANYWHERE], "ports": [{"port": 80}]}]})],
        [(" | app=web", ["TCP 80"]), ("name=a | app=web", ["SCTP 1-65535", "TCP 1-79", "TCP 81-65535", "UDP 1-65535"])],
    ),
    (
        "own port name",
        Direction.INGRESS,
        [policy({"ingress": [{"from": [ANYWHERE], "ports": [{"port": "http"}]}]})],
        [(" | app=web", ["TCP 8080"])],
    ),
    (
        "a peer's port name",
        Direction.EGRESS,
        [policy({"egress": [{"to": [ANYWHERE], "ports": [{"port": "http"}]}]})],
        [(" | app=web", ["TCP http"])],
    ),
    (
        "a name beside all numbers",
        Direction.EGRESS,
        [policy({"egress": [{"to": [ANYWHERE], "ports": [{"port": "http"}, {}]}]})],
        [(" | app=web", ["TCP 1-65535"])],
    ),
    (
        "blocks together",
        Direction.INGRESS,
        [policy({"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/9"}}, {"ipBlock": {"cidr": "10.128.0.0/9"}}]}]})],
        [("10.0.0.0/8", ["all"])],
    ),
    (
        "everything there is",
        Direction.INGRESS,
        [policy({"ingress": [{"from": [{"namespaceSelector": {}}]}, {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]})],
        [(" | ", ["all"]), ("0.0.0.0/0", ["all"])],
    ),
    (
        "an Admin rule adds",
        Direction.INGRESS,
        [policy({}), cluster_policy("Admin", [{"action": "Accept", "from": [{"namespaces": {}}]}])],
        [(" | ", ["all"])],
    ),
    (
        "an Admin rule takes away",
        Direction.INGRESS,
        [
            policy({"ingress": [{"from": [ANYWHERE]}]}),
            cluster_policy("Admin", [{"action": "Deny", "from": [{"namespaces": {"matchLabels": {"team": "blue"}}}]}]),
        ],
        [("team!=blue | app=web", ["all"])],
    ),
    (
        "Pass leaves it to the policies",
        Direction.INGRESS,
        [
            policy({"ingress": [{"from": [ANYWHERE]}]}),
            cluster_policy(
                "Admin",
                [
                    {"action": "Pass", "from": [{"namespaces": {"matchLabels": {"team": "red"}}}]},
                    {"action": "Deny", "from": [{"namespaces": {}}]},
                ],
            ),
        ],
        [("team=red | app=web", ["all"])],
    ),
    (
        "Baseline where nothing isolates",
        Direction.INGRESS,
        [cluster_policy("Baseline", [{"action": "Deny", "from": [{"namespaces": {}}]}])],
        [("0.0.0.0/0 ::/0", ["all"])],
    ),
    (
        "no Baseline where something isolates",
        Direction.INGRESS,
        [policy({}), cluster_policy("Baseline", [{"action": "Accept", "from": [{"namespaces": {}}]}])],
        [],
    ),
]


@pytest.mark.parametrize(("direction", "policies", "want"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_table(direction: Direction, policies: list[Object], want: list[tuple[str, list[str]]]) -> None:
    assert summary(exposure(direction, *policies)) == want
    assert summary(exposure(direction, *reversed(policies))) == want


def test_what_cannot_be_taken_out_is_named() -> None:
    denied = cluster_policy("Admin", [{"action": "Deny", "to": [{"networks": ["10.0.0.0/8"]}]}], "egress")
    found = exposure(Direction.EGRESS, denied)
    assert [rule.policy.name for rule in found.restricted_by] == ["admin"]
    everywhere = AddrSet.of("0.0.0.0/0") | AddrSet.of("::/0")
    (box, addresses) = found.peers
    assert box.whom == PodBox()
    assert addresses.whom == everywhere - AddrSet.of("10.0.0.0/8")


def test_policies_have_no_say_about_the_host() -> None:
    pod = {**POD, "spec": {**POD["spec"], "hostNetwork": True}}
    model = model_of([NAMESPACE, pod, policy({})])
    (group,) = model.groups(model.reach)
    found = Exposures(model.judge).of(Direction.INGRESS, group_end(group))
    assert found is not None
    assert summary(found) == [("any", ["all"])]


def test_what_takes_too_long_is_left_out() -> None:
    peers = [{"podSelector": {"matchLabels": {"app": name}}} for name in ("x", "y")]
    model = model_of([NAMESPACE, POD, policy({"ingress": [{"from": peers}], "egress": [{"to": peers[:1]}]})])
    (group,) = model.groups(model.reach)
    exposures = Exposures(model.judge, most_peers=1)
    first, second = (exposures.of(direction, group_end(group)) for direction in (Direction.INGRESS, Direction.EGRESS))
    assert first is not None
    assert len(first.peers) == 2
    assert second is None
    assert exposures.of(Direction.INGRESS, group_end(group)) is first
