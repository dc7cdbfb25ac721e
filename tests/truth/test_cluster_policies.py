"""The random cluster policies: the schemas of 2.2 and 2.3 take them, every form turns up, and they decide verdicts."""

from __future__ import annotations

import ipaddress
import json
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.truth.clusters import random_cluster, random_queries, random_resolutions
from tests.truth.oracle import Oracle, OracleError
from tests.truth.picture import TIER_KINDS, get, several_items
from tests.truth.policy import PEERS, RULES
from tests.truth.tiers import KNOWN_PEERS, TRANSPORTS, rules_of
from tests.truth.vocabulary import Object

SEEDS = range(300)
CIDRS = ("10.244.0.0/16", "fd00:10:244::/64")
OUTSIDE = {"networks", "nodes", "domainNames"}


def made() -> list[Object]:
    objects = [o for seed in SEEDS for o in random_cluster(random.Random(seed), tiers=True)]
    return [o for o in objects if o["kind"] in TIER_KINDS]


POLICIES = made()


def rules(policy: Object) -> Iterator[tuple[str, Object]]:
    for direction, section in RULES.items():
        yield from ((direction, rule) for rule in several_items(policy["spec"], section))


def ports(policy: Object) -> Iterator[Object]:
    key = "protocols" if policy["kind"] == "ClusterNetworkPolicy" else "ports"
    yield from (entry for _, rule in rules(policy) for entry in several_items(rule, key))


def peers(policy: Object) -> Iterator[tuple[str, Object]]:
    yield from ((direction, peer) for direction, rule in rules(policy) for peer in rule[PEERS[direction]])


def faults(policy: Object) -> Iterator[str]:
    """What the schema of a policy's kind would refuse."""
    spec, kind = policy["spec"], policy["kind"]
    old, baseline = kind != "ClusterNetworkPolicy", kind == "BaselineAdminNetworkPolicy"
    required = {"subject"} | (set() if baseline else {"priority"}) | (set() if old else {"tier"})
    yield from (f"no {field}" for field in required - spec.keys())
    if baseline and policy["metadata"]["name"] != "default":
        yield "a baseline that is not called default"
    actions = {"Accept" if not old else "Allow", "Deny"} | (set() if baseline else {"Pass"})
    subject = spec["subject"]
    if len(subject) != 1 or not {*subject} <= {"namespaces", "pods"}:
        yield f"subject {subject}"
    yield from (f"action {rule['action']}" for _, rule in rules(policy) if rule["action"] not in actions)
    for direction, peer in [("Ingress", subject), *peers(policy)]:
        yield from peer_faults(direction, peer, kind)
    yield from (f"port {entry}" for entry in ports(policy) if not (old_port_fits if old else protocol_fits)(entry))
    for _, rule in rules(policy):
        named = any(
            "amedPort" in key for entry in several_items(rule, "protocols" if not old else "ports") for key in entry
        )
        if named and any(OUTSIDE & {*peer} for peer in rule.get("to", ())):
            yield f"a named port beside {rule['to']}"


def peer_faults(direction: str, peer: Object, kind: str) -> Iterator[str]:
    """One peer: exactly one known field, with what belongs into it."""
    if len(peer) != 1 or not {*peer} <= {*KNOWN_PEERS[direction]}:
        yield f"{direction} peer {peer}"
    needed = {"podSelector"} | (set() if kind == "ClusterNetworkPolicy" else {"namespaceSelector"})
    if "pods" in peer and not needed <= peer["pods"].keys():
        yield f"pods {peer}"
    if "domainNames" in peer and kind == "BaselineAdminNetworkPolicy":
        yield "domain names in a baseline"
    for cidr in peer.get("networks", ()):
        ipaddress.ip_network(cidr)
    for field in ("networks", "domainNames"):
        if field in peer and not 1 <= len({*peer[field]}) == len(peer[field]) <= 25:
            yield f"{field} {peer[field]}"


def protocol_fits(entry: Object) -> bool:
    """An entry of protocols; a range rises."""
    if set(entry) == {"destinationNamedPort"}:
        return True
    ((transport, fields),) = entry.items()
    port = fields["destinationPort"]
    numbers = [port["number"]] if set(port) == {"number"} else [port["range"]["start"], port["range"]["end"]]
    return transport in TRANSPORTS and all(1 <= n <= 65535 for n in numbers) and len({*numbers}) == len(numbers)


def old_port_fits(entry: Object) -> bool:
    """An entry of v1alpha1's ports; nothing orders a range."""
    ((field, value),) = entry.items()
    if field == "namedPort":
        return True
    numbers = [v for k, v in value.items() if k != "protocol"]
    keys = {"portNumber": {"port"}, "portRange": {"start", "end"}}[field]
    return {*value} - {"protocol"} == keys and all(1 <= n <= 65535 for n in numbers)


def test_the_schemas_take_them() -> None:
    assert [(p["metadata"]["name"], fault) for p in POLICIES for fault in faults(p)] == []


def test_nothing_in_them_is_unknown() -> None:
    assert not [rule for policy in POLICIES for rule in rules_of(policy) if rule.broken]


def test_same_seed_same_cluster() -> None:
    one, two = (json.dumps(random_cluster(random.Random(7), "medium", tiers=True)) for _ in range(2))
    assert one == two


def test_without_tiers_there_are_none() -> None:
    assert not [o for seed in SEEDS for o in random_cluster(random.Random(seed)) if o["kind"] in TIER_KINDS]


@pytest.mark.parametrize("kind", TIER_KINDS)
def test_every_form_turns_up(kind: str) -> None:
    listed = [p for p in POLICIES if p["kind"] == kind]
    fields = {field for policy in listed for _, peer in peers(policy) for field in peer}
    forms = {field for policy in listed for entry in ports(policy) for field in entry}
    baseline = kind == "BaselineAdminNetworkPolicy"
    assert fields == {*KNOWN_PEERS["Egress"]} - ({"domainNames"} if baseline else set())
    if kind == "ClusterNetworkPolicy":
        assert forms == {*TRANSPORTS, "destinationNamedPort"}
        assert {p["spec"]["tier"] for p in listed} == {"Admin", "Baseline"}
        assert {"namespaceSelector" in peer["pods"] for p in listed for _, peer in peers(p) if "pods" in peer} == {
            True,
            False,
        }
    else:
        assert forms == {"namedPort", "portNumber", "portRange"}
    assert {rule["action"] for p in listed for _, rule in rules(p)} >= {"Deny"} | (set() if baseline else {"Pass"})
    assert {section in p["spec"] for p in listed for section in RULES.values()} == {True, False}


def test_priorities_are_shared() -> None:
    shared = 0
    for seed in SEEDS:
        objects = [o for o in random_cluster(random.Random(seed), tiers=True) if o["kind"] in TIER_KINDS]
        unique = {json.dumps(o): o for o in objects}.values()
        places = Counter((get(o, "spec", "tier") or o["kind"], get(o, "spec", "priority")) for o in unique)
        shared += max(places.values(), default=0) > 1
    assert shared > len(SEEDS) / 5


def test_both_tiers_decide_in_both_directions() -> None:
    counted: Counter[Any] = Counter()
    for seed in SEEDS:
        rng = random.Random(seed)
        objects = random_cluster(rng, tiers=True)
        with_tiers = Oracle(objects, pod_cidrs=CIDRS, resolutions=random_resolutions(rng))
        without = Oracle([o for o in objects if o["kind"] not in TIER_KINDS], pod_cidrs=CIDRS)
        for query in random_queries(rng, objects, 20):
            try:
                one, two = (oracle.verdict(**query) for oracle in (with_tiers, without))  # type: ignore[arg-type]
            except OracleError:
                continue
            counted.update((side, one[side]) for side in ("egress", "ingress") if one[side] != two[side])
    assert min(counted[side, word] for side in ("egress", "ingress") for word in ("allow", "deny")) > 10
