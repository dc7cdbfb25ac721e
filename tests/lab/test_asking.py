"""Which probes are sent, and what is predicted of them."""

from __future__ import annotations

from typing import Any

import pytest

from podwall.engine.model import Model
from podwall.lab.asking import Asker
from podwall.lab.planning import LabOptions, plan_of
from podwall.lab.ports import Ports, ports_of
from podwall.lab.probe import Outcome, Probe, Seen, Target
from podwall.lab.sampling import every, number_of, sample
from podwall.lab.seated import seated
from tests.lab.worlds import deployment, model, node, pod, policy, service
from tests.truth.vocabulary import Object

V4, DUAL = ("10.244.0.0/16",), ("10.244.0.0/16", "fd00:10:244::/64")


def asker_of(world: Model, **options: Any) -> tuple[Asker, Ports]:
    plan = plan_of(world, LabOptions(**{"nodes": 2, **options}))
    served = [(t.protocol, port) for t in plan.translations for _, port in t.targets]
    ports = ports_of(world.cluster, world.index.policies.values(), (s.endpoint for s in plan.seats), served)
    return Asker(plan, seated(world, plan)), ports


def probes(world: Model, **options: Any) -> list[Probe]:
    asker, ports = asker_of(world, **options)
    found = [asker.probe(question) for question in every(asker, ports)]
    assert len(found) == number_of(asker, ports)
    return found


def rule(*ports: object, name: str = "rule") -> Object:
    return policy(name, podSelector={"matchLabels": {"app": "db"}}, ingress=[{"ports": list(ports)}])


# Ports

WEB = deployment("web", ("http", 8080))
TCP_AND_UDP = [
    ([WEB], {8080}),
    ([WEB, rule({"port": 5432})], {5432, 8080}),
    ([WEB, rule({"port": 53, "protocol": "UDP"})], {53, 8080}),
    ([WEB, rule({"port": 8000, "endPort": 8002})], {7999, 8000, 8002, 8003, 8080}),  # and what is next to a range
    ([WEB, rule({"port": 1, "endPort": 65535})], {1, 65535, 8080}),
    ([WEB, rule({"port": "http"})], {8080}),  # the number that the name stands for
    ([WEB, rule({"port": "nothing"})], {8080}),
    ([WEB, rule({})], {1, 65535, 8080}),  # all TCP is a range
    ([WEB, rule()], {8080}),
    ([WEB, service("web", 80, 9000)], {8080, 9000}),  # where a Service leads
]


@pytest.mark.parametrize(("objects", "numbers"), TCP_AND_UDP)
def test_every_port_that_is_named_and_one_that_is_not(objects: list[Object], numbers: set[int]) -> None:
    _, ports = asker_of(model(objects, V4))
    assert ports.unnamed not in numbers
    for protocol in ("TCP", "UDP"):
        assert {number for p, number in ports.all if p == protocol} == {*numbers, ports.unnamed}
    assert [port for port in ports.all if port[0] == "SCTP"] == [("SCTP", ports.unnamed)]


def test_sctp_where_it_is_named() -> None:
    _, ports = asker_of(model([WEB, rule({"port": 2905, "protocol": "SCTP"})], V4))
    assert {number for p, number in ports.all if p == "SCTP"} == {2905, ports.unnamed}


def test_the_port_that_nobody_names_is_in_no_range() -> None:
    _, ports = asker_of(model([WEB, rule({"port": 1, "endPort": 49000}, {"port": 49100, "endPort": 65535})], V4))
    assert 49001 < ports.unnamed < 49099  # not one next to a range either


# Pairs


def pairs(found: list[Probe]) -> set[tuple[str, str]]:
    return {(probe.source, probe.destination) for probe in found}


def test_all_ordered_pairs_with_nodes_and_outside_but_nobody_with_itself() -> None:
    found = pairs(probes(model([WEB, deployment("db")], V4)))
    names = ["default/db", "default/web", "node/node-1", "node/node-2", "192.0.2.1"]
    assert found == {(one, other) for one in names for other in names if one != other}


def test_outside_is_asked_about_nobody_outside() -> None:
    block = policy("p", podSelector={}, egress=[{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}])
    found = pairs(probes(model([WEB, block], V4)))
    outside = {"192.0.2.1", "203.0.113.1"}
    assert {pair for pair in found if set(pair) <= outside} == set()
    assert {("default/web", one) for one in outside} < found


def test_replicas_are_asked_about_each_other() -> None:
    assert ("default/web", "default/web-1") in pairs(probes(model([WEB], V4), replicas=2))


def test_a_node_and_its_host_network_pods_are_asked_once() -> None:
    objects = [WEB, node("n1", "192.168.0.5"), pod("agent", "192.168.0.5", node="n1", host=True)]
    found = probes(model(objects, V4), nodes=1)
    assert {name for pair in pairs(found) for name in pair} == {"default/web", "node/n1", "192.0.2.1"}
    assert {p.sender for p in found if p.source == "node/n1"} == {"192.168.0.5"}


def test_every_family_that_both_have() -> None:
    found = probes(model([pod("both", "10.0.0.1", "fd00::1"), pod("six", "fd00::2"), pod("four", "10.0.0.3")], DUAL))
    families = {(p.source.rpartition("/")[2], p.destination.rpartition("/")[2], p.family) for p in found}
    assert {f for one, other, f in families if (one, other) == ("both", "node-1")} == {4, 6}
    assert {f for one, other, f in families if (one, other) == ("both", "six")} == {6}
    assert {f for one, other, f in families if (one, other) == ("four", "six")} == set()


# Predictions


def verdicts(found: list[Probe], protocol: str, port: int) -> dict[tuple[str, str], bool]:
    return {(p.source, p.destination): p.allowed for p in found if (p.protocol, p.port) == (protocol, port)}


def test_what_is_predicted_is_the_engines_verdict_on_the_seats() -> None:
    peer = {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 5432}]}
    closed = policy("p", podSelector={"matchLabels": {"app": "db"}}, ingress=[peer])
    plan = {"default/db": "node-1", "default/web": "node-2"}  # by turns
    found = probes(model([WEB, deployment("db"), closed], V4))
    tcp = verdicts(found, "TCP", 5432)
    assert tcp["default/web", "default/db"]
    assert not tcp["192.0.2.1", "default/db"]
    assert tcp[f"node/{plan['default/db']}", "default/db"]  # its own node is let in (D4)
    assert not tcp[f"node/{plan['default/web']}", "default/db"]
    assert not verdicts(found, "UDP", 5432)["default/web", "default/db"]
    assert not verdicts(found, "TCP", 8080)["default/web", "default/db"]
    assert all(verdicts(found, "TCP", port)["default/db", "default/web"] for port in (5432, 8080))


def test_a_service_is_asked_at_its_own_address_and_allowed_if_all_behind_it_are() -> None:
    closed = policy("p", podSelector={"matchLabels": {"app": "web"}}, ingress=[])
    objects = [deployment("client"), WEB, service("web", 80, "http"), service("none", 80, 80)]
    for policies, allowed in (([], True), ([closed], False)):
        found = [p for p in probes(model([*objects, *policies], V4)) if "/service/" in p.destination]
        assert {p.destination for p in found} == {"default/service/web"}  # nobody is behind the other one
        (one,) = (p for p in found if p.source == "default/client")
        assert (one.port, [t.port for t in one.targets], one.allowed) == (80, [8080], allowed)
        assert one.address not in {t.address for t in one.targets}
        assert not [p for p in found if p.source == "192.0.2.1"]  # has no way to it
        (itself,) = (p for p in found if p.source == "default/web")  # judged, as C14 has it
        assert (itself.hairpin, itself.allowed) == (True, allowed)


def test_a_service_that_leads_out_of_the_lab_is_not_asked() -> None:
    slices = {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": "far-1", "labels": {"kubernetes.io/service-name": "far"}},
        "addressType": "IPv6",
        "ports": [{"name": "", "port": 80}],
        "endpoints": [{"addresses": ["2001:db8::9"]}],
    }
    far = service("far", 80, 80, selector=None, clusterIPs=["fd00:10:96::2"], ipFamilies=["IPv6"])
    world = model([WEB, far, slices], V4)
    assert [t.targets for t in plan_of(world, LabOptions()).translations] == [(("2001:db8::9", 80),)]
    assert not [p for p in probes(world) if "/service/" in p.destination]


def test_addresses_are_spelled_as_packets_have_them() -> None:
    found = probes(model([pod("six", "FD00:0:0::5"), deployment("web")], DUAL))
    assert {p.sender for p in found if p.source == "default/six"} == {"fd00::5"}
    assert {t.address for p in found if p.destination == "default/six" for t in p.targets} == {"fd00::5"}


def test_a_cache_on_the_node_is_asked_at_its_own_address() -> None:
    found = [p for p in probes(model([WEB], V4), dns_cache=True) if p.destination == "dns cache"]
    assert {p.targets[0].seat for p in found if p.source == "default/web"} == {"node/node-1"}  # that of its own node
    assert {(p.protocol, p.port, p.address) for p in found} == {
        ("TCP", 53, "169.254.20.10"),
        ("UDP", 53, "169.254.20.10"),
    }


# What agrees

GOOD, BAD = Target("a", "10.0.0.1", 80, allowed=True), Target("b", "10.0.0.2", 80, allowed=False)
NOBODY = Target("", "10.0.0.3", 80, allowed=True)
AGREES = [
    ((GOOD,), Outcome(Seen.ALLOW, ("10.0.0.1", 80)), True),
    ((GOOD,), Outcome(Seen.ALLOW, ("", 0)), True),  # a server that does not say who it is
    ((GOOD,), Outcome(Seen.ALLOW, ("10.0.0.9", 80)), False),  # somebody else
    ((GOOD,), Outcome(Seen.ALLOW, ("10.0.0.1", 81)), False),
    ((GOOD,), Outcome(Seen.TIMEOUT), False),
    ((GOOD,), Outcome(Seen.REFUSED), False),
    ((GOOD,), Outcome(Seen.ERROR), False),
    ((BAD,), Outcome(Seen.TIMEOUT), True),
    ((BAD,), Outcome(Seen.ALLOW, ("10.0.0.2", 80)), False),
    ((BAD,), Outcome(Seen.REFUSED), False),  # came through, and nobody was there
    ((BAD,), Outcome(Seen.ERROR), False),
    ((GOOD, BAD), Outcome(Seen.ALLOW, ("10.0.0.1", 80)), True),
    ((GOOD, BAD), Outcome(Seen.ALLOW, ("10.0.0.2", 80)), False),  # the one that is denied
    ((GOOD, BAD), Outcome(Seen.TIMEOUT), True),
    ((GOOD, GOOD), Outcome(Seen.TIMEOUT), False),
    ((GOOD, NOBODY), Outcome(Seen.TIMEOUT), True),  # who is not in the lab does not answer
    ((GOOD, NOBODY), Outcome(Seen.ERROR), True),
    ((GOOD, NOBODY), Outcome(Seen.ALLOW, ("10.0.0.1", 80)), True),
    ((BAD, NOBODY), Outcome(Seen.ALLOW, ("10.0.0.2", 80)), False),
    ((BAD, BAD), Outcome(Seen.ALLOW, ("", 0)), False),
]


@pytest.mark.parametrize(("targets", "outcome", "agrees"), AGREES)
def test_what_agrees(targets: tuple[Target, ...], outcome: Outcome, agrees: bool) -> None:
    probe = Probe("s", "10.0.0.7", "d", "10.96.0.1", "TCP", 80, 4, targets)
    assert outcome.agrees(probe) is agrees
    assert probe.allowed is all(target.allowed for target in targets)


# Samples

CROWD = [pod(f"{app}-{n}", f"10.0.{ord(app)}.{n}", app=app) for app in "abcd" for n in range(1, 13)]


def crowd() -> Model:
    rules = [
        policy(app, podSelector={"matchLabels": {"app": app}}, ingress=[{"ports": [{"port": 80}]}]) for app in "ab"
    ]
    return model([*CROWD, *rules], V4)


def test_a_sample_is_that_size_and_always_the_same() -> None:
    asker, ports = asker_of(crowd())
    found = sample(asker, ports, 500, 7)
    assert len(found) == len(set(found)) == 500
    again, same_ports = asker_of(crowd())
    assert sample(again, same_ports, 500, 7) == found
    assert sample(asker, ports, 500, 8) != found
    assert set(found) <= set(every(asker, ports))


def test_a_sample_meets_every_pair_of_classes_evenly() -> None:
    asker, ports = asker_of(crowd())
    labels = [stand.seat.endpoint.labels.get("app", stand.seat.name) for stand in asker.stands]
    classes = set(labels)
    met = [(labels[q.source], labels[q.destination]) for q in sample(asker, ports, 3 * len(classes) ** 2, 7)]
    apart = {(one, other) for one in classes for other in classes if one != other}
    assert apart <= set(met)
    assert max(met.count(pair) for pair in apart) <= 4


def test_half_of_a_sample_is_at_ports_that_mean_something() -> None:
    asker, ports = asker_of(crowd())
    into = [q for q in sample(asker, ports, 2000, 7) if asker.stands[q.destination].seat.name.startswith("default/a")]
    at_80 = sum((q.protocol, q.port) == ("TCP", 80) for q in into)
    assert 0.4 < at_80 / len(into) < 0.6


def test_a_sample_of_next_to_everything_ends() -> None:
    asker, ports = asker_of(model([WEB], V4))
    total = number_of(asker, ports)
    assert len(sample(asker, ports, total, 7)) > total * 0.9
